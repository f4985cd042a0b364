"""What each destination still has to be told: marked by who changes a shopper, cleared by sync."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.lanes import LANES, Lane
from preferences.store.engine import Store
from preferences.store.given import among, as_texts
from preferences.store.tables import OutboxRow
from preferences.store.types import UtcTime

BELL = "askfirst:outbox"
"""The Redis channel where a writer may ring after its commit; without it, sync looks often."""

LEASE = timedelta(seconds=30)
"""How long a claimed row is left to the worker that claimed it; a push must end sooner."""


@dataclass(frozen=True, slots=True)
class Due:
    """A shopper whom one destination must be told of.

    `payload_hash` is what the destination holds for certain, None when nobody knows. `held` names
    the fields that are filled there by our doing, None where nothing was ever told. `until` is the
    end of the lease, by which a claim is told from later ones.
    """

    shopper: str
    version: int
    payload_hash: str | None
    attempts: int
    lane: Lane = "news"
    held: frozenset[str] | None = None
    remote_id: str = ""
    until: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """How many shoppers a destination has not been told of, and how many of these failed before.

    `dead` are those of them that it refused, and that nobody tells again by themselves.
    """

    waiting: int
    failing: int
    dead: int = 0


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
    waits = _unsynced() & (col(old.next_attempt_at) <= now + LEASE)
    for destination in sorted(set(destinations)):  # one order, so that two never wait in a circle
        fresh = insert(OutboxRow).values(
            shopper_id=shopper,
            destination=destination,
            desired_version=1,
            synced_version=0,
            urgent=urgent,
            backfill=False,
            attempts=0,
            next_attempt_at=now,
            dirty_since=now,
        )
        await session.exec(
            fresh.on_conflict_do_update(
                index_elements=["shopper_id", "destination"],
                set_={
                    "desired_version": col(old.desired_version) + 1,
                    "urgent": or_(col(old.urgent), fresh.excluded.urgent),
                    "backfill": False,
                    "dead_at": null(),
                    "dirty_since": case((_unsynced(), col(old.dirty_since)), else_=_moment(now)),
                    "next_attempt_at": case((waits, col(old.next_attempt_at)), else_=_moment(now)),
                },
            )
        )


async def claim(
    store: Store, destination: str, limit: int, now: datetime, lanes: Sequence[Lane] = LANES
) -> list[Due]:
    """Take what is due for a lease, of the first lane that has any: no other worker gets it meanwhile.

    What the destination holds becomes uncertain by it: who was claimed and never acknowledged is
    told again, even when nothing has changed.
    """
    lane = await first_due(store, destination, lanes, now) if len(lanes) > 1 else lanes[0]
    if lane is None:
        return []
    asked = {"to": destination, "now": now, "most": limit}
    async with store.begin() as session:
        connection = await session.connection()
        rows = (await connection.execute(_CLAIMED[lane], asked)).all()
        if rows:
            mine = {"of": as_texts(row.shopper_id for row in rows), "until": now + LEASE}
            await connection.execute(_LEASED, {"to": destination, **mine})
    return [replace(as_due(row), until=now + LEASE) for row in rows]


async def first_due(
    store: Store, destination: str, lanes: Sequence[Lane], now: datetime
) -> Lane | None:
    """Give the first lane where something is due; mostly none, and looking takes no lock."""
    asked = {"to": destination, "now": now, "most": 1}
    async with store.begin(readonly=True) as session:
        connection = await session.connection()
        for lane in lanes:
            if (await connection.execute(_IS_DUE[lane], asked)).first() is not None:
                return lane
    return None


def as_due(row: OutboxRow | Row[Any]) -> Due:
    """Give a row as it waits, in its lane."""
    lane: Lane = "wish" if row.urgent else "backfill" if row.backfill else "news"
    held = None if row.held is None else frozenset(row.held.splitlines())
    known, remote_id = row.payload_hash, row.remote_id or ""
    return Due(row.shopper_id, row.desired_version, known, row.attempts, lane, held, remote_id)


async def retry(store: Store, destination: str, now: datetime) -> None:
    """Make all that was put off due, but for what somebody may be telling this moment.

    Dead letters stay dead.
    """
    statement = (
        update(OutboxRow)
        .where(col(OutboxRow.destination) == destination, _unsynced())
        .where(col(OutboxRow.next_attempt_at) > now + LEASE, col(OutboxRow.dead_at).is_(None))
        .values(next_attempt_at=now)
    )
    async with store.begin() as session:
        await session.exec(statement)


async def pending(store: Store) -> dict[str, Pending]:
    """Count what each destination has not been told; one that is up to date is left out.

    :raises UnavailableError: the store is away, or has not been migrated yet.
    """
    failing = func.sum(case((col(OutboxRow.attempts) > 0, 1), else_=0))
    dead = func.count(col(OutboxRow.dead_at))
    query = (
        select(OutboxRow.destination, func.count(), failing, dead)
        .where(_unsynced())
        .group_by(col(OutboxRow.destination))
    )
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(query)).all()
    return {name: Pending(*counts) for name, *counts in rows}


def _unsynced() -> ColumnElement[bool]:
    return col(OutboxRow.desired_version) > col(OutboxRow.synced_version)


def _moment(at: datetime) -> ColumnElement[datetime]:
    return literal(at, UtcTime)


def _due(lane: Lane, *columns: Any) -> Select[Any]:
    of_lane = [col(OutboxRow.urgent) == (lane == "wish")]
    if lane != "wish":
        of_lane.append(col(OutboxRow.backfill) == (lane == "backfill"))
    return (
        sa.select(*columns)
        .where(col(OutboxRow.destination) == bindparam("to"), _unsynced(), *of_lane)
        .where(col(OutboxRow.next_attempt_at) <= bindparam("now", type_=UtcTime))
        .order_by(col(OutboxRow.next_attempt_at))
        .limit(bindparam("most"))
    )


_IS_DUE = {lane: _due(lane, literal(1)) for lane in LANES}
_CLAIMED = {
    lane: _due(
        lane,
        OutboxRow.shopper_id,
        OutboxRow.desired_version,
        OutboxRow.payload_hash,
        OutboxRow.attempts,
        OutboxRow.urgent,
        OutboxRow.backfill,
        OutboxRow.held,
        OutboxRow.remote_id,
    ).with_for_update(skip_locked=True)
    for lane in LANES
}
_LEASED = (
    update(OutboxRow)
    .where(among(OutboxRow.shopper_id, "of"))
    .where(col(OutboxRow.destination) == bindparam("to"))
    .values(
        next_attempt_at=bindparam("until", type_=UtcTime),
        payload_hash=null(),
        held=func.coalesce(col(OutboxRow.held), ""),
    )
)
