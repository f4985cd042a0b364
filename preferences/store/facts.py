"""Keeps what the shop tells of a shopper: facts of its own, beside what the shopper said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue, Question
from preferences.errors import AskfirstError, BadInputError
from preferences.profile import ERASED
from preferences.store.changes import last_noted, note
from preferences.store.engine import Store
from preferences.store.outbox import mark
from preferences.store.persons import head_of, hold_person, of_person
from preferences.store.tables import AnswerRow, SuppressionRow

_LATE = timedelta(minutes=5)  # clocks differ


class ErasedError(AskfirstError):
    """The shopper had everything deleted: nothing may be kept of them again, do not send it."""


class ChangedError(AskfirstError):
    """The shopper has changed since the caller looked: look again, then decide again."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: `imported` from another system, or `observed` by the shop; never said to us.

    `source` names where it comes from, `at` when it was so.
    """

    kind: Literal["imported", "observed"]
    question: str
    value: str
    source: str
    at: datetime
    detail: Mapping[str, str] = field(default_factory=dict)
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Telling:
    """Facts of one shopper, told in one go.

    `effect` names the telling: told again under it, nothing is kept twice. `seen` is what
    `last_change` gave when the caller looked, None where it does not matter.
    """

    shopper: str
    facts: Sequence[Fact]
    effect: str
    seen: str | None = None


def check_facts(facts: Sequence[Fact], catalogue: Catalogue, now: datetime) -> None:
    """See that the catalogue knows every question and value.

    :raises BadInputError: it does not, or a fact is from the future; `field` says which.
    """
    for number, fact in enumerate(facts):
        for name, sentence in _wrong(fact, catalogue.questions.get(fact.question), now):
            raise BadInputError(sentence, field=f"facts.{number}.{name}")


async def add_facts(
    store: Store,
    telling: Telling,
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> list[str]:
    """Keep facts and give their ids; what the shopper said stays as it is.

    :raises BadInputError: the catalogue does not know one; none is kept.
    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises ChangedError: they changed since the caller looked.
    """
    check_facts(telling.facts, catalogue, now)
    async with store.begin() as session:
        head = await hold_person(session, telling.shopper)
        if telling.seen is not None and telling.seen != await last_noted(session, head):
            message = "The shopper has changed since; read the preferences again."
            raise ChangedError(message)
        await refuse_erased(session, head)
        ids = [_id(telling.effect, number) for number in range(len(telling.facts))]
        if await session.get(AnswerRow, ids[0]) is not None:
            return ids
        for name, fact in zip(ids, telling.facts, strict=True):
            session.add(_row(name, head, fact, catalogue.questions[fact.question], telling.effect))
            detail = {"question": fact.question, "kind": fact.kind}
            note(session, head, "preference.imported", detail, now)
        await session.flush()
        await mark(session, head, destinations, now, urgent=False)
    return ids


async def last_change(store: Store, shopper: str) -> str:
    """Name how a person stands now: another name whenever something has happened to them since.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        return await last_noted(session, await head_of(session, shopper))


async def refuse_erased(session: AsyncSession, head: str) -> None:
    """See that a person did not have everything deleted.

    :raises ErasedError: they did.
    """
    query = select(SuppressionRow.id).where(
        of_person(SuppressionRow.shopper_id, head),
        SuppressionRow.reason == ERASED,
        col(SuppressionRow.lifted_at).is_(None),
    )
    if (await session.exec(query)).first() is not None:
        message = "This shopper had everything deleted; nothing may be kept of them."
        raise ErasedError(message)


def _wrong(fact: Fact, question: Question | None, now: datetime) -> list[tuple[str, str]]:
    """Say what is wrong with a fact, by field."""
    if question is None:
        return [("question", f"There is no question {fact.question}; name one of the catalogue.")]
    found = []
    if question.kind == "open":
        found.append(("question", f"{fact.question} takes only what a shopper says themselves."))
    elif not question.holds(fact.value):
        values = ", ".join(option.value for option in question.options)
        found.append(("value", f"{fact.question} knows no such value; it knows {values}."))
    for name, value in fact.detail.items():
        known = question.details.get(name)
        if known is None or (known and value not in known):
            found.append((f"detail.{name}", f"{fact.question} knows no such detail."))
    if fact.at > now + _LATE:
        found.append(("at", "This is in the future; tell when it was so."))
    return found


def _row(name: str, shopper: str, fact: Fact, question: Question, effect: str) -> AnswerRow:
    chosen = question.chosen(fact.value)
    return AnswerRow(
        id=name,
        shopper_id=shopper,
        kind=fact.kind,
        source=fact.source,
        question_id=question.id,
        question_version=question.version,
        purpose=question.purpose,
        value=fact.value,
        detail=dict(fact.detail),
        confidence=fact.confidence,
        subject=(chosen[0].subject if len(chosen) == 1 else None) or question.subject,
        wording="",
        options=[],
        locale="",
        channel="api",
        message_id=effect,
        answered_at=fact.at,
        fresh_until=fact.at + timedelta(days=question.half_life_days),
    )


def _id(effect: str, number: int) -> str:
    return sha256(f"{effect}/{number}".encode()).hexdigest()[:32]
