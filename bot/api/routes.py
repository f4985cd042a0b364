"""The whole API: every operation that the gateway serves, and the document made from them."""

from functools import cache, partial
from pathlib import Path

from aiohttp import web

from bot.api import (
    asks,
    channels,
    consents,
    conversations,
    decisions,
    docs,
    facts,
    feed,
    history,
    keys,
    links,
    orders,
    people,
    polls,
    promises,
    provenance,
    referrals,
    rights,
    shoppers,
    suppressions,
    webhooks,
)
from bot.api.openapi import document
from bot.api.operations import Operation
from bot.api.serving import serve

_NOUNS = (
    shoppers,
    provenance,
    people,
    conversations,
    channels,
    consents,
    suppressions,
    history,
    decisions,
    asks,
    polls,
    promises,
    referrals,
    facts,
    orders,
    rights,
    links,
    feed,
    keys,
    webhooks,
)
OPERATIONS: tuple[Operation, ...] = tuple(one for noun in _NOUNS for one in noun.OPERATIONS)
_DOCUMENT = "/v1/openapi.json"
_STYLE = Path(__file__).parent / "static" / "docs.css"
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def setup(app: web.Application) -> None:
    """Add the API's routes, its document and the page made of it."""
    serve(app, OPERATIONS)
    described = cache(partial(document, OPERATIONS))  # half of what a start costs, for few readers

    async def openapi(_request: web.Request) -> web.Response:
        return web.json_response(described())

    async def page(request: web.Request) -> web.Response:
        text = docs.page(described(), f"{request.scheme}://{request.host}")
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)

    async def style(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(_STYLE)

    app.router.add_get(_DOCUMENT, openapi)
    app.router.add_get("/v1/docs", page)
    app.router.add_get(docs.STYLE, style)
