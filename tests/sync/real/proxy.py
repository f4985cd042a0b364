"""Stands between us and a real CRM, so that answers can be lost and the CRM be ill at a chosen moment."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web

from tests.sync.fakes.vendor import LOST, Vendor

_OF_THE_HOP = {"content-length", "transfer-encoding", "connection", "content-encoding", "host"}


@dataclass
class Proxy(Vendor):
    """Passes everything on; who forgot us answers as the CRM does to credentials that are none."""

    upstream: str = ""
    stranger: HTTPStatus = HTTPStatus.UNAUTHORIZED
    losing: str = ""  # the answer to the next request that has this word in it is dropped

    def __post_init__(self) -> None:
        self.known = self.secret

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._pass_on)]

    def authorised(self, request: web.Request) -> web.StreamResponse | None:
        del request
        return None if self.secret == self.known else web.Response(status=self.stranger)

    async def meet(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.losing and self.losing in f"{request.method} {await request.text()}":
            self.losing = ""
            self.ills.append(LOST)
        return await super().meet(request, handler)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _OF_THE_HOP}
        async with (
            ClientSession(cookie_jar=DummyCookieJar()) as session,
            session.request(
                request.method,
                f"{self.upstream}{request.path_qs}",
                data=await request.read(),
                headers=headers,
            ) as answer,
        ):
            passed = {k: v for k, v in answer.headers.items() if k.lower() not in _OF_THE_HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=passed)
