"""Looks at what destinations were told and what they wait for, without claiming any of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, null, true, update
from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.given import among, as_texts
from preferences.store.outbox import Due, as_due
from preferences.store.tables import OutboxRow

_UNSYNCED = col(OutboxRow.desired_version) > col(OutboxRow.synced_version)


async def untold(store: Store, destination: str, after: str, limit: int) -> list[Due]:
    """Give who waits to be told of, in the order of their ids, after one of them."""
    return await _page(store, destination, after, limit, waiting=True)


async def told(store: Store, destination: str, after: str, limit: int) -> list[Due]:
    """Give of whom the destination knows all, in the order of their ids, after one of them."""
    return await _page(store, destination, after, limit, waiting=False)


async def overtaken(store: Store, destination: str, versions: Mapping[str, int]) -> set[str]:
    """Give those of some shoppers of whom a newer version than this one is to be told."""
    query = select(OutboxRow.shopper_id, OutboxRow.desired_version).where(
        col(OutboxRow.destination) == destination, among(OutboxRow.shopper_id, "of")
    )
    async with store.begin(readonly=True) as session:
        connection = await session.connection()
        rows = (await connection.execute(query, {"of": as_texts(versions)})).all()
    return {shopper for shopper, desired in rows if desired > versions[shopper]}


async def why_put_off(store: Store, destination: str) -> dict[str, int]:
    """Count by reason who was put off and waits, the most frequent first: a refused wish is among them."""
    count = func.count()
    query = (
        select(OutboxRow.last_error, count)
        .where(col(OutboxRow.destination) == destination, _UNSYNCED)
        .where(col(OutboxRow.attempts) > 0, col(OutboxRow.dead_at).is_(None))
        .group_by(col(OutboxRow.last_error))
        .order_by(count.desc(), col(OutboxRow.last_error))
    )
    async with store.begin(readonly=True) as session:
        return {reason or "": many for reason, many in (await session.exec(query)).all()}


async def tell_again(
    store: Store, destination: str, shoppers: Sequence[str], now: datetime
) -> None:
    """Have a destination told of these once more, though nothing has changed since."""
    statement = (
        update(OutboxRow)
        .where(col(OutboxRow.destination) == destination, ~_UNSYNCED)
        .where(col(OutboxRow.shopper_id).in_(shoppers))
        .values(
            desired_version=col(OutboxRow.desired_version) + 1,
            payload_hash=null(),
            backfill=true(),
            next_attempt_at=now,
            dirty_since=now,
        )
    )
    async with store.begin() as session:
        await session.exec(statement)


async def _page(
    store: Store, destination: str, after: str, limit: int, *, waiting: bool
) -> list[Due]:
    query = (
        select(OutboxRow)
        .where(col(OutboxRow.destination) == destination, _UNSYNCED if waiting else ~_UNSYNCED)
        .where(col(OutboxRow.shopper_id) > after)
        .order_by(col(OutboxRow.shopper_id))
        .limit(limit)
    )
    async with store.begin(readonly=True) as session:
        return [as_due(row) for row in (await session.exec(query)).all()]
