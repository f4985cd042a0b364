"""Why a shopper was asked, or was left in peace, page by page."""

from pydantic import AwareDatetime, Field, JsonValue

from bot.api.history import cursor_after, cursor_of
from bot.api.models import Params, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.choosing.account import sentence
from preferences.store.decisions import Decided, read_decisions


class DecisionsQuery(Params):
    """Which page."""

    cursor: str | None = Field(None, max_length=300)
    """`next` of the page before; without it, the first page."""
    limit: int = Field(50, ge=1, le=500)
    """How many decisions at most."""


class ReasonView(View):
    """What spoke against asking, or against one question."""

    code: str
    stage: str
    """safety, wish, consent, fatigue, value or mode: what stands first is weightiest."""
    question: str
    sentence: str


class DecisionView(View):
    """One decision: a question, or silence."""

    id: str
    at: AwareDatetime
    trigger: str
    channel: str
    question: str | None
    """What was asked; none where nothing was."""
    question_version: int | None
    give: str
    """Whether what is given back belongs to each option or to the question."""
    arm: str
    experiment: str
    """The arm of the experiment that worded the question; empty without one."""
    reasons: list[ReasonView]
    weighed: list[dict[str, JsonValue]]
    """Every alternative with its value, cost and score, and why it fell."""
    policy_version: int
    policy_sha256: str
    inputs: dict[str, JsonValue] | None
    """All that it was decided by, where it was kept."""


class DecisionsPage(View):
    """Decisions, the newest first."""

    shopper: str
    decisions: list[DecisionView]
    next: str | None
    """The cursor of the next page; none where this is the last one."""


@operation("GET", "/v1/shoppers/{id}/decisions", {"read"}, problems=[NOT_FOUND], conditional=True)
async def read_shopper_decisions(
    call: Call, path: ShopperPath, query: DecisionsQuery
) -> DecisionsPage:
    """Read why a shopper was asked.

    Every decision to ask or to be silent, with its reasons, its alternatives and what it was decided
    by.
    """
    before = None if query.cursor is None else cursor_after(query.cursor)
    shopper = await person(call, path.id)
    head, found = await read_decisions(call.store, shopper, before, query.limit)
    more = found[-1] if len(found) == query.limit else None
    return DecisionsPage(
        shopper=head,
        decisions=[_view(decided) for decided in found],
        next=cursor_of(more) if more else None,
    )


def _view(decided: Decided) -> DecisionView:
    return DecisionView(
        id=decided.id,
        at=decided.at,
        trigger=decided.trigger,
        channel=decided.channel,
        question=decided.question,
        question_version=decided.version,
        give=decided.give,
        arm=decided.arm,
        experiment=decided.experiment,
        reasons=[
            ReasonView(
                code=reason["code"],
                stage=reason.get("stage", ""),
                question=reason["question"],
                sentence=sentence(reason["code"]),
            )
            for reason in decided.reasons
        ],
        weighed=[dict(found) for found in decided.weighed or ()],
        policy_version=decided.policy_version,
        policy_sha256=decided.policy_sha256,
        inputs=None if decided.inputs is None else dict(decided.inputs),
    )


OPERATIONS = (read_shopper_decisions,)
