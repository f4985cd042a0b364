"""A gateway on a real store, with a Rasa server that understands what it was taught."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from aiohttp import ClientSession, web
from aiohttp.web_app import _cached_build_middleware

from bot.gateway import create_app
from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.policy import load_policy
from preferences.settings import Settings, load_settings
from preferences.store.engine import Store, open_store
from preferences.store.turns import Turns
from preferences.understanding import Guess, Heard
from preferences.voice import load_voice
from tests.vaults import KEYS

catalogue = cache(load_catalogue)
"""The catalogue is never changed: a thousand gateways need not each read it."""


@cache
def assistant() -> Assistant:
    return Assistant(catalogue(), load_voice("Corner Shop"), load_policy())


@dataclass
class FakeRasa:
    """Takes turns over the real domain and store; remembers them, and can be away or refuse."""

    store: Store
    secret: str
    awake: bool = True
    status: int = 200
    turns: list[dict[str, Any]] = field(default_factory=list)
    taught: dict[str, tuple[Guess, ...]] = field(default_factory=dict)
    url: str = ""
    messages_per_month: int = 0
    destinations: tuple[str, ...] = ("log",)

    async def turn(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert request.headers["Authorization"] == f"Bearer {self.secret}"
        self.turns.append(body)
        if not self.awake or self.status != 200:
            return web.json_response({}, status=503 if not self.awake else self.status)
        turns = Turns(
            self.store,
            assistant(),
            self.destinations,
            lambda: datetime.now(UTC),
            messages_per_month=self.messages_per_month,
        )
        text = body["text"] or ""
        heard = Heard(text, self.taught.get(text, ()))
        replies = await turns.take(body["sender"], body["message_id"], heard)
        return web.json_response({"message_id": body["message_id"], "replies": replies})

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.awake else 503)

    @property
    def texts(self) -> list[str]:
        return [turn["text"] for turn in self.turns if turn["kind"] == "text"]


@dataclass
class Page:
    """One chat as a page holds it, over plain HTTP."""

    http: ClientSession
    url: str
    session: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session}"}

    async def say(self, **body: Any) -> tuple[int, dict[str, Any]]:
        body = {"client_message_id": str(uuid4()), **body}
        url = f"{self.url}/v1/chat/messages"
        async with self.http.post(url, json=body, headers=self.headers) as response:
            return response.status, await response.json() | {"headers": dict(response.headers)}

    @asynccontextmanager
    async def stream(self, after: int = 0) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        url = f"{self.url}/v1/chat/stream?after={after}"
        async with self.http.get(url, headers=self.headers) as response:
            assert response.status == 200
            yield _events(response.content)

    async def log(self, lines: int, after: int = 0) -> list[dict[str, Any]]:
        """Give so many lines of the log, waiting for those that are still to come."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(10), self.stream(after) as events:
            async for name, data in events:
                if name == "message":
                    found.append(data)
                if len(found) == lines:
                    return found
        raise AssertionError(found)


async def _events(content: Any) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for raw in content:
        label, _, value = raw.decode().strip().partition(": ")
        if label == "event":
            name = value
        if label == "data":
            yield name, json.loads(value)


@dataclass
class Gateway:
    """A running gateway, and what a shop and a page do with it."""

    http: ClientSession
    url: str
    settings: Settings
    rasa: FakeRasa
    app: web.Application

    async def page(self, customer: str | None = None, **body: Any) -> Page:
        if customer is not None:
            body["identity"] = self.identity(customer)
        async with self.http.post(f"{self.url}/v1/chat/sessions", json=body) as response:
            assert response.status == 201, await response.text()
            return Page(self.http, self.url, (await response.json())["session"])

    def identity(self, customer: str, **more: Any) -> str:
        now = datetime.now(UTC)
        claims = {"sub": customer, "aud": "askfirst", "iat": now, "exp": now + timedelta(minutes=5)}
        return jwt.encode(claims | more, self.settings.identity_secret.get_secret_value(), "HS256")

    async def report(self, path: str, body: object, signature: str = "") -> tuple[int, str]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        secret = self.settings.shopify_secret.get_secret_value().encode()
        right = base64.b64encode(hmac.new(secret, raw, sha256).digest()).decode()
        headers = {
            "X-Shopify-Hmac-SHA256": signature or right,
            "X-Shopify-Webhook-Id": sha256(raw).hexdigest(),
        }
        async with self.http.post(self.url + path, data=raw, headers=headers) as response:
            return response.status, await response.text()

    async def has_bought(self, customer: str, sku: str, *, days_ago: int = 0) -> None:
        """Report a product and an order of it, as a shop does."""
        audience = {"shirt": "men", "dress": "women"}[sku]
        product = {
            "title": f"Linen {sku}",
            "product_type": sku,
            "tags": f"new, audience:{audience}",
            "updated_at": "2026-01-01T00:00:00Z",
            "variants": [{"sku": sku}],
        }
        order = {
            "id": uuid4().int >> 80,
            "created_at": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
            "customer": {"id": customer},
            "line_items": [{"sku": sku, "title": f"Linen {sku}", "quantity": 1}],
        }
        assert await self.report("/v1/products/shopify", product) == (200, "kept\n")
        assert await self.report("/v1/orders/shopify", order) == (200, "kept\n")


Start = Callable[..., Any]


@pytest.fixture
async def rasa(store: Store) -> AsyncIterator[FakeRasa]:
    fake = FakeRasa(store, "a secret between the two")
    app = web.Application()
    app.router.add_post("/webhooks/askfirst/turn", fake.turn)
    app.router.add_get("/webhooks/askfirst/health", fake.health)
    async with served(app) as fake.url:
        yield fake


@pytest.fixture
def start(store_url: str, rasa: FakeRasa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a gateway; several may stand on one store."""
    monkeypatch.setattr("bot.gateway.load_catalogue", catalogue)

    @asynccontextmanager
    async def starting(**overrides: Any) -> AsyncIterator[Gateway]:
        settings = load_settings(
            data_dir=tmp_path,
            keys_file=KEYS,
            database_url=store_url,
            rasa_urls=rasa.url,
            turn_secret=rasa.secret,
            **overrides,
        )
        app = create_app(settings)
        async with served(app) as url, ClientSession() as http:
            gateway = Gateway(http, url, settings, rasa, app)
            yield gateway

    return starting


@pytest.fixture
async def gateway(start: Start) -> AsyncIterator[Gateway]:
    async with start() as started:
        yield started


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        _cached_build_middleware.cache_clear()  # aiohttp keeps a thousand applications by it


__all__ = ["FakeRasa", "Gateway", "Page", "Start", "open_store", "served"]
