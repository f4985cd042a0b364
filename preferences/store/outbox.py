"""What each destination still has to be told: marked by who changes a shopper, cleared by sync."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.tables import OutboxRow

LEASE = timedelta(seconds=30)
"""How long a claimed row is left to the worker that claimed it; a push must end sooner."""


async def mark(
    session: AsyncSession, shopper: str, destinations: Sequence[str], now: datetime, *, urgent: bool
) -> None:
    """Have destinations told of a shopper's newest state; part of the caller's transaction.

    Urgent goes first until it is told. A row that waits a lease or less keeps its turn: it may be
    on its way this moment, and two at once could arrive in the wrong order.
    """
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    old = OutboxRow
    waits = (col(old.desired_version) > old.synced_version) & (
        col(old.next_attempt_at) <= now + LEASE
    )
    for destination in sorted(set(destinations)):  # one order, so that two never wait in a circle
        fresh = insert(OutboxRow).values(
            shopper_id=shopper,
            destination=destination,
            desired_version=1,
            synced_version=0,
            urgent=urgent,
            attempts=0,
            next_attempt_at=now,
        )
        await session.exec(
            fresh.on_conflict_do_update(
                index_elements=["shopper_id", "destination"],
                set_={
                    "desired_version": col(old.desired_version) + 1,
                    "urgent": or_(col(old.urgent), fresh.excluded.urgent),
                    "next_attempt_at": case((waits, old.next_attempt_at), else_=now),
                },
            )
        )
