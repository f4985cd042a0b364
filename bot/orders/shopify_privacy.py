"""What Shopify must be able to ask of everybody: a shopper's data, their deletion, a whole shop's."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from bot.background import background
from bot.orders.intake import Flat, Number, Platform, read
from bot.parts import CLOCK, SETTINGS, STORE
from preferences.errors import UnavailableError
from preferences.store.requests import (
    Asked,
    record_data_request,
    record_redaction_of_all,
    redact_shoppers,
    redact_some,
)

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0
_PAUSE = 0.05  # seconds in which others may write


class _Customer(BaseModel):
    id: Number | None = None
    email: Flat = ""
    phone: Flat = ""


class Wish(BaseModel):
    """A body of customers/data_request and customers/redact."""

    customer: _Customer = _Customer()
    orders_requested: list[Number] = Field([], max_length=10_000)
    orders_to_redact: list[Number] = Field([], max_length=10_000)


class _Shop(BaseModel):
    shop_domain: str


def setup(app: web.Application) -> None:
    """Go on with the deletion of a whole shop in the background, after a restart too."""
    app.cleanup_ctx.append(_redacting)


async def take(request: web.Request, raw: bytes, platform: Platform) -> web.Response:
    """Do or record what a signed request asks for."""
    topic = platform.topic_of(request)
    delivery = platform.delivery_of(request, raw)
    shape: Any = _Shop if topic == "shop/redact" else Wish

    async def use(wish: Any) -> web.Response:
        if isinstance(wish, _Shop):
            asked = Asked(platform.source, delivery)
            await record_redaction_of_all(request.app[STORE], asked, request.app[CLOCK]())
            logger.warning("Everything that came from %s is being deleted.", platform.source)
        else:
            await _do(request, topic, _asked(platform, delivery, wish))
        return web.Response(status=200, text="done\n")

    return await read(request, raw, platform, shape, use)


async def _do(request: web.Request, topic: str, asked: Asked) -> None:
    app, now = request.app, request.app[CLOCK]()
    if topic == "customers/redact":
        gone = await redact_shoppers(app[STORE], asked, app[SETTINGS].destinations, now)
        logger.info("%s had %d shoppers deleted.", asked.source, gone)
        return
    for shopper in await record_data_request(app[STORE], asked, now):
        logger.warning(
            "%s asks for the data of a shopper: send them what `python -m preferences export %s` "
            "prints, within 30 days.",
            asked.source,
            shopper,
        )


def _asked(platform: Platform, delivery: str, wish: Wish) -> Asked:
    who = wish.customer
    named = (("customer", who.id or ""), ("email", who.email), ("phone", who.phone))
    names = [(kind, value) for kind, value in named if value]
    return Asked(platform.source, delivery, names, [*wish.orders_requested, *wish.orders_to_redact])


async def _redacting(app: web.Application) -> AsyncIterator[None]:
    async with background(_redact(app)):
        yield


async def _redact(app: web.Application) -> None:
    while True:
        more = False
        with suppress(UnavailableError):
            more = await redact_some(app[STORE], app[SETTINGS].destinations, app[CLOCK]())
        await asyncio.sleep(_PAUSE if more else _LOOK_SECONDS)
