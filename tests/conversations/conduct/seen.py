"""What was seen of one case: everything that was said, and what the store holds of it afterwards."""

from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    ConversationRow,
    ShopperRow,
    SuppressionRow,
)
from tests.conversations.conduct.cases import ASKS, Case, Do


@dataclass(frozen=True, slots=True)
class Line:
    """One thing the assistant said; what it asks has buttons."""

    kind: str
    text: str
    lang: str
    labels: tuple[str, ...] = ()


class Shopper(Protocol):
    """Somebody who can be made to do things, and tells what they were told.

    `talks` are their conversations by id, the newest last: whoever signs in begins another one.
    """

    talks: list[str]

    def does(self, case: Case, step: Do) -> Awaitable[Sequence[Line]]:
        """Do one thing and give what the assistant said to it."""


@dataclass(slots=True)
class Facts:
    """What the store holds of a person. `outcomes` are those of the questions, oldest first.

    `answers` are what they said themselves. `left` is what they had answered before they signed in,
    as long as it belongs to nobody.
    """

    open: str | None = None
    handed_off: bool = False
    outcomes: list[str | None] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    wishes: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Seen:
    """One case as it went: each turn's lines before the act, of the act, and after it.

    What was said before somebody signed in was said in a conversation that is over.
    """

    case: Case
    talks: tuple[str, ...]
    before: tuple[Sequence[Line], ...]
    lines: Sequence[Line]
    after: tuple[Sequence[Line], ...]

    @property
    def open(self) -> Line | None:
        """What stood open when the act came."""
        if self.case.state not in ASKS:
            return None
        return [line for lines in self.before for line in lines if line.labels][-1]

    @property
    def asked(self) -> list[Line]:
        return [line for line in self.lines if line.labels]

    @property
    def told(self) -> list[Line]:
        """What was said, but for the disclosure in a new conversation."""
        return [line for line in self.lines if not line.labels][self.case.state == "new" :]


async def play(shopper: Shopper, case: Case) -> Seen:
    """Reach the state, do the act, and do what follows."""
    before: list[Sequence[Line]] = []
    for step in case.before:
        said = await shopper.does(case, step)
        before = [] if step.does == "signs_in" else [*before, said]
    lines = await shopper.does(case, Do("says", case.act))
    after = [await shopper.does(case, step) for step in case.after]
    return Seen(case, tuple(shopper.talks), tuple(before), lines, tuple(after))


def as_line(told: Mapping[str, Any]) -> Line:
    """Take a line of the log; what may be tapped under a tip asks nothing."""
    asks = told["kind"] != "say"
    labels = tuple(choice["label"] for choice in told["choices"] if asks)
    return Line(told["kind"], told["text"], told["lang"], labels)


async def read_facts(store: Store, every: Iterable[Seen]) -> dict[str, Facts]:
    """Give what is held of whoever was in some cases, by their newest conversation."""
    talks = [seen.talks for seen in every]
    wanted = {talk for one in talks for talk in one}
    async with store.begin(readonly=True) as session:
        heads = {row.id: row.head_id for row in await session.exec(select(ShopperRow))}
        rows = [row for row in await session.exec(select(ConversationRow)) if row.id in wanted]
        by_time = select(AskRow).order_by(col(AskRow.asked_at), col(AskRow.id))
        asks = list(await session.exec(by_time))
        answers = list(await session.exec(select(AnswerRow)))
        by_number = select(ConsentEventRow).order_by(col(ConsentEventRow.seq))
        consents = list(await session.exec(by_number))
        wishes = list(await session.exec(select(SuppressionRow)))
    facts: defaultdict[str, Facts] = defaultdict(Facts)
    kinds = {ask.id: ask.kind for ask in asks}
    for ask in asks:
        if ask.begun_by is None and ask.conversation_id in wanted:
            facts[heads[ask.shopper_id]].outcomes.append(ask.outcome)
    for answer in answers:
        if answer.kind == "declared":
            facts[heads[answer.shopper_id]].answers[answer.question_id] = answer.value
    for event in consents:
        if event.state != "requested":
            facts[heads[event.shopper_id]].consents[event.purpose] = event.state
    for wish in wishes:
        facts[heads[wish.shopper_id]].wishes.add((wish.scope, wish.target, wish.reason))
    whose = {row.id: heads[row.shopper_id] for row in rows}
    newest = {one[-1] for one in talks}
    for row in rows:
        if row.id in newest:
            facts[whose[row.id]].open = kinds.get(row.open_ask_id or "")
            facts[whose[row.id]].handed_off = row.handed_off_at is not None
    for first, *_, last in (one for one in talks if len(one) > 1):
        if whose.get(first) not in {None, whose[last]}:
            facts[whose[last]].left = facts[whose[first]].answers
    return {last: facts[whose[last]] for *_, last in talks}
