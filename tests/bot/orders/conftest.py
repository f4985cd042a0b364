"""A gateway as an order platform sees it: bodies of its shape, signed as it signs them."""

import base64
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from bot.parts import STORE
from preferences.store.tables import PurchaseLineRow
from tests.bot.conftest import Gateway

HEADERS = {
    "shopify": ("X-Shopify-Hmac-SHA256", "X-Shopify-Topic", "X-Shopify-Webhook-Id"),
    "woocommerce": (
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Topic",
        "X-WC-Webhook-Delivery-ID",
    ),
}


def signed(secret: str, raw: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, sha256).digest()).decode()


@dataclass
class Platform:
    """Sends webhooks of one platform."""

    gateway: Gateway
    source: str

    @property
    def secret(self) -> str:
        held: str = getattr(self.gateway.settings, f"{self.source}_secret").get_secret_value()
        return held

    async def sends(
        self,
        topic: str,
        body: object,
        *,
        secret: str | None = None,
        path: str = "orders",
        delivery: str | None = None,
    ) -> tuple[int, str]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature, about, name = HEADERS[self.source]
        headers = {
            signature: signed(self.secret if secret is None else secret, raw),
            about: topic,
            name: delivery or sha256(raw).hexdigest(),
        }
        url = f"{self.gateway.url}/v1/{path}/{self.source}"
        async with self.gateway.http.post(url, data=raw, headers=headers) as response:
            return response.status, await response.text()

    async def rows[Kind: SQLModel](self, table: type[Kind]) -> list[Kind]:
        async with self.gateway.app[STORE].begin(readonly=True) as session:
            return list((await session.exec(select(table))).all())

    async def left(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in await self.rows(PurchaseLineRow)}


def shopify_order(**more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "created_at": "2026-01-01T10:00:00-05:00",
        "updated_at": "2026-01-01T10:00:00-05:00",
        "customer": {"id": 7},
        "currency": "EUR",
        "line_items": [
            {"id": 11, "sku": "hat", "title": "Hat", "quantity": 3, "price": "19.90"},
            {"id": 12, "sku": None, "product_id": 5, "title": "Shirt", "quantity": 1},
        ],
    } | more


def woo_order(**more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-01-01T10:00:00",
        "date_modified_gmt": "2026-01-01T10:00:08",
        "customer_id": 7,
        "total": "41.80",
        "billing": {"email": "a@b.example", "address_1": "1 Main St", "city": "Ulm"},
        "shipping": {"address_1": "1 Main St", "city": "Ulm"},
        "line_items": [
            {
                "id": 11,
                "name": "Hat &ndash; Size: M",
                "sku": "hat",
                "product_id": 5,
                "quantity": 2,
                "price": 19.9,
                "meta_data": [{"key": "pa_size", "value": "m"}],
            }
        ],
        "refunds": [],
    } | more


@pytest.fixture
def shopify(gateway: Gateway) -> Platform:
    return Platform(gateway, "shopify")


@pytest.fixture
def woocommerce(gateway: Gateway) -> Platform:
    return Platform(gateway, "woocommerce")
