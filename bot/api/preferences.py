"""The preference API: what CRM integrations may read, with a key that allows it."""

from http import HTTPStatus

from aiohttp import web

from bot.parts import CLOCK, STORE
from bot.problems import problem
from preferences.profile import as_json
from preferences.store.keys import check_key
from preferences.store.profiles import read_profile
from preferences.store.shoppers import shopper_named


def setup(app: web.Application) -> None:
    """Add the API's routes."""
    app.router.add_get("/v1/shoppers/{id}/preferences", preferences)


async def preferences(request: web.Request) -> web.Response:
    """Give what a shopper said and may be used, each with its proof.

    The shopper is named by our id or, with the scope `lookup`, by an identity: `customer:1001`.
    """
    kind, _, value = request.match_info["id"].partition(":")
    if refused := await _refused(request, {"read", "lookup"} if value else {"read"}):
        return refused
    shopper = await shopper_named(request.app[STORE], kind, value) if value else kind
    profile = await read_profile(request.app[STORE], shopper)
    return web.json_response(as_json(profile), headers={"Cache-Control": "no-store"})


async def _refused(request: web.Request, scopes: set[str]) -> web.Response | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    known = await check_key(request.app[STORE], key, request.app[CLOCK]())
    if scheme != "Bearer" or known is None:
        message = "Send a valid API key as Authorization: Bearer."
        headers = {"WWW-Authenticate": "Bearer"}
        return problem(HTTPStatus.UNAUTHORIZED, "key", message, headers=headers)
    if lacking := scopes - known.scopes:
        message = f"This key may not do that; it lacks the scope {', '.join(sorted(lacking))}."
        return problem(HTTPStatus.FORBIDDEN, "scope", message)
    return None
