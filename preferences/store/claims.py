"""Takes over what somebody said on a device before they signed in, or deletes it, as they wish."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import Claimed
from preferences.store.erasure import erase
from preferences.store.links import join, linking_alone
from preferences.store.persons import members_of
from preferences.store.tables import AnswerRow, ConsentRow, ConversationRow, IdentityRow

_BY_SHOPPER = "shopper"


async def stranger_of(session: AsyncSession, conversation: str | None) -> str | None:
    """Give who talked in a conversation if it was somebody unknown, and still is."""
    row = None if conversation is None else await session.get(ConversationRow, conversation)
    if row is None or row.assurance != "anonymous":
        return None
    return row.shopper_id if await is_stranger(session, row.shopper_id) else None


async def claimable(session: AsyncSession, shopper: str, now: datetime) -> str | None:
    """Give the stranger if they answered something, under a permission that stands."""
    query = (
        select(AnswerRow.id)
        .join(
            ConsentRow,
            (col(ConsentRow.shopper_id) == col(AnswerRow.shopper_id))
            & (col(ConsentRow.purpose) == col(AnswerRow.purpose)),
        )
        .where(
            AnswerRow.shopper_id == shopper,
            ConsentRow.state == "given",
            or_(col(ConsentRow.valid_until).is_(None), col(ConsentRow.valid_until) > now),
        )
        .limit(1)
    )
    said = (await session.exec(query)).first() is not None
    return shopper if said and await is_stranger(session, shopper) else None


async def settle(
    session: AsyncSession,
    shopper: str,
    claimed: Claimed,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Make the stranger and the shopper one person, or delete what the stranger said.

    Nothing happens where somebody else has claimed it meanwhile.
    """
    await linking_alone(session)
    if not await is_stranger(session, claimed.shopper):
        return
    if claimed.accepted:
        await join(
            session,
            shopper,
            claimed.shopper,
            proof=_BY_SHOPPER,
            actor=_BY_SHOPPER,
            destinations=destinations,
            now=now,
        )
    else:
        await erase(session, claimed.shopper, now, destinations=destinations)


async def is_stranger(session: AsyncSession, shopper: str) -> bool:
    """Whether it is nobody but themselves, and has no name."""
    named = select(IdentityRow.id).where(IdentityRow.shopper_id == shopper).limit(1)
    alone = await members_of(session, shopper) == [shopper]
    return alone and (await session.exec(named)).first() is None
