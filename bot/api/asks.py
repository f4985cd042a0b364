"""What a shopper was asked, on every channel: counted in one budget, whoever asked."""

from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.api.models import Body, Name, Text, View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import CONFLICT, NOT_FOUND, RefusedError
from bot.api.shoppers import ShopperPath, person
from bot.parts import CATALOGUE, POLICY
from preferences.catalogue import Catalogue
from preferences.choosing.account import sentence
from preferences.dialogue.resting import left_alone
from preferences.policy import Policy
from preferences.store.elsewhere import AskedElsewhere, note_ask, read_asks
from preferences.store.facts import ErasedError
from preferences.store.wishes import Unwanted

type Ended = Literal[
    "answered",
    "declined",
    "skipped",
    "dont_know",
    "no_preference",
    "not_relevant",
    "already_sorted",
    "ignored",
]


class NewAsk(Body):
    """A question that somebody else put to a shopper: a mail poll, an agent, a form."""

    question: Name
    """Which question of the catalogue it is, in whatever words."""
    channel: str = Field(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    """Where it was asked: `mail`, `phone`, `store`."""
    reference: Text
    """The caller's own name of it: told again under it, it is the same one."""
    at: AwareDatetime
    """When it was asked."""
    outcome: Ended | None = None
    """How it ended; left out while it is open."""
    locale: str = Field("en", max_length=20, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    wording: str = Field("", max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")
    """The words that were shown, with no name of the shopper in them."""


class AskView(View):
    """What was kept."""

    shopper: str
    ask: str


class AskedView(View):
    """One question that was put."""

    id: str
    question: str
    channel: str
    at: AwareDatetime
    outcome: str | None
    """How it ended; none while it is open."""


class AgainstView(View):
    """Something that speaks against asking now."""

    code: str
    stage: str
    sentence: str


class AsksView(View):
    """The newest questions that a shopper was asked, and whether one more may be."""

    shopper: str
    may_ask: bool
    """Whether anything may be asked now, by whomever."""
    against: list[AgainstView]
    asks: list[AskedView]
    told: int
    """How many questions they answered, ever."""
    given: int
    """How many tips and promises they got, beside the thanks that every answer and refusal gets."""


def _unwanted(catalogue: Catalogue, policy: Policy, body: NewAsk) -> Unwanted | None:
    """Give what rests after a question ended so; one that is not known is refused by the store."""
    question = catalogue.questions.get(body.question)
    left = question and left_alone(question, body.outcome, policy)
    if not left:
        return None
    wish = left.suppression
    scope: Literal["category", "topic"] = "category" if wish.scope == "category" else "topic"
    return Unwanted(scope, wish.target, wish.reason, timedelta(days=left.days or 0))


@operation("GET", "/v1/shoppers/{id}/asks", {"read"}, problems=[NOT_FOUND])
async def read_shopper_asks(call: Call, path: ShopperPath) -> AsksView:
    """Read what a shopper was asked, and whether one more question may be put.

    Look here before a poll is mailed or an agent asks: the budgets count every channel together, and
    a wish to be left alone holds everywhere.
    """
    shopper = await person(call, path.id)
    ledger = await read_asks(call.store, shopper, call.request.app[POLICY], call.now)
    return AsksView(
        shopper=ledger.shopper,
        may_ask=not ledger.against,
        against=[
            AgainstView(code=one.code, stage=one.stage, sentence=sentence(one.code))
            for one in ledger.against
        ],
        asks=[
            AskedView(
                id=one.id,
                question=one.question,
                channel=one.channel,
                at=one.at,
                outcome=one.outcome,
            )
            for one in ledger.asks
        ],
        told=ledger.told,
        given=ledger.given,
    )


@operation(
    "POST",
    "/v1/shoppers/{id}/asks",
    {"write"},
    status=201,
    problems=[NOT_FOUND, CONFLICT],
    idempotent=True,
)
async def tell_ask(call: Call, path: ShopperPath, body: NewAsk) -> Reply[AskView]:
    """Tell of a question that was put elsewhere.

    It counts in every budget as if it were asked here, and an open one waits for its answer like ours
    do. Tell it again with `outcome` when it has ended: `not_relevant` and `already_sorted` let its kind of
    goods (or the question, where it has none) rest as if it were said in the chat. The answer itself goes
    to `/facts`. Nothing is kept of who had everything deleted (409).
    """
    shopper = await person(call, path.id)
    catalogue = call.request.app[CATALOGUE]
    unwanted = _unwanted(catalogue, call.request.app[POLICY], body)
    told = AskedElsewhere(**dict(body), unwanted=unwanted)
    try:
        ask = await note_ask(call.store, shopper, told, catalogue, call.destinations, call.now)
    except ErasedError as error:
        raise RefusedError(CONFLICT, str(error)) from None
    if unwanted is not None:
        await call.announce()
    return Reply(AskView(shopper=shopper, ask=ask), shopper=shopper)


OPERATIONS = (read_shopper_asks, tell_ask)
