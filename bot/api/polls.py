"""Questions by mail: what a shop's mail tool needs to put one, with a link for each answer."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field

from bot.api.models import Body, Name, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_ASKED, NOT_FOUND, RefusedError
from bot.api.shoppers import ShopperPath, person
from bot.parts import CATALOGUE, POLICY, SETTINGS, VOICE
from bot.poll.routes import STOPS, path_of, talk_of
from bot.tokens import PollLink
from preferences.choosing.account import sentence
from preferences.dialogue.respond import Assistant
from preferences.errors import BadInputError
from preferences.store.facts import ErasedError
from preferences.store.polls import NotAskedError, Poll, Wanted, pressable, put_poll


class NewPoll(Body):
    """A question that the shop would like to mail."""

    question: Name
    """Which question of the catalogue; none that is about one purchase, which a link must not tell."""
    reference: Text | None = None
    """The caller's own name of the mail: wanted again under it, it is the same one, with the same end."""
    locale: Literal["en", "es", "de"] | None = None
    """In which language; without it in that of the shopper's last conversation."""
    lasts_days: int = Field(14, ge=1, le=30)
    """For how long the links hold."""
    page: Annotated[str, Field(max_length=500, pattern=r"^https?://[!-~]+$")] | None = None
    """Where the shop has the chat, for the link into the talk: a page of ASKFIRST_ORIGINS or of the
    gateway itself. A question that takes several answers, or own words, needs it."""


class PollChoice(View):
    """One thing that the shopper may answer."""

    label: str
    """The words on its button."""
    url: str
    """Opens a page with this choice, where a press says it. To open it decides nothing."""


class PollOption(PollChoice):
    """One answer."""

    value: str


class PollView(View):
    """A question as it was worded for this shopper, with everything that a mail shows of it."""

    shopper: str
    ask: str
    question: str
    locale: str
    automated: str
    """Says that a program asks: put it before the question."""
    wording: str
    options: list[PollOption]
    """The answers in the order in which this shopper is shown them, all of equal rank."""
    others: list[PollChoice]
    """What may be said instead: “rather not say”, “don't ask again”. Show them beside the answers."""
    talk: str | None
    """Opens the chat on the page that was given, with the question; it signs nobody in."""
    stop: PollChoice
    """The wish to be asked nothing more, anywhere: it holds for ever, and a mail program may be told of
    it by `List-Unsubscribe` and `List-Unsubscribe-Post`."""
    reason: str
    """Why it is asked."""
    use: str
    """What an answer changes for the shopper."""
    expires_at: datetime


@operation(
    "POST",
    "/v1/shoppers/{id}/polls",
    {"write"},
    status=201,
    problems=[NOT_FOUND, CONFLICT, NOT_ASKED],
    idempotent=True,
)
async def ask_by_mail(call: Call, path: ShopperPath, body: NewPoll) -> Reply[PollView]:
    """Ask a shopper something by mail.

    Whether they are asked is decided as in the chat, of this question alone, and the decision is kept:
    what protects them, what they wish and permit, and how much they were asked come before the shop's
    interest, and nothing gets round them. Where something speaks against it nothing is to be mailed
    (409): `reason` names the gravest, `detail` says all. An answer needs a permission that is given
    before: a mail cannot ask for it. The question counts in every budget as soon as it is put.

    Sending the mail is the shop's, and so is the hour. The links open a page of the gateway: to look at
    it stores nothing, a press there is taken once, like one in the chat.
    """
    app, settings = call.request.app, call.request.app[SETTINGS]
    _see_page(call.request, body.page)
    shopper = await person(call, path.id)
    wanted = Wanted(
        body.question,
        body.reference or call.effect,
        timedelta(days=body.lasts_days),
        body.page or "",
        body.locale,
        settings.locale,
    )
    assistant = Assistant(app[CATALOGUE], app[VOICE], app[POLICY])
    try:
        poll = await put_poll(call.store, shopper, wanted, assistant, call.now)
    except ErasedError as error:
        raise RefusedError(CONFLICT, str(error)) from None
    except NotAskedError as error:
        codes = list(dict.fromkeys(one.code for one in error.reasons))
        told = " ".join(sentence(code) for code in codes)
        raise RefusedError(NOT_ASKED, f"Do not ask them: {told}", reason=codes[0]) from None
    await call.announce()
    return Reply(_view(call.request, poll), shopper=poll.shopper)


def _see_page(request: web.Request, page: str | None) -> None:
    """See that the page for the talk is one on which the chat may be.

    :raises BadInputError: it is not.
    """
    if page is None:
        return
    found = urlsplit(page)
    here = urlsplit(_base(request))
    own = f"{here.scheme}://{here.netloc}"
    if (
        f"{found.scheme}://{found.netloc}" not in {*request.app[SETTINGS].origins, own}
        or found.fragment
    ):
        message = "The chat is on no such page; give one of ASKFIRST_ORIGINS, without a #."
        raise BadInputError(message, field="page")


def _base(request: web.Request) -> str:
    """Give the address by which shoppers reach the gateway."""
    told = request.app[SETTINGS].public_url.rstrip("/")
    return told or f"{request.scheme}://{request.host}"


def _view(request: web.Request, poll: Poll) -> PollView:
    app, ask = request.app, poll.ask
    question, voice = app[CATALOGUE].questions[ask.question], app[VOICE]

    def url(choice: int) -> str:
        return _base(request) + path_of(app, PollLink(ask.id, choice, poll.until))

    shown = [(ask.choices[one], url(one)) for one in pressable(poll, question)]
    return PollView(
        shopper=poll.shopper,
        ask=ask.id,
        question=ask.question,
        locale=ask.locale,
        automated=voice.say("poll_automated", ask.locale),
        wording=ask.wording,
        options=[
            PollOption(value=choice.value, label=choice.label, url=link)
            for choice, link in shown
            if choice.value is not None
        ],
        others=[
            PollChoice(label=choice.label, url=link)
            for choice, link in shown
            if choice.value is None
        ],
        talk=talk_of(app, poll) if poll.page else None,
        stop=PollChoice(label=voice.say("poll_stop_label", ask.locale), url=url(STOPS)),
        reason=voice.fill(question.reason[ask.locale]),
        use=voice.fill(question.use[ask.locale]),
        expires_at=poll.until,
    )


OPERATIONS = (ask_by_mail,)
