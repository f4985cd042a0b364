"""The log as a page follows it: a stream of events, or asked again and again where none gets through."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.bus import News
from bot.chat.requests import conversation_of
from bot.chat.sessions import state_of
from bot.parts import ASSISTANT, BUS, CLOCK, STORE, TOKENS
from bot.problems import problem
from bot.tokens import TokenError, Tokens
from preferences.errors import BadInputError, NotFoundError
from preferences.store.conversations import Logged, read_log
from preferences.store.progress import Progress, read_progress

_LOOK_SECONDS = 15
_LONGEST_WAIT = 25
_MOST_STREAMS = 5
_LARGEST_NUMBER = 9  # digits


async def stream(request: web.Request) -> web.StreamResponse:
    """Send the log from a number on, then what happens, until the page goes away."""
    app = request.app
    try:
        conversation = conversation_of(request)
        after = _number(request, "after", request.headers.get("Last-Event-ID"))
        await read_progress(app[STORE], conversation, app[CLOCK]())
    except (TokenError, NotFoundError) as error:
        return problem(401, "session-expired", str(error))
    if refusal := _crowded(app, conversation):
        return refusal
    async with sse_response(request) as response:
        # A page may go away in the middle of a line: it resumes at its number.
        with app[BUS].watch(conversation) as news, suppress(ConnectionError):
            await _follow(app, response, conversation, after, news)
    return response


async def poll(request: web.Request) -> web.Response:
    """Give what the stream would tell, as `[name, data]`: at once, or as soon as there is news.

    Who heard how things stand before says so by `known=1`, and how long it may take by `wait`.
    """
    app = request.app
    try:
        conversation = conversation_of(request)
        after, known = _number(request, "after"), _number(request, "known")
        wait = min(_number(request, "wait"), _LONGEST_WAIT)
        if refusal := _crowded(app, conversation):
            return refusal
        with app[BUS].watch(conversation) as news:
            events = await _told(app, conversation, after)
            if known and events[0][0] != "message":
                heard = await _next(news, wait)
                events = await _told(app, conversation, after)
                if heard == "thinking" and events[0][0] != "message":
                    events = [("status", {"state": _thinking(app)})]
    except (TokenError, NotFoundError) as error:
        return problem(401, "session-expired", str(error))
    return web.json_response({"events": events}, headers={"Cache-Control": "no-store"})


async def _told(app: web.Application, conversation: str, after: int) -> list[tuple[str, Any]]:
    """Give what a page has to be told: the lines, how things stand, and whether it may hope."""
    progress = await read_progress(app[STORE], conversation, app[CLOCK]())
    lines = await read_log(app[STORE], conversation, after)
    return [
        *(("message", _shown(line, conversation, app[TOKENS])) for line in lines),
        ("progress", _as_json(progress)),
        ("status", {"state": state_of(app)}),
    ]


async def _follow(
    app: web.Application,
    response: EventSourceResponse,
    conversation: str,
    after: int,
    news: asyncio.Queue[News],
) -> None:
    heard: News | None = "state"
    known: Any = None
    while response.is_connected() and heard != "closing":
        if heard == "thinking":
            await _send(response, "status", {"state": _thinking(app)})
        elif heard is not None:
            for name, data in await _told(app, conversation, after):
                if name == "progress" and data == known:
                    continue
                known = data if name == "progress" else known
                after = data.get("seq", after)
                await _send(response, name, data)
        heard = await _next(news, _LOOK_SECONDS)


async def _next(news: asyncio.Queue[News], seconds: int) -> News | None:
    """Wait for news; None where there was none for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await news.get()
    return None


async def _send(response: EventSourceResponse, name: str, data: dict[str, Any]) -> None:
    number = str(data["seq"]) if "seq" in data else None
    await response.send(json.dumps(data), event=name, id=number)


def _thinking(app: web.Application) -> str:
    return "thinking" if app[ASSISTANT].is_awake else "waking"


def _crowded(app: web.Application, conversation: str) -> web.Response | None:
    if app[BUS].watchers(conversation) < _MOST_STREAMS:
        return None
    message = "This chat is open in too many places; close one of them."
    return problem(429, "streams", message, headers={"Retry-After": "10"})


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
    if line.body.get("links"):
        shown["links"] = line.body["links"]
    return shown | ({"client_message_id": line.message_id} if line.message_id else {})


def _as_json(progress: Progress) -> dict[str, Any]:
    return {
        "person": progress.handed_off,
        "questions": [
            {"ask": asked.ask, "question": asked.question, "outcome": asked.outcome}
            for asked in progress.questions
        ],
        "consents": dict(progress.consents),
    }


def _number(request: web.Request, name: str, told: str | None = None) -> int:
    number = told or request.query.get(name, "0")
    if not (number.isascii() and number.isdigit() and len(number) <= _LARGEST_NUMBER):
        message = f"{name} must be a whole number; after is that of the last line that was seen."
        raise BadInputError(message, field=name)
    return int(number)
