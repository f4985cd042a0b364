"""Which pages may talk to the chat: the gateway's own, and those on the shop's exact list."""

import logging
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.parts import SETTINGS
from bot.problems import problem

logger = logging.getLogger(__name__)

_GUARDED = "/v1/chat/"
_ALLOWED = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Max-Age": "600",
}


@web.middleware
async def origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse the chat to pages of other origins, and answer their browsers' preflights."""
    origin = request.headers.get("Origin")
    if origin is None or not request.path.startswith(_GUARDED):
        return await handler(request)
    if not _may_embed(request, origin):
        logger.warning("A page of %s was refused; ASKFIRST_ORIGINS lists who may.", origin[:200])
        return problem(403, "origin", "The chat is not available on this page.")
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=_ALLOWED | _named(origin))
    return await handler(request)


async def allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Name the page's origin on every answer to it, errors and streams included."""
    origin = request.headers.get("Origin")
    if origin and request.path.startswith(_GUARDED) and _may_embed(request, origin):
        response.headers.update(_named(origin))


def _may_embed(request: web.Request, origin: str) -> bool:
    return origin in request.app[SETTINGS].origins or urlsplit(origin).netloc == request.host


def _named(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }
