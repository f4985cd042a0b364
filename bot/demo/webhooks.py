"""The demo shop's webhooks: bodies in Shopify's shape, signed as Shopify signs them."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bot.demo.shelf import Product, Shopper

SHOP_DOMAIN = "demo.example"
API_VERSION = "2026-10"
_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery. The same `key` gives the same webhook id: a repeat is known as one."""

    topic: str
    key: str
    body: dict[str, Any]

    @property
    def path(self) -> str:
        """Where the gateway takes it: `/v1/orders/shopify` or `/v1/products/shopify`."""
        return f"/v1/{self.topic.partition('/')[0]}/shopify"

    @property
    def raw(self) -> bytes:
        """The exact bytes that are signed and sent."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()

    def headers(self, secret: str, now: datetime) -> dict[str, str]:
        """Shopify's headers over `raw`."""
        signature = b64encode(digest(secret.encode(), self.raw, sha256)).decode()
        return {
            "Content-Type": "application/json",
            "X-Shopify-Hmac-SHA256": signature,
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Shop-Domain": SHOP_DOMAIN,
            "X-Shopify-Webhook-Id": _stable_id("webhook", self.key),
            "X-Shopify-Event-Id": _stable_id("event", self.key),
            "X-Shopify-Triggered-At": _time(now),
            "X-Shopify-API-Version": API_VERSION,
        }


_SHELVED = "2026-01-05T09:00:00+00:00"  # the demo's products never change


def product_updated(product: Product) -> Webhook:
    """Tell the product as it stands on the shelf."""
    body = {
        "id": product.id,
        "title": product.title,
        "product_type": product.kind,
        "tags": f"audience:{product.audience}, demo",
        "status": "active",
        "updated_at": _SHELVED,
        "variants": [_variant(product)],
    }
    return Webhook("products/update", f"product-{product.id}", body)


def order_created(
    number: int,
    order_id: int,
    shopper: Shopper,
    products: Sequence[Product],
    at: datetime,
) -> Webhook:
    """Tell an order of one piece each, paid, by a shopper the shop knows."""
    body = {
        "id": order_id,
        "name": f"#{number}",
        "order_number": number,
        "test": False,
        "created_at": _time(at),
        "processed_at": _time(at),
        "updated_at": _time(at),
        "cancelled_at": None,
        "currency": _CURRENCY,
        "total_price": f"{sum(float(product.price) for product in products):.2f}",
        "financial_status": "paid",
        "fulfillment_status": None,
        "customer_locale": shopper.locale,
        "source_name": "web",
        "customer": _customer(shopper),
        "line_items": [_line(order_id, place, item) for place, item in enumerate(products, 1)],
    }
    return Webhook("orders/create", f"order-{order_id}", body)


def _customer(shopper: Shopper) -> dict[str, Any]:
    first, _, last = shopper.name.partition(" ")
    return {
        "id": shopper.id,
        "email": f"{shopper.key}@shopper.example",
        "first_name": first,
        "last_name": last,
        "locale": shopper.locale,
        "accepts_marketing": False,
    }


def _line(order_id: int, place: int, product: Product) -> dict[str, Any]:
    return {
        "id": order_id * 100 + place,
        "product_id": product.id,
        "variant_id": _variant(product)["id"],
        "sku": product.sku,
        "title": product.title,
        "name": product.title,
        "quantity": 1,
        "price": product.price,
        "gift_card": False,
        "properties": [],
    }


def _variant(product: Product) -> dict[str, Any]:
    return {"id": product.id * 10 + 1, "sku": product.sku, "price": product.price}


def _stable_id(what: str, key: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://{SHOP_DOMAIN}/{what}/{key}"))


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
