"""How each CRM fares, shared by every worker: a pause that all keep, and the last success."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, null
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.lanes import LANES, Lane
from preferences.store.engine import Store
from preferences.store.tables import DestinationRow, OutboxRow

type Why = Literal["refused", "quota"]
"""Why nothing is sent: the destination refuses us, or has no calls left for us."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is sent to a destination, and why; the reason names no person."""

    until: datetime
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a destination stands. `waiting` counts shoppers by lane, without the dead letters.

    `failing` are those of them who were put off, `failing_wishes` those of these who wished something.
    `behind_since` is since when the one who waits longest waits.
    """

    name: str
    waiting: dict[Lane, int]
    failing: int
    failing_wishes: int
    dead: int
    behind_since: datetime | None
    last_success_at: datetime | None
    pause: Pause | None
    pulled_at: datetime | None


async def read_pause(store: Store, destination: str, now: datetime) -> Pause | None:
    """Give the pause that holds at this moment."""
    async with store.begin(readonly=True) as session:
        row = await session.get(DestinationRow, destination)
    found = _pause(row) if row else None
    return found if found and found.until > now else None


async def pause(store: Store, destination: str, stop: Pause, now: datetime) -> bool:
    """Have every worker pause, and tell whether it is news: whoever hears so should tell it."""
    async with store.begin() as session:
        row = await locked(session, destination)
        known = (row.pause, row.reason) == (stop.why, stop.reason)
        row.pause, row.reason, row.paused_until = stop.why, stop.reason, stop.until
        row.since = row.since if known else now
    return not known


async def succeed(store: Store, destination: str, now: datetime) -> bool:
    """Note that something was taken, and tell whether that ended a pause.

    A pause for a quota lasts: wishes have calls of their own.
    """
    async with store.begin() as session:
        row = await locked(session, destination)
        row.last_success_at = now
        stopped = _pause(row)
        if stopped and stopped.why == "quota" and stopped.until > now:
            return False
        ended = row.pause != ""
        row.pause, row.reason, row.paused_until, row.since = "", "", None, None
    return ended


async def resume(store: Store, destination: str) -> None:
    """Let workers try again at once: the operator has mended something."""
    async with store.begin() as session:
        (await locked(session, destination)).paused_until = None


async def read_cursor(store: Store, destination: str) -> str:
    """Give up to where a destination's own changes were taken in; empty is the beginning."""
    async with store.begin(readonly=True) as session:
        row = await session.get(DestinationRow, destination)
    return row.cursor if row else ""


async def save_cursor(store: Store, destination: str, cursor: str, now: datetime) -> None:
    """Note that all up to here was taken in."""
    async with store.begin() as session:
        row = await locked(session, destination)
        row.cursor, row.pulled_at = cursor, now


async def read_standing(store: Store, names: Sequence[str], now: datetime) -> list[Standing]:
    """Tell how destinations stand, in their order."""
    async with store.begin(readonly=True) as session:
        return [await _standing(session, name, now) for name in names]


async def locked(session: AsyncSession, destination: str) -> DestinationRow:
    """Give the row of a destination, alone with it until the transaction ends."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    blank = {"pause": "", "reason": "", "cursor": ""}
    first = insert(DestinationRow).values(name=destination, **blank)
    await session.exec(first.on_conflict_do_nothing())
    query = select(DestinationRow).where(DestinationRow.name == destination).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def _standing(session: AsyncSession, name: str, now: datetime) -> Standing:
    of_it = col(OutboxRow.destination) == name
    unsynced = col(OutboxRow.desired_version) > col(OutboxRow.synced_version)
    alive = (of_it, unsynced, col(OutboxRow.dead_at).is_(None))
    wish, backfill = col(OutboxRow.urgent), col(OutboxRow.backfill)
    lanes = (wish, ~wish & ~backfill, ~wish & backfill)
    waiting = {
        lane: (await session.exec(select(func.count()).where(*alive, of_lane))).one()
        for lane, of_lane in zip(LANES, lanes, strict=True)
    }
    failing = select(func.count()).where(*alive, col(OutboxRow.attempts) > 0)
    wishes = failing.where(wish)
    dead = select(func.count()).where(of_it, col(OutboxRow.dead_at).is_not(null()))
    since = select(func.min(col(OutboxRow.dirty_since))).where(*alive)
    row = await session.get(DestinationRow, name) or DestinationRow(name=name)
    paused = _pause(row)
    return Standing(
        name,
        waiting,
        (await session.exec(failing)).one(),
        (await session.exec(wishes)).one(),
        (await session.exec(dead)).one(),
        (await session.exec(since)).one(),
        row.last_success_at,
        paused if paused and paused.until > now else None,
        row.pulled_at,
    )


def _pause(row: DestinationRow) -> Pause | None:
    return Pause(row.paused_until, row.pause, row.reason) if row.paused_until else None
