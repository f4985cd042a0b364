"""Who talks on a page: sessions that the server mints, changes and ends."""

from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.chat.requests import address_of, body_of, conversation_of, refused
from bot.limits import Rate
from bot.parts import ASSISTANT, BUS, CATALOGUE, CLOCK, SETTINGS, STORE, TOKENS, VOICE
from bot.problems import problem
from bot.tokens import TokenError, Tokens
from preferences.errors import BadInputError, NotFoundError
from preferences.policy import is_zone
from preferences.store.conversations import start_conversation
from preferences.store.objections import object_by_browser
from preferences.store.progress import change_conversation, end_conversation
from preferences.texts import LOCALES

CHANNEL = "web"
_BURST = 10
_LONGEST_ZONE = 64
_PRIVATE = {"Cache-Control": "no-store"}


async def begin(request: web.Request) -> web.Response:
    """Begin a session: the server chooses the conversation, never the page."""
    app, settings = request.app, request.app[SETTINGS]
    rate = Rate(settings.sessions_per_minute_per_address, _BURST)
    if refusal := await refused(request, {f"sessions:{address_of(request)}": rate}):
        return refusal
    body = await body_of(request)
    identity = body.get("identity")
    try:
        customer = app[TOKENS].customer(identity) if isinstance(identity, str) else None
    except TokenError as error:
        return problem(401, "identity", str(error))
    now = app[CLOCK]()
    conversation = await start_conversation(
        app[STORE],
        channel=CHANNEL,
        locale=_locale(body.get("locale")) or settings.locale,
        zone=_zone(body.get("zone")) or "",
        customer=customer,
        now=now,
        previous=_previous(app[TOKENS], body.get("session")),
    )
    if _objects(request, body):  # before anybody can ask anything here
        await object_by_browser(
            app[STORE], conversation.id, app[CATALOGUE], settings.destinations, now
        )
    token, until = app[TOKENS].session(conversation.id, now)
    answer = {
        "session": token,
        "expires_at": until.isoformat(),
        "state": state_of(app),
        "assistant": app[VOICE].say("title", conversation.locale),
    }
    return web.json_response(answer, status=201, headers=_PRIVATE)


async def change(request: web.Request) -> web.Response:
    """Take another language or time zone for the rest of a conversation."""
    try:
        conversation, body = conversation_of(request), await body_of(request)
        locale, zone = _locale(body.get("locale")), _zone(body.get("zone"))
        if locale is None and zone is None:
            message = f"Give a locale ({', '.join(LOCALES)}) or a zone, as in Europe/Berlin."
            raise BadInputError(message, field="locale")
        await change_conversation(request.app[STORE], conversation, locale=locale, zone=zone)
    except (TokenError, NotFoundError) as error:
        return problem(401, "session-expired", str(error))
    title = request.app[VOICE].say("title", locale) if locale else None
    return web.json_response({"assistant": title}, headers=_PRIVATE)


async def end(request: web.Request) -> web.Response:
    """End a session: from now on its token opens nothing. Ending it again changes nothing."""
    app = request.app
    try:
        conversation = conversation_of(request)
    except TokenError as error:
        return problem(401, "session-expired", str(error))
    with suppress(NotFoundError):
        await end_conversation(app[STORE], conversation, app[CLOCK]())
    await app[BUS].tell(conversation, "closing")
    return web.Response(status=204)


def state_of(app: web.Application) -> str:
    """Tell whether the assistant can answer at once."""
    return "ready" if app[ASSISTANT].is_awake else "waking"


def _objects(request: web.Request, body: dict[str, Any]) -> bool:
    """Whether the browser signals Global Privacy Control, by header or to the page's scripts."""
    return request.headers.get("Sec-GPC") == "1" or body.get("gpc") is True


def _previous(tokens: Tokens, session: object) -> str | None:
    """Give the conversation that the page held before, if its session is one of ours."""
    with suppress(TokenError):
        return tokens.conversation(session) if isinstance(session, str) else None
    return None


def _locale(wanted: object) -> str | None:
    """Give the language that is meant, None where it is not spoken here."""
    language = wanted.partition("-")[0].lower() if isinstance(wanted, str) else ""
    return language if language in LOCALES else None


def _zone(told: object) -> str | None:
    """Give the time zone of the shopper's device as its browser names it, None if it is none."""
    known = isinstance(told, str) and len(told) <= _LONGEST_ZONE and is_zone(told)
    return str(told) if known else None
