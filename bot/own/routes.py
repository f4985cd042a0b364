"""The routes of the shopper's own page: a ticket from the chat opens it, forms decide."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from bot.bus import CHANGES
from bot.chat.requests import conversation_of, form_of
from bot.own.page import (
    FILE,
    HEADERS,
    PATH,
    STYLE,
    Frame,
    deletion_page,
    door_page,
    notice_of,
    own_page,
)
from bot.parts import BUS, CATALOGUE, CLOCK, POLICY, SETTINGS, STORE, TOKENS, VOICE
from bot.problems import problem
from bot.tokens import TokenError
from preferences.errors import BadInputError, NotFoundError
from preferences.store.corrections import correct_answer
from preferences.store.erasure import erase_shopper
from preferences.store.export import export_shopper
from preferences.store.facts import ErasedError
from preferences.store.ledger import Notice
from preferences.store.own import Own, read_own
from preferences.store.wishes import (
    OvertakenError,
    Reported,
    Unwanted,
    add_suppression,
    lift_suppression,
    report_decision,
)

_COOKIE = "askfirst_my_data"
_OPEN_SECONDS = 15 * 60
_STYLE = Path(__file__).parent / "static" / "own.css"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who looks at their own page, and what they sent along."""

    request: web.Request
    own: Own
    form: Mapping[str, str]

    @property
    def shopper(self) -> str:
        """The person's id."""
        return self.own.profile.shopper

    @property
    def now(self) -> datetime:
        """The moment, by the gateway's clock."""
        return self.request.app[CLOCK]()

    @property
    def destinations(self) -> tuple[str, ...]:
        """The CRMs that have to be told."""
        return self.request.app[SETTINGS].destinations


def setup(app: web.Application) -> None:
    """Add the page's routes."""
    app.router.add_post("/v1/chat/my-data", give_ticket)
    app.router.add_get(PATH, show)
    app.router.add_post(PATH, act)
    app.router.add_get(FILE, take)
    app.router.add_get(STYLE, style)


async def give_ticket(request: web.Request) -> web.Response:
    """Give the address of the page to whoever holds a chat session."""
    try:
        conversation = conversation_of(request)
    except TokenError as error:
        return problem(401, "session-expired", str(error))
    ticket = request.app[TOKENS].own_page(conversation, request.app[CLOCK]())
    answer = {"url": f"{PATH}?ticket={ticket}"}
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def show(request: web.Request) -> web.Response:
    """Show the page; a ticket in the address becomes a cookie first, so that it is in no history."""
    if ticket := request.query.get("ticket"):
        return _with_cookie(request, ticket)
    if link := request.query.get("link"):
        return await _door(request, link)
    try:
        own = await _own(request)
    except (TokenError, NotFoundError):
        return _over(request)
    return _html(
        own_page(
            _frame(request, own.locale),
            own,
            request.app[CATALOGUE],
            request.app[POLICY],
            lambda text: request.app[TOKENS].shown(own.conversation, text, request.app[CLOCK]()),
            done="done" in request.query,
        )
    )


async def act(request: web.Request) -> web.Response:
    """Do what a form says, and show the page again.

    A form of another site comes without the cookie, which is `SameSite=Lax`.
    """
    try:
        form = await form_of(request)
        if form.get("act") == "open":
            talk = request.app[TOKENS].linked(form.get("link", ""))
            return _with_cookie(request, request.app[TOKENS].own_page(talk, request.app[CLOCK]()))
        visit = Visit(request, await _own(request), form)
        wanted = visit.form.get("act", "")
        if wanted == "delete":
            return await _delete(visit)
        if wanted not in _ACTS:
            message = "This page knows no such act; open it again."
            raise BadInputError(message, field="act")
        await _ACTS[wanted](visit)
    except (TokenError, NotFoundError, ErasedError):
        return _over(request)
    except OvertakenError:  # a no that they said elsewhere since stands: the page shows it
        return web.Response(status=303, headers={**HEADERS, "Location": PATH})
    await request.app[BUS].tell(CHANGES, "log")
    return web.Response(status=303, headers={**HEADERS, "Location": f"{PATH}?done"})


async def take(request: web.Request) -> web.Response:
    """Give everything as a file, to whom it is sure to belong."""
    try:
        own = await _own(request)
    except (TokenError, NotFoundError):
        return _over(request)
    if not own.is_sure:
        return _html(_frame(request, own.locale).sentence("unsure"), status=403)
    page = await export_shopper(request.app[STORE], own.profile.shopper)
    file = 'attachment; filename="my-data.json"'
    return web.json_response(page, headers={**HEADERS, "Content-Disposition": file})


async def style(_request: web.Request) -> web.FileResponse:
    """Give the style sheet."""
    return web.FileResponse(_STYLE, headers={"Cache-Control": "no-cache"})


async def _correct(visit: Visit) -> None:
    answer, value = visit.form.get("answer", ""), visit.form.get("value", "")
    if answer not in {one.id for one in visit.own.answers}:
        message = "This page shows no such answer."
        raise NotFoundError(message)
    app = visit.request.app
    await correct_answer(
        app[STORE], visit.shopper, (answer, value), app[CATALOGUE], visit.destinations, visit.now
    )


async def _permit(visit: Visit) -> None:
    """Take a yes to the words on the page; sent twice it is one."""
    app, own = visit.request.app, visit.own
    name, proof = visit.form.get("purpose", ""), visit.form.get("shown", "")
    purpose = app[CATALOGUE].purposes.get(name)
    if purpose is None or not own.may_permit:
        message = "This page offers no such permission."
        raise NotFoundError(message)
    words = notice_of(_frame(visit.request, own.locale), purpose)
    at = app[TOKENS].shown_at(own.conversation, words, proof)
    told = Reported(
        name,
        "given",
        purpose.agree[own.locale],
        own.locale,
        "page",
        "shopper",
        f"page/{sha256(proof.encode()).hexdigest()}",
        Notice(name, purpose.version, own.locale, words, at, ""),
        method="button",
        assurance=own.assurance,
        conversation=own.conversation,
    )
    await report_decision(app[STORE], visit.shopper, told, purpose, visit.destinations, visit.now)


async def _withdraw(visit: Visit) -> None:
    purpose = visit.form.get("purpose", "")
    if purpose not in visit.own.profile.consents:
        message = "This page shows no such permission."
        raise NotFoundError(message)
    await _take_back(visit, purpose)


async def _take_back(visit: Visit, purpose: str) -> None:
    app = visit.request.app
    told = Reported(
        purpose,
        "withdrawn",
        None,
        visit.own.locale,
        "page",
        "shopper",
        f"page/{uuid4().hex}",
        method="button",
        assurance=visit.own.assurance,
        conversation=visit.own.conversation,
    )
    known = app[CATALOGUE].purposes.get(purpose)  # one that is asked for no more can be taken back
    await report_decision(app[STORE], visit.shopper, told, known, visit.destinations, visit.now)


async def _mute(visit: Visit) -> None:
    target = visit.form.get("target", "")
    if target not in visit.request.app[CATALOGUE].questions:
        message = "There is no such question."
        raise NotFoundError(message)
    await _silence(visit, Unwanted("topic", target, "not_relevant", source="shopper"))


async def _pause(visit: Visit) -> None:
    days = visit.request.app[POLICY].days_between_questions
    lasts = timedelta(days=days)
    await _silence(visit, Unwanted("all", "", "shopper_paused", lasts, source="shopper"))


async def _stop(visit: Visit) -> None:
    """Do what “stop” does in the chat: silence first, then every permission is taken back."""
    await _silence(visit, Unwanted("all", "", "shopper_said_stop", source="shopper"))
    for purpose, event in visit.own.profile.consents.items():
        if event.permits:
            await _take_back(visit, purpose)


async def _silence(visit: Visit, wish: Unwanted) -> None:
    store = visit.request.app[STORE]
    await add_suppression(store, visit.shopper, wish, visit.destinations, visit.now)


async def _lift(visit: Visit) -> None:
    wanted = (visit.form.get("scope", ""), visit.form.get("target", ""))
    store = visit.request.app[STORE]
    await lift_suppression(store, visit.shopper, wanted, visit.destinations, visit.now)


_ACTS: Mapping[str, Callable[[Visit], Awaitable[None]]] = {
    "correct": _correct,
    "permit": _permit,
    "withdraw": _withdraw,
    "mute": _mute,
    "pause": _pause,
    "stop": _stop,
    "lift": _lift,
}


async def _delete(visit: Visit) -> web.Response:
    """Ask once more, then delete; the page is over with it."""
    frame = _frame(visit.request, visit.own.locale)
    if visit.form.get("sure") != "yes":
        return _html(deletion_page(frame))
    store = visit.request.app[STORE]
    await erase_shopper(store, visit.shopper, visit.destinations, visit.now)
    await visit.request.app[BUS].tell(CHANGES, "log")
    response = _html(frame.sentence("deleted"))
    response.del_cookie(_COOKIE, path=PATH)
    return response


async def _door(request: web.Request, link: str) -> web.Response:
    """Show a door to whoever follows a link from a message: a program that looks at it sees no more."""
    try:
        own = await read_own(
            request.app[STORE], request.app[TOKENS].linked(link), request.app[CLOCK]()
        )
    except (TokenError, NotFoundError):
        return _over(request)
    return _html(door_page(_frame(request, own.locale), link))


def _with_cookie(request: web.Request, ticket: str) -> web.Response:
    try:
        request.app[TOKENS].owner(ticket)
    except TokenError:
        return _over(request)
    response = web.Response(status=303, headers={**HEADERS, "Location": PATH})
    response.set_cookie(
        _COOKIE,
        ticket,
        max_age=_OPEN_SECONDS,
        path=PATH,
        httponly=True,
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        samesite="Lax",  # the page opens from the shop's own, which may be another site
    )
    return response


async def _own(request: web.Request) -> Own:
    conversation = request.app[TOKENS].owner(request.cookies.get(_COOKIE, ""))
    return await read_own(request.app[STORE], conversation, request.app[CLOCK]())


def _frame(request: web.Request, locale: str) -> Frame:
    return Frame(request.app[VOICE], locale)


def _over(request: web.Request) -> web.Response:
    return _html(_frame(request, request.app[SETTINGS].locale).sentence("over"), status=401)


def _html(page: str, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html", headers=HEADERS)
