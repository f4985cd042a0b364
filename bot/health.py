"""Tells a supervisor whether the gateway lives, and whether every part it needs is there."""

from aiohttp import web

from bot.parts import ASSISTANT, STORE
from preferences.errors import UnavailableError


def setup(app: web.Application) -> None:
    """Add the two routes."""
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)


async def alive(request: web.Request) -> web.Response:
    """Answer: that is all it says."""
    del request
    return web.json_response({"status": "alive"})


async def ready(request: web.Request) -> web.Response:
    """Give each part as `ready`, or the reason why it is not, with 503."""
    is_awake = await request.app[ASSISTANT].look()
    parts = {
        "store": await _store(request.app),
        "assistant": "ready" if is_awake else "the Rasa server is not answering yet",
    }
    is_ready = all(state == "ready" for state in parts.values())
    body = {"status": "ready" if is_ready else "waiting", "parts": parts}
    return web.json_response(body, status=200 if is_ready else 503)


async def _store(app: web.Application) -> str:
    try:
        await app[STORE].ping()
    except UnavailableError as error:
        return str(error)
    return "ready"
