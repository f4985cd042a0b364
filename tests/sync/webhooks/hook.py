"""A receiver as a stranger would write it: it verifies by the library, remembers, can be ill."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

type Answer = int | Literal["lost", "endless"] | dict[str, Any]


@dataclass
class Hook:
    """`answers` are given in their order, then 204; who does not verify gets 401."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    delay: float = 0
    requests: list[web.BaseRequest] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    peers: list[object] = field(default_factory=list)
    sent: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def names(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.requests]

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.messages]

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(request)
        self.raw.append(body)
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        self.reached.set()
        if not (message := self._verified(body, dict(request.headers))):
            return web.Response(status=401)
        self.messages.append(message)
        await asyncio.sleep(self.delay)
        return await self._answer(request, self.answers.popleft() if self.answers else 204)

    def _verified(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        for secret in self.secrets:
            try:
                return {} | Webhook(secret).verify(body, headers)
            except WebhookVerificationError:
                pass
        return None

    async def _answer(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, dict):
            return web.Response(**answer)
        if isinstance(answer, int):
            return web.Response(status=answer, text="secret words")
        assert request.transport
        if answer == "lost":
            request.transport.close()
            return web.Response()
        response = web.StreamResponse()
        await response.prepare(request)
        while not request.transport.is_closing():
            await response.write(bytes(64 * 1024))
            self.sent += 64 * 1024
        return response


@asynccontextmanager
async def hooked(tls: ssl.SSLContext | None = None) -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        hook.url = f"http://{host}:{port}/hook"
        yield hook
    finally:
        await runner.cleanup()
