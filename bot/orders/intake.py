"""What the webhooks of all platforms share: signatures, what cannot be read, and keeping an order."""

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, SecretStr, ValidationError

from bot.chat.sessions import CHANNEL
from bot.parts import BUS, CLOCK, POLICY, QUEUE, SETTINGS, STORE
from bot.problems import problem
from preferences.purchases import Note, Purchase
from preferences.settings import Settings
from preferences.store.conversations import reachable, receive
from preferences.store.purchases import Kept, keep_aside, keep_notes, keep_purchase

logger = logging.getLogger(__name__)

# A shopper who was here this recently is told in the chat; everybody else when they come back.
_STILL_HERE = timedelta(minutes=30)
_MOST_TEXT = 255
_AT_ONCE = 4  # more would only wait for one another
_DOOR = web.AppKey("orders_door", asyncio.Semaphore)

Number = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
Flat = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text that a platform may also leave empty."""


@dataclass(frozen=True, slots=True)
class Platform:
    """How a platform signs: its headers, and the setting of its secret (`…_secret`, `…_old_secret`)."""

    source: str
    signature: str
    topic: str
    delivery: str

    def secrets(self, settings: Settings) -> list[str]:
        """Give the secrets that are taken now: two while one replaces the other."""
        held: list[SecretStr] = [
            getattr(settings, f"{self.source}{which}_secret") for which in ("", "_old")
        ]
        return [secret.get_secret_value() for secret in held if secret.get_secret_value()]

    def topic_of(self, request: web.Request) -> str:
        """Give what a delivery is about; empty where it does not say."""
        return request.headers.get(self.topic, "")

    def delivery_of(self, request: web.Request, raw: bytes) -> str:
        """Name a delivery: the same name whenever it is sent again."""
        return f"{self.source}:{request.headers.get(self.delivery) or sha256(raw).hexdigest()}"


def is_signed(request: web.Request, raw: bytes, platform: Platform) -> bool:
    """Tell whether one of the secrets signed these very bytes (base64 of HMAC-SHA256)."""
    given = request.headers.getall(platform.signature, [])
    if len(given) != 1:
        return False
    right = [
        base64.b64encode(hmac.digest(secret.encode(), raw, sha256))
        for secret in platform.secrets(request.app[SETTINGS])
    ]
    return any(hmac.compare_digest(given[0].encode(), one) for one in right)


def unsigned(platform: Platform) -> web.Response:
    """Refuse what nobody signed."""
    name = f"ASKFIRST_{platform.source.upper()}_SECRET"
    message = f"The signature is missing or wrong; check {name} on both sides."
    return problem(401, "signature", message)


async def read[Shape: BaseModel](
    request: web.Request,
    raw: bytes,
    platform: Platform,
    shape: type[Shape],
    use: Callable[[Shape], Awaitable[web.Response]],
) -> web.Response:
    """Read a signed report and use it; keep it aside, acknowledged, if it cannot be read.

    A platform stops sending altogether where some reports in a row are refused.
    """
    try:
        report = shape.model_validate(json.loads(raw))
    except (ValueError, RecursionError) as error:
        field, what = _fault(error)
    else:
        return await use(report)
    await keep_aside(
        request.app[STORE],
        source=platform.source,
        topic=platform.topic_of(request) or request.path,
        delivery=platform.delivery_of(request, raw),
        body=raw.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        problem=f"{field}: {what}",
        now=request.app[CLOCK](),
    )
    logger.warning("A signed webhook could not be read (%s: %s); it is kept aside.", field, what)
    detail = f"{field}: {what}. The delivery is kept aside and can be replayed once this is mended."
    return problem(202, "order", detail, field=field)


def setup(app: web.Application) -> None:
    """Make the door through which a burst of orders passes, a few at a time and in turn.

    SQLite has one writer, and lets those who wait for it starve.
    """
    single = app[SETTINGS].database.startswith("sqlite")
    app[_DOOR] = asyncio.Semaphore(1 if single else _AT_ONCE)


async def take(app: web.Application, purchase: Purchase) -> Kept:
    """Keep an order, and let the assistant weigh the occasion if it made one."""
    async with app[_DOOR]:
        kept = await keep_purchase(
            app[STORE], purchase, app[POLICY], app[CLOCK](), app[SETTINGS].destinations
        )
    if kept.candidate:
        await _tell(app, kept.shopper, purchase.source, purchase.external_id)
    return kept


async def keep(request: web.Request, purchase: Purchase) -> web.Response:
    """Keep an order that a platform reports."""
    kept = await take(request.app, purchase)
    if kept.became in {"nobody", "erased"}:
        return acknowledged()
    return web.Response(status=200, text="kept\n")


async def keep_happenings(
    request: web.Request, source: str, order: str, notes: Sequence[Note]
) -> web.Response:
    """Keep what happened to an order."""
    app = request.app
    async with app[_DOOR]:
        await keep_notes(
            app[STORE],
            (source, order),
            notes,
            app[POLICY],
            app[CLOCK](),
            app[SETTINGS].destinations,
        )
    return web.Response(status=200, text="kept\n")


def acknowledged() -> web.Response:
    """Say that it arrived, and that nothing of it is kept."""
    return web.Response(status=200, text="acknowledged, nothing to keep\n")


async def _tell(app: web.Application, shopper: str, source: str, order: str) -> None:
    """Let the assistant weigh the occasion, in the conversation that is still warm."""
    now = app[CLOCK]()
    conversation = await reachable(app[STORE], shopper, CHANNEL, now, _STILL_HERE)
    if conversation is None:
        return
    await receive(
        app[STORE],
        conversation,
        message_id=f"purchase:{source}:{order}",
        kind="event",
        text="purchased",
        body={},
        now=now,
    )
    await app[BUS].tell(conversation, "thinking")
    await app[QUEUE].put(shopper)


def short(text: str) -> str:
    """Give a title as it may be kept: one line, without what a database refuses."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MOST_TEXT]


def _fault(error: Exception) -> tuple[str, str]:
    """Name the field and what is wrong with it, without what it holds."""
    if isinstance(error, ValidationError):
        first: Any = error.errors(include_input=False)[0]
        return ".".join(str(part) for part in first["loc"]) or "body", str(first["msg"])
    return "body", "is not JSON"
