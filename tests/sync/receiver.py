"""A system that takes webhooks, as a stranger would write it: it verifies, remembers, can be ill."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
LOST = -1  # taken, but the answer never arrives


@dataclass
class Receiver:
    """Holds the newest profile per shopper. `answers` are given in their order, then 200."""

    url: str = ""
    answers: deque[int | dict[str, Any]] = field(default_factory=deque)
    poison: set[str] = field(default_factory=set)
    delay: float = 0
    requests: list[web.BaseRequest] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    names: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    held: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    changes: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(request)
        try:
            message = Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return web.Response(status=401)
        self.names.append(request.headers["webhook-id"])
        self.reached.set()
        self.bodies.append(message)
        await asyncio.sleep(self.delay)
        answer = self.answers.popleft() if self.answers else 200
        if isinstance(answer, dict):
            return web.Response(**answer)
        if self.poison & {one["shopper"] for one in message["data"]}:
            return web.Response(status=422)
        if answer in (200, 204, LOST):
            self._apply(request.headers["webhook-id"], deepcopy(message["data"]))
        if answer == LOST:
            assert request.transport
            request.transport.close()
            return web.Response()
        return web.Response(status=answer, text=json.dumps({"why": "secret words"}))

    def _apply(self, name: str, data: list[dict[str, Any]]) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        for one in data:
            version = one.pop("version")
            known, before = self.held.get(one["shopper"], (0, None))
            if version > known or (version == known and one != before):
                self.held[one["shopper"]] = (version, one)
                self.changes.append((version, one))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()
