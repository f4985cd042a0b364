"""Corrects an answer outside of a conversation: a new version of it, by the shopper's own hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue, Question
from preferences.errors import BadInputError, NotFoundError
from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.facts import refuse_erased
from preferences.store.ids import new_id
from preferences.store.outbox import mark
from preferences.store.persons import head_of, hold_person
from preferences.store.states import read_consents
from preferences.store.tables import AnswerRow


async def correct_answer(
    store: Store,
    shopper: str,
    corrected: tuple[str, str],
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Append what is true instead; `corrected` is the id of an answer and the value it should have.

    The new one stands under the same words and the permission in force; the old one stays in history.

    :raises NotFoundError: this person gave no such answer, or permits no more that it is kept.
    :raises ErasedError: they had everything deleted.
    :raises BadInputError: the question, as it is today, has no such option.
    """
    name, value = corrected
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        await refuse_erased(session, head)
        wrong = await _answer_of(session, head, name)
        await put_right(session, head, (wrong, value), catalogue, destinations, now)


async def put_right(
    session: AsyncSession,
    head: str,
    corrected: tuple[AnswerRow, str],
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Do the same in the caller's transaction, who holds the person.

    :raises NotFoundError: they permit no more that it is kept.
    :raises BadInputError: the question, as it is today, has no such option.
    """
    wrong, value = corrected
    question = catalogue.questions.get(wrong.question_id)
    if question is None or not question.chosen(value):
        message = "This cannot be corrected to that; choose one of the answers on the page."
        raise BadInputError(message, field="value")
    basis = await _permission(session, head, wrong.purpose, now)
    session.add(_right(wrong, question, value, basis, now))
    note(session, head, "preference.answered", {"question": question.id}, now)
    await session.flush()
    await mark(session, head, destinations, now, urgent=False)


async def _answer_of(session: AsyncSession, head: str, name: str) -> AnswerRow:
    found = await session.get(AnswerRow, name)
    if (
        found is None
        or found.kind != "declared"
        or await head_of(session, found.shopper_id) != head
    ):
        message = "The shopper gave no such answer; open the page again."
        raise NotFoundError(message)
    return found


async def _permission(session: AsyncSession, head: str, purpose: str, now: datetime) -> str:
    """Give the event that permits to keep it; whoever takes it back waits for this transaction."""
    found = (await read_consents(session, head, now)).get(purpose)
    if found is None or found.state != "given":
        message = "You took back that this is kept; open the page again."
        raise NotFoundError(message)
    return found.event


def _right(
    wrong: AnswerRow, question: Question, value: str, basis: str, now: datetime
) -> AnswerRow:
    chosen = question.chosen(value)
    kept = wrong.model_dump(include=_KEPT)
    return AnswerRow(
        **kept,
        id=new_id(),
        kind="declared",
        source="shopper",
        value=value,
        detail={},
        confidence=1.0,
        consent_id=basis,
        subject=(chosen[0].subject if len(chosen) == 1 else None) or question.subject,
        channel="page",
        message_id=f"corrects:{wrong.id}",
        answered_at=now,
        fresh_until=now + timedelta(days=question.half_life_days),
    )


_KEPT = {
    *("shopper_id", "question_id", "question_version", "purpose"),
    *("wording", "options", "locale", "about", "asked_at"),
}
