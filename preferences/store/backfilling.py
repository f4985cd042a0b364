"""Has one destination told of everybody, a thousand at a time, going on where it was interrupted."""

from datetime import datetime

from sqlalchemy import case, false, func, literal, null, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from preferences.store.destinations import locked
from preferences.store.engine import Store
from preferences.store.outbox import LEASE
from preferences.store.tables import OutboxRow, ShopperRow
from preferences.store.types import UtcTime

_CHUNK = 1000


async def everybody(store: Store) -> int:
    """Count whom a backfill marks."""
    query = select(func.count()).where(col(ShopperRow.id) == col(ShopperRow.head_id))
    async with store.begin(readonly=True) as session:
        return (await session.exec(query)).one()


async def begin_backfill(store: Store, destination: str, *, again: bool) -> bool:
    """Take up a backfill that was interrupted, or begin one; tell whether it goes on.

    `again` begins anew in any case.
    """
    async with store.begin() as session:
        row = await locked(session, destination)
        goes_on = row.backfill_after is not None and not again
        if not goes_on:
            row.backfill_after = ""
    return goes_on


async def mark_some(store: Store, destination: str, now: datetime, *, whole: bool) -> int:
    """Mark the next thousand persons and tell how many there were; none when all are marked.

    Who waits already keeps their lane. `whole` has the destination told even of those who have not
    changed since it was told last.
    """
    async with store.begin() as session:
        state = await locked(session, destination)
        if state.backfill_after is None:
            return 0
        ids = (
            select(ShopperRow.id)
            .where(col(ShopperRow.id) > state.backfill_after)
            .where(col(ShopperRow.id) == col(ShopperRow.head_id))
            .order_by(col(ShopperRow.id))
            .limit(_CHUNK)
        )
        found = (await session.exec(ids)).all()
        state.backfill_after = found[-1] if len(found) == _CHUNK else None
        if not found:
            return 0
        dialect = session.get_bind().dialect.name
        insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        at = literal(now, UtcTime)
        values = {
            "destination": literal(destination),
            "desired_version": literal(1),
            "synced_version": literal(0),
            "urgent": false(),
            "backfill": true(),
            "attempts": literal(0),
            "next_attempt_at": at,
            "dirty_since": at,
        }
        rows = select(col(ShopperRow.id), *values.values()).where(col(ShopperRow.id).in_(found))
        marking = insert(OutboxRow).from_select(["shopper_id", *values], rows)
        old = OutboxRow
        clean = col(old.desired_version) == col(old.synced_version)
        again = {
            "desired_version": col(old.desired_version) + 1,
            "backfill": case((clean, true()), else_=col(old.backfill)),
            "dead_at": null(),
            "dirty_since": case((clean, at), else_=col(old.dirty_since)),
            "next_attempt_at": case(
                (clean, at),
                (col(old.next_attempt_at) > literal(now + LEASE, UtcTime), at),
                else_=col(old.next_attempt_at),
            ),
        }
        if whole:
            again["payload_hash"] = null()
        keys = ["shopper_id", "destination"]
        await session.exec(marking.on_conflict_do_update(index_elements=keys, set_=again))
        return len(found)
