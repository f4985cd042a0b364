"""Makes what happened to an order worth weighing a question, or a reason to be silent for a while."""

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing.following import Occasion, welcome
from preferences.choosing.renewing import NOTHING
from preferences.conversation import About
from preferences.policy import Policy
from preferences.store.changes import note
from preferences.store.ids import new_id
from preferences.store.orders import Happened
from preferences.store.tables import CandidateRow, PurchaseRow, SuppressionRow

_RETURN = "return"


def add_candidate(
    session: AsyncSession, shopper: str, one: Occasion, order: str, now: datetime
) -> None:
    """Keep a question that is worth weighing; `order` is the shop's own number of it."""
    about = NOTHING if one.line is None else About(order, one.line.sku, one.line.title)
    session.add(
        CandidateRow(
            id=new_id(),
            shopper_id=shopper,
            question_id=one.question,
            about=asdict(about),
            reason=one.reason,
            created_at=now,
            due_at=one.due_at,
            expires_at=one.expires_at,
        )
    )


def add_welcome(session: AsyncSession, row: PurchaseRow, policy: Policy, now: datetime) -> None:
    """Begin the welcome of somebody who never ordered before."""
    for one in welcome(row.placed_at, policy.welcome):
        if one.expires_at > now:
            add_candidate(session, row.shopper_id, one, row.external_id, now)


async def be_silent_after_return(
    session: AsyncSession, head: str, happened: Happened, policy: Policy, now: datetime
) -> bool:
    """Ask nothing for some days after something was given back; tell whether that is new."""
    if happened.returned_at is None:
        return False
    until = happened.returned_at + timedelta(days=policy.days_after_return)
    if until <= now or await _is_silent(session, head, until):
        return False
    session.add(
        SuppressionRow(
            id=new_id(),
            shopper_id=head,
            scope="all",
            target="",
            source="assistant",
            reason=_RETURN,
            created_at=now,
            expires_at=until,
        )
    )
    note(session, head, "suppression.added", {"scope": "all", "target": ""}, now)
    return True


async def _is_silent(session: AsyncSession, head: str, until: datetime) -> bool:
    """Tell whether this return, or a later one, is known; the shopper may have lifted it since."""
    query = select(SuppressionRow.id).where(
        SuppressionRow.shopper_id == head,
        SuppressionRow.reason == _RETURN,
        col(SuppressionRow.expires_at) >= until,
    )
    return (await session.exec(query)).first() is not None
