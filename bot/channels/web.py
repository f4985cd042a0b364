"""The website's chat: sessions and messages by POST, the log as a stream that can be resumed."""

import asyncio
import json
import re
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.bus import News
from bot.limits import Rate
from bot.parts import (
    ASSISTANT,
    BUS,
    CATALOGUE,
    CLOCK,
    LIMITER,
    QUEUE,
    SETTINGS,
    STORE,
    TOKENS,
    VOICE,
)
from bot.problems import problem
from bot.text import clean
from bot.tokens import TokenError, Tokens
from preferences.errors import BadInputError, NotFoundError
from preferences.store.conversations import (
    Logged,
    Received,
    choice_label,
    read_log,
    receive,
    start_conversation,
)
from preferences.store.objections import object_by_browser
from preferences.texts import LOCALES
from preferences.understanding import is_stop

CHANNEL = "web"
_LARGEST_BODY = 8192
_LOOK_SECONDS = 15
_MOST_STREAMS = 5
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EVENTS = frozenset({"opened"})


def setup(app: web.Application) -> None:
    """Add the chat's routes."""
    app.router.add_post("/v1/chat/sessions", begin)
    app.router.add_post("/v1/chat/messages", say)
    app.router.add_get("/v1/chat/stream", stream)


async def begin(request: web.Request) -> web.Response:
    """Begin a session: the server chooses the conversation, never the page."""
    app, settings = request.app, request.app[SETTINGS]
    rate = Rate(settings.sessions_per_minute_per_address, 10)
    if refused := await _limited(request, f"sessions:{_address(request)}", rate):
        return refused
    body = await _body(request)
    identity, locale, session = (body.get(name) for name in ("identity", "locale", "session"))
    try:
        customer = app[TOKENS].customer(identity) if isinstance(identity, str) else None
    except TokenError as error:
        return problem(401, "identity", str(error))
    now = app[CLOCK]()
    conversation = await start_conversation(
        app[STORE],
        channel=CHANNEL,
        locale=_locale(locale, settings.locale),
        customer=customer,
        now=now,
        previous=_previous(app[TOKENS], session),
    )
    if request.headers.get("Sec-GPC") == "1":  # before anybody can ask anything here
        await object_by_browser(
            app[STORE], conversation.id, app[CATALOGUE], settings.destinations, now
        )
    token, until = app[TOKENS].session(conversation.id, now)
    answer = {
        "session": token,
        "expires_at": until.isoformat(),
        "state": _state(app),
        "assistant": app[VOICE].say("title", conversation.locale),
    }
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


def _previous(tokens: Tokens, session: object) -> str | None:
    """Give the conversation that the page held before, if its session is one of ours."""
    with suppress(TokenError):
        return tokens.conversation(session) if isinstance(session, str) else None
    return None


async def say(request: web.Request) -> web.Response:
    """Keep a message, and acknowledge it: from now on it will be answered, in order."""
    try:
        conversation = _conversation(request)
        body = await _body(request)
        if not is_stop(str(body.get("text", ""))):  # a wish to be left alone is never too much
            settings = request.app[SETTINGS]
            for name, rate in (
                (f"session:{conversation}", Rate(settings.messages_per_minute, 5)),
                (
                    f"address:{_address(request)}",
                    Rate(settings.messages_per_minute_per_address, 20),
                ),
            ):
                if refused := await _limited(request, name, rate):
                    return refused
        received = await _keep(request, conversation, body)
    except TokenError as error:
        return problem(401, "session-expired", str(error))
    except BadInputError as error:
        too_long = error.field == "text" and "longer" in str(error)
        return problem(413 if too_long else 422, "message", str(error), field=error.field)
    if not received.answered:
        await request.app[QUEUE].put(received.conversation.shopper)
    return web.json_response({"seq": received.seq}, status=202)


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
        case {"event": str(event)} if event in _EVENTS:
            return "event", event, {}
        case _:
            message = "A message holds text, press (the token of a button) or event (opened)."
            raise BadInputError(message, field="text")


async def stream(request: web.Request) -> web.StreamResponse:
    """Send the log from a number on, then what happens, until the page goes away."""
    try:
        conversation = _conversation(request)
        after = _after(request)
    except TokenError as error:
        return problem(401, "session-expired", str(error))
    bus = request.app[BUS]
    if bus.watchers(conversation) >= _MOST_STREAMS:
        message = "This chat is open in too many places; close one of them."
        return problem(429, "streams", message, headers={"Retry-After": "10"})
    async with sse_response(request) as response:
        with bus.watch(conversation) as news:
            await _follow(request.app, response, conversation, after, news)
    return response


async def _follow(
    app: web.Application,
    response: EventSourceResponse,
    conversation: str,
    after: int,
    news: asyncio.Queue[News],
) -> None:
    heard: News | None = "state"
    while response.is_connected() and heard != "closing":
        if heard == "thinking":
            await _status(response, "thinking" if app[ASSISTANT].is_awake else "waking")
        elif heard is not None:
            for line in await read_log(app[STORE], conversation, after):
                after = line.seq
                shown = _shown(line, conversation, app[TOKENS])
                await response.send(json.dumps(shown), event="message", id=str(line.seq))
            await _status(response, _state(app))
        heard = await _next(news)


async def _next(news: asyncio.Queue[News]) -> News | None:
    """Wait for news, or for the moment to look whether the page is still there."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            return await news.get()
    return None


async def _status(response: EventSourceResponse, state: str) -> None:
    await response.send(json.dumps({"state": state}), event="status")


def _shown(line: Logged, conversation: str, tokens: Tokens) -> dict[str, Any]:
    choices = [
        {
            "label": choice["label"],
            "press": tokens.press(conversation, line.body["ask"], option),
        }
        for option, choice in enumerate(line.body.get("choices", []))
    ]
    shown = {
        "seq": line.seq,
        "from": line.author,
        "kind": line.kind,
        "text": line.text,
        "lang": line.lang,
        "choices": choices,
        "at": line.at.isoformat(),
    }
    return shown | ({"client_message_id": line.message_id} if line.message_id else {})


def _conversation(request: web.Request) -> str:
    scheme, _, session = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        message = "Send the chat session as Authorization: Bearer."
        raise TokenError(message)
    return request.app[TOKENS].conversation(session)


def _after(request: web.Request) -> int:
    after = request.headers.get("Last-Event-ID") or request.query.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 9):  # noqa: PLR2004
        message = "after must be the number of the last line that was seen."
        raise BadInputError(message, field="after")
    return int(after)


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.content.read(_LARGEST_BODY + 1)
    while len(raw) <= _LARGEST_BODY and (more := await request.content.read(_LARGEST_BODY)):
        raw += more
    if len(raw) > _LARGEST_BODY:
        message = "This message is longer than the chat takes; please say it in fewer words."
        raise BadInputError(message, field="text")
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        message = "The body must be a JSON object."
        raise BadInputError(message)
    return cast("dict[str, Any]", body)


async def _limited(request: web.Request, name: str, rate: Rate) -> web.Response | None:
    wait = await request.app[LIMITER].wait(name, rate)
    if not wait:
        return None
    seconds = str(int(wait) + 1)
    message = f"That was a little fast; please wait {seconds} seconds."
    return problem(429, "too-fast", message, headers={"Retry-After": seconds})


def _address(request: web.Request) -> str:
    """Give the network address that a limit counts: a whole /64 for IPv6."""
    remote = request.remote or "unknown"
    if remote in request.app[SETTINGS].trusted_proxies:
        remote = request.headers.get("X-Forwarded-For", remote).rpartition(",")[2].strip()
    try:
        address = ip_address(remote)
    except ValueError:
        return "unknown"
    return address.exploded[:19] if isinstance(address, IPv6Address) else str(address)


def _locale(wanted: object, otherwise: str) -> str:
    language = wanted.partition("-")[0].lower() if isinstance(wanted, str) else ""
    return language if language in LOCALES else otherwise


def _state(app: web.Application) -> str:
    return "ready" if app[ASSISTANT].is_awake else "waking"
