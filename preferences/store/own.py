"""What a shopper may see of themselves outside of a conversation, by how sure it is who they are."""

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.profile import Answer, Profile
from preferences.store.claims import is_stranger
from preferences.store.engine import Store
from preferences.store.persons import head_of
from preferences.store.profiles import read_profile
from preferences.store.states import count_purchases
from preferences.store.tables import AnswerRow, AskRow, ConversationRow


@dataclass(frozen=True, slots=True)
class Own:
    """A person as they may see themselves from one of their conversations.

    `answers` are those that may be used, without what was said elsewhere where `is_sure` is false:
    it may be another who holds this device. Then nothing but what was said here may be taken along.
    `purchases` counts those that the shop reported.
    """

    profile: Profile
    answers: tuple[Answer, ...]
    locale: str
    is_sure: bool
    purchases: int


async def read_own(store: Store, conversation: str) -> Own:
    """Give what whoever holds a conversation may see.

    :raises NotFoundError: the conversation is not known, or over.
    """
    async with store.begin(readonly=True) as session:
        row = await session.get(ConversationRow, conversation)
        if row is None or row.ended_at is not None:
            message = "This conversation is over; open the page again from the chat."
            raise NotFoundError(message)
        shopper, locale = row.shopper_id, row.locale
        head = await head_of(session, shopper)
        sure = row.assurance == "verified" or await is_stranger(session, head)
        here = await _said_in(session, conversation)
        purchases = await count_purchases(session, head) if sure else 0
    profile = await read_profile(store, shopper)
    answers = tuple(answer for answer in profile.answers if sure or answer.id in here)
    return Own(profile, answers, locale, sure, purchases)


async def _said_in(session: AsyncSession, conversation: str) -> set[str]:
    query = (
        select(AnswerRow.id)
        .join(AskRow, col(AskRow.id) == col(AnswerRow.ask_id))
        .where(AskRow.conversation_id == conversation)
    )
    return set((await session.exec(query)).all())
