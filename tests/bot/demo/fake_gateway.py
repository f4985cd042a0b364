"""A gateway that takes signed Shopify webhooks only, and remembers them."""

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest, new
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Delivery:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def webhook_id(self) -> str:
        return self.headers["X-Shopify-Webhook-Id"]


async def all_fed(gateway: "FakeGateway", webhooks: int = 33) -> None:
    """Wait until the demo shop has told its whole past."""
    async with asyncio.timeout(5):
        while len(gateway.deliveries) < webhooks:  # noqa: ASYNC110 - the fake has no event
            await asyncio.sleep(0.02)


class FakeGateway:
    """`answers` are statuses to give before it behaves; `refuse` names topics it will not have."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.deliveries: list[Delivery] = []
        self.answers: list[int] = []
        self.refuse: dict[str, str] = {}

    def setup(self, app: web.Application) -> None:
        app.router.add_post("/v1/orders/shopify", self._take)
        app.router.add_post("/v1/products/shopify", self._take)

    def of(self, topic: str) -> list[Delivery]:
        return [one for one in self.deliveries if one.headers["X-Shopify-Topic"] == topic]

    async def _take(self, request: web.Request) -> web.Response:
        if self.answers:
            return web.Response(status=self.answers.pop(0))
        raw = await request.read()
        signature = b64encode(new(self.secret.encode(), raw, sha256).digest())
        if not compare_digest(signature, request.headers["X-Shopify-Hmac-SHA256"].encode()):
            return web.json_response({"detail": "The signature is wrong."}, status=401)
        if reason := self.refuse.get(request.headers["X-Shopify-Topic"]):
            return web.json_response({"detail": reason}, status=422)
        self.deliveries.append(Delivery(request.path, dict(request.headers), json.loads(raw)))
        return web.json_response({}, status=202)
