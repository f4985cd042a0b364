"""What a shopper may see of themselves outside of a conversation, by how sure it is who they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.profile import Answer, Profile
from preferences.store.claims import is_stranger
from preferences.store.engine import Store
from preferences.store.persons import head_of, of_person
from preferences.store.profiles import read_profile
from preferences.store.states import count_purchases
from preferences.store.tables import AnswerRow, AskRow, ConversationRow

_QUESTION = (col(AskRow.kind) == "question") & col(AskRow.begun_by).is_(None)


@dataclass(frozen=True, slots=True)
class Own:
    """A person as they may see themselves from one of their conversations.

    `answers` are those that may be used, without what was said elsewhere where `is_sure` is false:
    it may be another who holds this device. Then nothing but what was said here may be taken along.
    `contradicted`, `expired` and `unpermitted` are kept too, and not used. `purchases` counts those
    that the shop reported, by where they come from; `asked` what was asked, by channel. `assurance`
    tells how sure the conversation is of who holds it.
    """

    conversation: str
    assurance: str
    profile: Profile
    answers: tuple[Answer, ...]
    locale: str
    is_sure: bool
    contradicted: tuple[Answer, ...]
    expired: tuple[Answer, ...]
    unpermitted: tuple[Answer, ...]
    purchases: Mapping[str, int]
    asked: Mapping[str, int]

    @property
    def may_permit(self) -> bool:
        """Whether a yes would be theirs for sure, and would not come after they had all deleted."""
        return self.is_sure and not self.profile.erased


async def read_own(store: Store, conversation: str, at: datetime | None = None) -> Own:
    """Give what whoever holds a conversation may see now, or `at`.

    :raises NotFoundError: the conversation is not known, or over.
    """
    async with store.begin(readonly=True) as session:
        row = await session.get(ConversationRow, conversation)
        if row is None or row.ended_at is not None:
            message = "This conversation is over; open the page again from the chat."
            raise NotFoundError(message)
        shopper, locale, assurance = row.shopper_id, row.locale, row.assurance
        head = await head_of(session, shopper)
        sure = row.assurance == "verified" or await is_stranger(session, head)
        here = await _said_in(session, conversation)
        purchases = await count_purchases(session, head) if sure else {}
        asked = await _count_asks(session, head) if sure else {}
    profile = await read_profile(store, shopper, at)

    def shown(answers: Iterable[Answer]) -> tuple[Answer, ...]:
        return tuple(answer for answer in answers if sure or answer.id in here)

    return Own(
        conversation,
        assurance,
        profile,
        shown(profile.answers),
        locale,
        sure,
        contradicted=shown(conflict.answer for conflict in profile.conflicts),
        expired=shown(profile.expired),
        unpermitted=shown(profile.unpermitted),
        purchases=purchases,
        asked=asked,
    )


async def _count_asks(session: AsyncSession, head: str) -> dict[str, int]:
    """Count what a person was asked, by channel, the most first."""
    mine, channel, count = of_person(AskRow.shopper_id, head), col(AskRow.channel), func.count()
    query = select(channel, count).where(mine, _QUESTION).group_by(channel)
    return dict((await session.exec(query.order_by(count.desc(), channel))).all())


async def _said_in(session: AsyncSession, conversation: str) -> set[str]:
    query = (
        select(AnswerRow.id)
        .join(AskRow, col(AskRow.id) == col(AnswerRow.ask_id))
        .where(AskRow.conversation_id == conversation)
    )
    return set((await session.exec(query)).all())
