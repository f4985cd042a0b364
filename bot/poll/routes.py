"""The routes of mailed questions: a link opens a page, which stores nothing; a press there does.

Programs look at what is behind the links of a mail before anybody does, so that to open one decides
nothing. Whoever has a link may answer: it proves no more than a mail does that was passed on, so
nothing that is kept of anybody is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bot.bus import CHANGES
from bot.chat.requests import address_of, form_of, refused
from bot.limits import Rate
from bot.own.page import HEADERS, Frame
from bot.parts import BUS, CATALOGUE, CLOCK, POLICY, SETTINGS, STORE, TOKENS, VOICE
from bot.poll.page import (
    PATH,
    STOP,
    Sheet,
    answered_page,
    question_page,
    stop_page,
    thanks_page,
)
from bot.tokens import PollLink, TokenError
from preferences.catalogue import Question
from preferences.dialogue.respond import Assistant
from preferences.errors import BadInputError, NotFoundError, UnavailableError
from preferences.store.facts import ErasedError
from preferences.store.polls import Poll, Pressed, correct, press, pressable, read_poll, stop
from preferences.store.turns import Turns

STOPS = -1
"""The choice of a link that is for no option, but for the wish to be asked nothing more."""

_BURST = 20
_MOST_TRIES = 3


class _OverError(Exception):
    """Nothing is taken by this link any more."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who followed a link of a mail; `form` is what they pressed, None where nothing yet."""

    request: web.Request
    link: PollLink
    poll: Poll
    form: Mapping[str, str] | None

    @property
    def sheet(self) -> Sheet:
        """What the page is made with, in the language of the mail."""
        app, poll = self.request.app, self.poll
        talk = talk_of(app, poll) if poll.page else ""
        return Sheet(Frame(app[VOICE], poll.ask.locale, "poll"), poll, self.request.path, talk)

    @property
    def question(self) -> Question:
        """The question as the shop has it today, while the link holds.

        :raises _OverError: the link is over, or the shop dropped the question.
        """
        found = self.request.app[CATALOGUE].questions.get(self.poll.ask.question)
        ends = min(self.link.until, self.poll.until)
        if found is None or self.request.app[CLOCK]() >= ends:
            raise _OverError
        return found

    @property
    def answers(self) -> Sequence[int]:
        """The choices that are answers, and that one press takes whole."""
        choices = self.poll.ask.choices
        return [
            one for one in pressable(self.poll, self.question) if choices[one].value is not None
        ]

    @property
    def turns(self) -> Turns:
        """Takes a press as the chat takes it: there is no word to be understood."""
        app = self.request.app
        assistant = Assistant(app[CATALOGUE], app[VOICE], app[POLICY])
        return Turns(app[STORE], assistant, app[SETTINGS].destinations, app[CLOCK])

    def path(self, ask: str, choice: int) -> str:
        """Give the path of a link that holds as long as this one."""
        return path_of(self.request.app, PollLink(ask, choice, self.link.until))


def setup(app: web.Application) -> None:
    """Add the page's routes."""
    app.router.add_get(f"{PATH}/{{token}}", answer)
    app.router.add_post(f"{PATH}/{{token}}", answer)


def path_of(app: web.Application, link: PollLink) -> str:
    """Give the path of a link."""
    return f"{PATH}/{app[TOKENS].poll(link)}"


def talk_of(app: web.Application, poll: Poll) -> str:
    """Give the link into the talk, on the page of the shop where the chat is.

    What stands behind # goes to no server, and the chat takes it out of the address.
    """
    return f"{poll.page}#askfirst={app[TOKENS].talk(poll.ask.id, poll.until)}"


async def answer(request: web.Request) -> web.Response:
    """Show what a link is for; if something was pressed, take it."""
    locale: str = request.app[SETTINGS].locale
    form = await form_of(request) if request.method == "POST" else None
    try:
        link = request.app[TOKENS].polled(request.match_info["token"])
    except TokenError:
        return await _slowed(request) or _said(request, locale, "over", HTTPStatus.NOT_FOUND)
    if not _stops(link, form) and (refusal := await _slowed(request)):
        return refusal
    try:
        poll = await _poll(request, link)
        locale = poll.ask.locale
        visit = Visit(request, link, poll, form)
        return _html(_shown(visit) if form is None else await _taken(visit))
    except (_OverError, NotFoundError, ErasedError, BadInputError):
        return _said(request, locale, "over", HTTPStatus.GONE)
    except UnavailableError:
        return _said(request, locale, "away", HTTPStatus.SERVICE_UNAVAILABLE, "5")


async def _poll(request: web.Request, link: PollLink) -> Poll:
    app = request.app
    found = await read_poll(app[STORE], link.ask, app[CATALOGUE], app[CLOCK]())
    if found is None:
        raise _OverError
    return found


def _stops(link: PollLink, form: Mapping[str, str] | None) -> bool:
    """Whether it is the wish to be asked nothing more, which is never too much and never too late.

    A mail program that takes its reader off a list sends no choice of ours: it is the link's own.
    """
    chosen = (form or {}).get("choice")
    return chosen == STOP or (chosen is None and link.choice == STOPS)


def _shown(visit: Visit) -> str:
    if _stops(visit.link, None):
        return stop_page(visit.sheet)
    question, poll = visit.question, visit.poll
    if poll.standing == "answered":
        return answered_page(visit.sheet, visit.answers)
    choices = pressable(poll, question)
    if poll.standing == "over" or visit.link.choice not in choices:
        raise _OverError
    others = [one for one in choices if one != visit.link.choice]
    return question_page(visit.sheet, question, visit.link.choice, others)


async def _taken(visit: Visit) -> str:
    if _stops(visit.link, visit.form):
        page = thanks_page(visit.sheet, await stop(visit.turns, visit.poll), (), visit.path)
    elif "instead" in (visit.form or {}):
        page = await _put_right(visit)
    else:
        page = await _pressed(visit)
    await visit.request.app[BUS].tell(CHANGES, "log")
    return page


async def _pressed(visit: Visit) -> str:
    question, poll = visit.question, visit.poll
    chosen = _number((visit.form or {}).get("choice", str(visit.link.choice)))
    if chosen not in pressable(poll, question) or poll.standing == "over":
        raise _OverError
    taken = await _press(visit, chosen)
    if not taken.is_taken:
        if (await _poll(visit.request, visit.link)).standing == "answered":
            return answered_page(visit.sheet, visit.answers)
        raise _OverError
    is_answer = poll.ask.choices[chosen].value is not None
    instead = [one for one in visit.answers if one != chosen] if is_answer else []
    return thanks_page(visit.sheet, taken.replies, instead, visit.path)


async def _press(visit: Visit, chosen: int) -> Pressed:
    """Press once more where something else was decided at the same moment."""
    for _ in range(_MOST_TRIES - 1):
        try:
            return await press(visit.turns, visit.poll, chosen)
        except UnavailableError:
            continue
    return await press(visit.turns, visit.poll, chosen)


async def _put_right(visit: Visit) -> str:
    app, question = visit.request.app, visit.question
    chosen = _number((visit.form or {}).get("instead", ""))
    if chosen not in visit.answers:
        raise _OverError
    destinations, now = app[SETTINGS].destinations, app[CLOCK]()
    if not await correct(app[STORE], visit.poll, chosen, app[CATALOGUE], destinations, now):
        raise _OverError
    option = question.option(str(visit.poll.ask.choices[chosen].value))
    frame, locale = visit.sheet.frame, visit.poll.ask.locale
    said = frame.voice.fill(option.reply[locale], answer=option.label[locale])
    return thanks_page(visit.sheet, [{"text": said, "choices": []}], (), visit.path)


def _number(told: str) -> int:
    """Read the number of a choice; what is none is no choice."""
    is_one = told.isascii() and told.isdigit() and len(told) < 3  # noqa: PLR2004
    return int(told) if is_one else STOPS


async def _slowed(request: web.Request) -> web.Response | None:
    """Refuse whoever opens link after link, as nobody does by hand."""
    rate = Rate(request.app[SETTINGS].messages_per_minute_per_address, _BURST)
    refusal = await refused(request, {f"poll:{address_of(request)}": rate})
    if refusal is None:
        return None
    locale, wait = request.app[SETTINGS].locale, refusal.headers["Retry-After"]
    return _said(request, locale, "slow", HTTPStatus.TOO_MANY_REQUESTS, wait)


def _said(
    request: web.Request, locale: str, occasion: str, status: HTTPStatus, wait: str = ""
) -> web.Response:
    """Give a page that says one thing."""
    response = _html(Frame(request.app[VOICE], locale, "poll").sentence(occasion), status)
    if wait:
        response.headers["Retry-After"] = wait
    return response


def _html(page: str, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html", headers=HEADERS)
