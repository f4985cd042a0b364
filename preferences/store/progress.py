"""How a conversation stands, as its page may know it: who talks, what was asked, what is permitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import Outcome
from preferences.errors import NotFoundError
from preferences.store.engine import Store
from preferences.store.persons import head_of
from preferences.store.states import read_consents
from preferences.store.tables import AskRow, ConversationRow

_LAST = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was put here, and how it ended, None while it is open. Not what was said."""

    ask: str
    question: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether a person talks, the last questions, newest first, and the last word on each purpose."""

    handed_off: bool
    questions: tuple[Question, ...]
    consents: Mapping[str, str]


async def read_progress(store: Store, conversation: str, now: datetime) -> Progress:
    """Give how a conversation stands.

    :raises NotFoundError: there is no such conversation (any more).
    """
    query = (
        select(AskRow.id, AskRow.question_id, AskRow.outcome)
        .where(
            AskRow.conversation_id == conversation,
            AskRow.kind == "question",
            col(AskRow.begun_by).is_(None),
        )
        .order_by(col(AskRow.asked_at).desc(), col(AskRow.id).desc())
        .limit(_LAST)
    )
    async with store.begin(readonly=True) as session:
        row = await _open(session, conversation)
        asked = (await session.exec(query)).all()
        consents = await read_consents(session, await head_of(session, row.shopper_id), now)
    return Progress(
        row.handed_off_at is not None,
        tuple(Question(*one) for one in asked),
        {purpose: consent.state for purpose, consent in consents.items()},
    )


async def change_conversation(
    store: Store, conversation: str, *, locale: str | None, zone: str | None
) -> None:
    """Go on in another language, or where the shopper's clock shows another time.

    :raises NotFoundError: there is no such conversation (any more).
    """
    async with store.begin() as session:
        row = await _open(session, conversation, for_update=True)
        row.locale = locale or row.locale
        row.zone = zone or row.zone


async def end_conversation(store: Store, conversation: str, now: datetime) -> None:
    """Let nothing come in or out by this conversation from now on; what was said is kept.

    :raises NotFoundError: there is no such conversation (any more).
    """
    async with store.begin() as session:
        (await _open(session, conversation, for_update=True)).ended_at = now


async def _open(
    session: AsyncSession, conversation: str, *, for_update: bool = False
) -> ConversationRow:
    row = await session.get(ConversationRow, conversation, with_for_update=for_update)
    if row is None or row.ended_at is not None:
        message = "This conversation is over; begin a new one."
        raise NotFoundError(message)
    return row
