"""A gateway as a CRM sees it: keys, and requests with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.parts import STORE
from preferences.store.engine import Store
from preferences.store.keys import SCOPES, issue_key
from tests.bot.conftest import Gateway


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    json: Any


@dataclass
class Api:
    """A caller with a key for everything, or for what a test asks for."""

    gateway: Gateway
    http: ClientSession
    keys: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.gateway.app[STORE]

    async def key(self, *scopes: str, lasts: timedelta = timedelta(hours=1)) -> str:
        if scopes not in self.keys:
            now = datetime.now(UTC)
            self.keys[scopes] = await issue_key(self.store, "test", scopes or SCOPES, lasts, now)
        return self.keys[scopes]

    async def call(
        self, method: str, path: str, *scopes: str, key: str | None = None, **more: Any
    ) -> Answer:
        headers = {"Authorization": f"Bearer {key or await self.key(*scopes)}"}
        headers |= more.pop("headers", {})
        url = self.gateway.url + path
        async with self.http.request(method, url, headers=headers, **more) as response:
            raw = await response.read()
            is_json = "json" in response.content_type and "ndjson" not in response.content_type
            page = await response.json(content_type=None) if raw and is_json else None
            return Answer(response.status, response.headers, raw, page)

    async def get(self, path: str, *scopes: str, **more: Any) -> Answer:
        return await self.call("GET", path, *scopes, **more)

    async def post(self, path: str, body: object = None, *scopes: str, **more: Any) -> Answer:
        return await self.call("POST", path, *scopes, json=body, **more)

    async def has_shopper(self, customer: str) -> str:
        """Have the shop tell of a customer; give the id."""
        body = {"identities": [{"kind": "customer", "value": customer}]}
        answer = await self.post("/v1/shoppers", body)
        assert answer.status == 200, answer.json
        return str(answer.json["shopper"])


@pytest.fixture
def api(gateway: Gateway) -> Api:
    return Api(gateway, gateway.http)
