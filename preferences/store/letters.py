"""Dead letters: what a CRM refused as it is, why, and how an operator has it told again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, update
from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.tables import OutboxRow


@dataclass(frozen=True, slots=True)
class Letters:
    """Which dead letters are meant: of a reason, or a part of it, and buried within a time."""

    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Somebody whom a destination refused, when, and its reason."""

    shopper: str
    reason: str
    at: datetime


async def dead_letters(
    store: Store, destination: str, letters: Letters, limit: int
) -> Sequence[DeadLetter]:
    """Give the dead letters, the oldest first."""
    buried = col(OutboxRow.dead_at)
    query = select(OutboxRow).where(*_meant(destination, letters)).order_by(buried).limit(limit)
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(query)).all()
    return [
        DeadLetter(row.shopper_id, row.last_error or "", row.dead_at) for row in rows if row.dead_at
    ]


async def dead_reasons(store: Store, destination: str) -> dict[str, int]:
    """Count the dead letters by reason, the most frequent first."""
    count = func.count()
    query = (
        select(OutboxRow.last_error, count)
        .where(*_meant(destination, Letters()))
        .group_by(col(OutboxRow.last_error))
        .order_by(count.desc(), col(OutboxRow.last_error))
    )
    async with store.begin(readonly=True) as session:
        return {reason or "": many for reason, many in (await session.exec(query)).all()}


async def replay(store: Store, destination: str, letters: Letters, now: datetime) -> int:
    """Make dead letters due again, and tell how many."""
    statement = (
        update(OutboxRow)
        .where(*_meant(destination, letters))
        .values(dead_at=None, next_attempt_at=now)
    )
    async with store.begin() as session:
        return (await session.exec(statement)).rowcount


def _meant(destination: str, letters: Letters) -> list[ColumnElement[bool]]:
    buried = col(OutboxRow.dead_at)
    meant = [col(OutboxRow.destination) == destination, buried.is_not(None)]
    if letters.reason:
        meant.append(col(OutboxRow.last_error).contains(letters.reason, autoescape=True))
    if letters.since:
        meant.append(buried >= letters.since)
    if letters.until:
        meant.append(buried < letters.until)
    return meant
