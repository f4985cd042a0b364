"""The website's chat: sessions and messages by POST, the log as a stream that can be resumed."""

import re
from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.chat.log import poll, stream
from bot.chat.requests import address_of, body_of, conversation_of, refused
from bot.chat.sessions import begin, change, end
from bot.limits import Rate
from bot.parts import BUS, CATALOGUE, CLOCK, POLICY, QUEUE, SETTINGS, STORE, TOKENS
from bot.problems import problem
from bot.text import clean
from bot.tokens import TokenError
from preferences.dialogue.surroundings import SURROUNDINGS
from preferences.errors import BadInputError, NotFoundError
from preferences.store.conversations import Received, choice_label, receive
from preferences.store.surroundings import keep_surroundings
from preferences.understanding import is_stop

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EVENTS = frozenset({"opened", "purchased", "viewed"})
_NAMES = "opened, purchased, viewed, dismissed, surroundings"
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")
_BURST, _ADDRESS_BURST, _SHOP_BURST = 5, 20, 100


def setup(app: web.Application) -> None:
    """Add the chat's routes."""
    app.router.add_post("/v1/chat/sessions", begin)
    app.router.add_patch("/v1/chat/session", change)
    app.router.add_delete("/v1/chat/session", end)
    app.router.add_post("/v1/chat/messages", say)
    app.router.add_get("/v1/chat/stream", stream)
    app.router.add_get("/v1/chat/log", poll)


async def say(request: web.Request) -> web.Response:
    """Keep a message, and acknowledge it: from now on it will be answered, in order."""
    try:
        conversation, body = conversation_of(request), await body_of(request)
        stops = is_stop(str(body.get("text", "")))  # a wish to be left alone is never too much
        if refusal := await refused(request, {} if stops else _rates(request, conversation)):
            return refusal
        if _is_no_occasion(request, body):
            return web.json_response({"seq": 0}, status=202)
        if body.get("event") == SURROUNDINGS:
            await _keep_surroundings(request, conversation, body)
        received = await _keep(request, conversation, body)
    except TokenError as error:
        return problem(401, "session-expired", str(error))
    except BadInputError as error:
        too_long = error.field == "text" and "longer" in str(error)
        return problem(413 if too_long else 422, "message", str(error), field=error.field)
    if not received.answered:
        await request.app[QUEUE].put(received.conversation.shopper)
    return web.json_response({"seq": received.seq}, status=202)


def _rates(request: web.Request, conversation: str) -> dict[str, Rate]:
    settings = request.app[SETTINGS]
    return {
        f"session:{conversation}": Rate(settings.messages_per_minute, _BURST),
        f"address:{address_of(request)}": Rate(
            settings.messages_per_minute_per_address, _ADDRESS_BURST
        ),
        "shop": Rate(settings.messages_per_minute_of_all, _SHOP_BURST),
    }


def _is_no_occasion(request: web.Request, body: dict[str, Any]) -> bool:
    """Whether a page tells what the shop's policy asks nothing at: it is not kept then."""
    policy, event = request.app[POLICY], body.get("event")
    if event == "dismissed":
        return not 0 <= _seconds(body) < policy.seconds_dismissed
    return event in _EVENTS and event not in (*policy.prompted, *policy.unprompted)


async def _keep(request: web.Request, conversation: str, body: dict[str, Any]) -> Received:
    kind, text, more = await _read(request, conversation, body)
    message_id = body.get("client_message_id")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        message = "client_message_id must be 1 to 64 letters, digits, - or _ (a UUID, say)."
        raise BadInputError(message, field="client_message_id")
    try:
        received = await receive(
            request.app[STORE],
            conversation,
            message_id=message_id,
            kind=kind,
            text=text,
            body=more,
            now=request.app[CLOCK](),
        )
    except NotFoundError as error:
        raise TokenError(str(error)) from None
    await request.app[BUS].tell(conversation, "log")
    return received


async def _read(
    request: web.Request, conversation: str, body: dict[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    """Give the kind, the text and what else belongs to a message: words, a button, an event."""
    match body:
        case {"text": str(text)}:
            return "text", clean(text), {}
        case {"press": str(token)}:
            ask, option = request.app[TOKENS].pressed(conversation, token)
            label = await choice_label(request.app[STORE], conversation, ask, option)
            return "press", label, {"ask": ask, "option": option}
        case {"event": "opened", "entry": str(entry)}:
            known = entry.casefold() in request.app[CATALOGUE].campaigns
            return "event", "opened", {"entry": entry} if known else {}
        case {"event": "opened", "poll": str(token)}:
            return "event", "opened", _by_mail(request, token)
        case {"event": "dismissed", "seq": int(seq)}:
            return "event", "dismissed", {"dismissed": seq}
        case {"event": str(event)} if event in _EVENTS or event == SURROUNDINGS:
            return "event", event, {}
        case _:
            message = f"A message holds text, press (the token of a button) or event ({_NAMES})."
            raise BadInputError(message, field="text")


def _by_mail(request: web.Request, token: str) -> dict[str, Any]:
    """Give the question of a mail whose link led here; one that is over leads here all the same."""
    with suppress(TokenError):
        return {"poll": request.app[TOKENS].talked(token, request.app[CLOCK]())}
    return {}


def _seconds(body: dict[str, Any]) -> float:
    """Give for how long a question was looked at, as the page tells it."""
    told = body.get("seconds")
    if isinstance(told, bool) or not isinstance(told, int | float):
        message = "seconds must tell for how long the question was to be seen."
        raise BadInputError(message, field="seconds")
    return float(told)


async def _keep_surroundings(request: web.Request, conversation: str, body: dict[str, Any]) -> None:
    """Keep where the shopper is and the weather there, if they permitted it; no word of it else."""
    told = {name: body.get(name, "") for name in ("place", "weather")}
    for name, word in told.items():
        if not isinstance(word, str) or (word and not _PLACE.fullmatch(word)):
            message = f"{name} must be a short word of the shop's own, as in DE-BE or rain."
            raise BadInputError(message, field=name)
    app = request.app
    try:
        await keep_surroundings(app[STORE], conversation, **told, now=app[CLOCK]())
    except NotFoundError as error:
        raise TokenError(str(error)) from None
