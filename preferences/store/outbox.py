"""What each destination still has to be told: marked by who changes a shopper, cleared by sync."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, case, func, literal, null, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from preferences.errors import UnavailableError
from preferences.lanes import LANES, Lane
from preferences.store.engine import Store
from preferences.store.tables import OutboxRow
from preferences.store.types import UtcTime

BELL = "askfirst:outbox"
"""The Redis channel where a writer may ring after its commit; without it, sync looks often."""

LEASE = timedelta(seconds=30)
"""How long a claimed row is left to the worker that claimed it; a push must end sooner."""

_BACKOFF = [timedelta(seconds=wait) for wait in (5, 30, 120, 600, 1800, 3600)]


NEVER = timedelta(days=36_500)
"""How far away a dead letter is put: it does not come back by itself."""


@dataclass(frozen=True, slots=True)
class Due:
    """A shopper whom one destination must be told of.

    `payload_hash` is what the destination holds for certain, None when nobody knows. `held` names
    the fields that are filled there by our doing, None where nothing was ever told.
    """

    shopper: str
    version: int
    payload_hash: str | None
    attempts: int
    lane: Lane = "news"
    held: frozenset[str] | None = None
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A version that a destination has taken, the fields that are filled there now, and its name."""

    shopper: str
    version: int
    payload_hash: str
    held: frozenset[str] = frozenset()
    remote_id: str = ""


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
    lane = await first_due(store, destination, lanes, now)
    if lane is None:
        return []
    async with store.begin() as session:
        locked = _due(destination, lane, now).limit(limit).with_for_update(skip_locked=True)
        rows = (await session.exec(locked)).all()
        claimed = [as_due(row) for row in rows]
        for row in rows:
            row.next_attempt_at = now + LEASE
            row.payload_hash = None
            row.held = row.held or ""
    return claimed


async def first_due(
    store: Store, destination: str, lanes: Sequence[Lane], now: datetime
) -> Lane | None:
    """Give the first lane where something is due; mostly none, and looking takes no lock."""
    async with store.begin(readonly=True) as session:
        for lane in lanes:
            due = select(literal(1)).select_from(_due(destination, lane, now).limit(1).subquery())
            if (await session.exec(due)).first() is not None:
                return lane
    return None


def _due(destination: str, lane: Lane, now: datetime) -> SelectOfScalar[OutboxRow]:
    of_lane = [col(OutboxRow.urgent) == (lane == "wish")]
    if lane != "wish":
        of_lane.append(col(OutboxRow.backfill) == (lane == "backfill"))
    return (
        select(OutboxRow)
        .where(col(OutboxRow.destination) == destination, _unsynced(), *of_lane)
        .where(col(OutboxRow.next_attempt_at) <= now)
        .order_by(col(OutboxRow.next_attempt_at))
    )


def as_due(row: OutboxRow) -> Due:
    """Give a row as it waits, in its lane."""
    lane: Lane = "wish" if row.urgent else "backfill" if row.backfill else "news"
    held = None if row.held is None else frozenset(row.held.splitlines())
    known, remote_id = row.payload_hash, row.remote_id or ""
    return Due(row.shopper_id, row.desired_version, known, row.attempts, lane, held, remote_id)


async def acknowledge(store: Store, destination: str, told: Sequence[Told], now: datetime) -> None:
    """Record what a destination has taken; what is newer than that stays due, at once."""
    newer = col(OutboxRow.desired_version) > bindparam("sent")
    statement = _one(destination, col(OutboxRow.synced_version) < bindparam("sent")).values(
        synced_version=bindparam("sent"),
        payload_hash=bindparam("holds"),
        held=bindparam("filled"),
        remote_id=bindparam("named"),
        urgent=col(OutboxRow.urgent) & newer,
        backfill=False,
        attempts=0,
        last_error=None,
        dirty_since=_moment(now),
        next_attempt_at=case((newer, _moment(now)), else_=col(OutboxRow.next_attempt_at)),
    )
    rows = [
        {
            "of": one.shopper,
            "sent": one.version,
            "holds": one.payload_hash,
            "filled": "\n".join(sorted(one.held)),
            "named": one.remote_id or None,
        }
        for one in told
    ]
    await _each(store, statement, rows)


async def fail(
    store: Store, destination: str, failed: Mapping[Due, str], at_least: timedelta, now: datetime
) -> None:
    """Put off what could not be told, each with its reason, which must name no person.

    It is tried again, together, after the back-off less up to a quarter, not sooner than
    `at_least`; a newer state at once.
    """
    newer = col(OutboxRow.desired_version) > bindparam("sent")
    statement = _one(destination, col(OutboxRow.synced_version) < bindparam("sent")).values(
        attempts=col(OutboxRow.attempts) + 1,
        last_error=bindparam("reason"),
        next_attempt_at=case((newer, _moment(now)), else_=bindparam("again", type_=UtcTime)),
    )
    spread = uniform(0.75, 1)  # others that failed now come back at another moment
    rows = [
        {
            "of": due.shopper,
            "sent": due.version,
            "reason": reason,
            "again": now + max(at_least, backoff(due.attempts + 1) * spread),
        }
        for due, reason in failed.items()
    ]
    await _each(store, statement, rows)


async def bury(
    store: Store, destination: str, refused: Mapping[Due, str], again: timedelta, now: datetime
) -> None:
    """Keep what a destination refuses as it is as dead letters, each with the reason.

    A newer state is told at once. A wish is never given up: it is told again after `again`.
    """
    newer = col(OutboxRow.desired_version) > bindparam("sent")
    wish = col(OutboxRow.urgent)
    statement = _one(destination, col(OutboxRow.synced_version) < bindparam("sent")).values(
        attempts=col(OutboxRow.attempts) + 1,
        last_error=bindparam("reason"),
        dead_at=case((or_(newer, wish), null()), else_=_moment(now)),
        next_attempt_at=case(
            (newer, _moment(now)), (wish, _moment(now + again)), else_=_moment(now + NEVER)
        ),
    )
    rows = [
        {"of": due.shopper, "sent": due.version, "reason": reason}
        for due, reason in refused.items()
    ]
    await _each(store, statement, rows)


async def give_back(store: Store, destination: str, claimed: Sequence[Due], now: datetime) -> None:
    """Let go of what was claimed: it is due again at once, and no attempt is counted."""
    mine = col(OutboxRow.synced_version) < bindparam("sent")
    statement = _one(destination, mine).values(next_attempt_at=_moment(now))
    await _each(store, statement, [{"of": due.shopper, "sent": due.version} for due in claimed])


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

    :raises UnavailableError: the store is away, refuses us, or has not been migrated yet.
    """
    failing = func.sum(case((col(OutboxRow.attempts) > 0, 1), else_=0))
    dead = func.count(col(OutboxRow.dead_at))
    query = (
        select(OutboxRow.destination, func.count(), failing, dead)
        .where(_unsynced())
        .group_by(col(OutboxRow.destination))
    )
    try:
        async with store.begin(readonly=True) as session:
            rows = (await session.exec(query)).all()
    except DBAPIError as error:
        message = (
            f"The preference store cannot be used yet ({error.orig}); "
            "run `alembic upgrade head`, or mend ASKFIRST_DATABASE_URL."
        )
        raise UnavailableError(message) from None
    return {name: Pending(*counts) for name, *counts in rows}


def backoff(attempts: int) -> timedelta:
    """Give the wait after so many attempts: 5 s after the first, 1 h at most."""
    return _BACKOFF[min(attempts, len(_BACKOFF)) - 1]


def _unsynced() -> ColumnElement[bool]:
    return col(OutboxRow.desired_version) > col(OutboxRow.synced_version)


def _moment(at: datetime) -> ColumnElement[datetime]:
    return literal(at, UtcTime)


def _one(destination: str, condition: ColumnElement[bool]) -> Update:
    return update(OutboxRow).where(
        col(OutboxRow.shopper_id) == bindparam("of"),
        col(OutboxRow.destination) == destination,
        condition,
    )


async def _each(store: Store, statement: Update, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    in_order = sorted(rows, key=lambda row: row["of"])  # so that two never wait in a circle
    async with store.begin() as session:
        connection = await session.connection()
        await connection.execute(statement, in_order)
