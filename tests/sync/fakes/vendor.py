"""What every stand-in for a vendor shares: a real server that remembers, keeps limits, can be ill."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any

from aiohttp import web

LOST = "the answer is dropped after the write"


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]
    status: int = 0
    at: float = 0


@dataclass
class Window:
    """So many requests in any stretch of so many seconds."""

    most: int
    seconds: float
    taken: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        while self.taken and self.taken[0] <= now - self.seconds:
            self.taken.popleft()
        if len(self.taken) >= self.most:
            return False
        self.taken.append(now)
        return True

    @property
    def left(self) -> int:
        return self.most - len(self.taken)

    def reset(self, now: float) -> float:
        return max(0.0, self.taken[0] + self.seconds - now) if self.taken else 0.0


@dataclass
class Vendor:
    """A server with routes of its own. `ills` befall the next requests, in their order.

    An ill is LOST, a number of seconds to wait before the answer, or what to answer instead.
    """

    url: str = ""
    secret: str = "vendor-token-4711"
    latency: float = 0
    loses: float = 0  # share of answers that are dropped after the write
    windows: list[Window] = field(default_factory=list)
    ills: deque[Any] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    remember: bool = True
    away: bool = False
    refused: int = 0
    lost: int = 0
    clock: Callable[[], float] = monotonic
    chance: Random = field(default_factory=lambda: Random(7))

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        raise NotImplementedError

    def throttled(self, window: Window) -> web.StreamResponse:
        raise NotImplementedError

    def decorate(self, response: web.StreamResponse) -> None:
        """Add the headers that every answer of the vendor has."""

    def limited(self, request: web.Request) -> list[Window]:
        del request
        return self.windows

    def broken(self) -> web.StreamResponse:
        return web.Response(status=503, text="<html>upstream is away</html>")

    async def meet(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Let a request through what may be in its way."""
        await request.read()
        seen = await self._note(request) if self.remember else None
        ill = self.ills.popleft() if self.ills else None
        if ill is None and self.loses and self.chance.random() < self.loses:
            ill = LOST
        response = await self._answer(request, handler, ill)
        if seen:
            seen.status = response.status
        self.decorate(response)
        if self.latency:
            await asyncio.sleep(self.latency)
        if ill == LOST:
            self.lost += 1
            assert request.transport
            request.transport.close()
        return response

    async def _note(self, request: web.Request) -> Seen:
        body, headers = _json(await request.text()), dict(request.headers)
        seen = Seen(request.method, request.path_qs, body, headers, at=self.clock())
        self.seen.append(seen)
        return seen

    async def _answer(self, request: web.Request, handler: Any, ill: Any) -> web.StreamResponse:
        if self.away:
            return self.broken()
        if (refusal := self.authorised(request)) is not None:
            return refusal
        now = self.clock()
        for window in self.limited(request):
            if not window.take(now):
                self.refused += 1
                return self.throttled(window)
        if isinstance(ill, dict):
            return web.json_response(**ill)
        if isinstance(ill, int | float):
            await asyncio.sleep(ill)
        response: web.StreamResponse = await handler(request)
        return response

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Vendor"]:
        """Serve on a free port until the end."""

        @web.middleware
        async def meet(request: web.Request, handler: Any) -> web.StreamResponse:
            return await self.meet(request, handler)

        app = web.Application(middlewares=[meet], client_max_size=64 * 2**20)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            yield self
        finally:
            await runner.cleanup()

    def asked(self, part: str) -> list[Seen]:
        """Give the requests whose path has a part in it."""
        return [one for one in self.seen if part in one.path]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
