"""The change feed: what happened to whom, in one order, for whoever mirrors the store.

A writer notes a change in its own transaction, without a position. Whoever reads first gives
positions to what is committed by then, one placer at a time: so positions become visible in their
order, and a reader who asks for what comes after one misses nothing and sees nothing twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import time_ns
from typing import Any, Literal

from sqlalchemy import Update, delete, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import AskfirstError, BadInputError
from preferences.store.engine import Store
from preferences.store.journal import Entry
from preferences.store.tables import ChangeFeedRow, ChangeRow

ChangeType = Literal[
    "preference.answered",
    "preference.imported",
    "preference.expired",
    "preference.removed",
    "consent.given",
    "consent.refused",
    "consent.withdrawn",
    "consent.objected",
    "consent.expired",
    "suppression.added",
    "suppression.lifted",
    "suppression.expired",
    "shopper.erased",
    "shopper.linked",
    "shopper.unlinked",
]

KEPT = timedelta(days=90)
"""How long a change is kept; who asks for older ones has to take a full export."""

_FEED = 1
_AHEAD = 10_000  # positions that a line of the journal promises
_UNPLACED = col(ChangeRow.position).is_(None)


class GoneError(AskfirstError):
    """The changes after this position are no longer kept: take a full export, go on from there."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a shopper; `detail` names it and never holds a value or words."""

    id: str
    position: int
    shopper: str
    type: str
    detail: Mapping[str, Any]
    at: datetime


def note(
    session: AsyncSession,
    shopper: str,
    type_: ChangeType,
    detail: Mapping[str, Any],
    now: datetime,
) -> None:
    """Note what happened to a person, in the caller's transaction. `shopper` is the head."""
    ordered = f"{time_ns():016x}{token_hex(8)}"  # within a transaction, in the order of the notes
    session.add(ChangeRow(id=ordered, shopper_id=shopper, type=type_, detail=dict(detail), at=now))


async def read_changes(store: Store, after: int, limit: int) -> list[Change]:
    """Give what comes after a position, in order, `limit` changes at most.

    :raises GoneError: some of it is not kept any more.
    :raises BadInputError: the position was never given.
    """
    await place(store)
    query = (
        select(ChangeRow)
        .where(col(ChangeRow.position) > after)
        .order_by(col(ChangeRow.position))
        .limit(limit)
    )
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(query)).all()
        # After the rows: what retention takes away between the two is seen here.
        _check(after, await _feed(session))
    return [_change(row) for row in rows]


async def head_position(store: Store) -> int:
    """Give the last position: who reads the whole store from now on goes on after it."""
    await place(store)
    async with store.begin(readonly=True) as session:
        return (await _feed(session)).position


async def last_noted(session: AsyncSession, shopper: str) -> str:
    """Name the last thing that happened to a person, placed or not; empty where nothing did."""
    query = select(func.max(ChangeRow.id)).where(ChangeRow.shopper_id == shopper)
    return (await session.exec(query)).one() or ""


async def place(store: Store) -> None:
    """Give the next positions to what was noted and is committed."""
    query = select(col(ChangeRow.id)).where(_UNPLACED).limit(1)
    async with store.begin(readonly=True) as session:  # mostly nothing: that takes no lock
        if (await session.exec(query)).first() is None:
            return
    async with store.begin() as session:
        feed = await _locked(session)
        await session.exec(_numbering(feed.position))
        last = (await session.exec(select(func.max(ChangeRow.position)))).one()
        feed.position = max(feed.position, last or 0)
        if feed.position > feed.promised:
            feed.promised = feed.position + _AHEAD
            promise = Entry("positions", datetime.now(UTC), detail={"last": feed.promised})
            await store.journal.write([promise])


async def go_on_after(store: Store, position: int) -> None:
    """Give only higher positions from now on, whatever this database knows of having given."""
    async with store.begin() as session:
        feed = await _locked(session)
        if position > feed.position:
            feed.position = feed.promised = position


async def forget_changes(store: Store, now: datetime) -> int:
    """Remove what is older than 90 days, and remember up to where; tell how many.

    It is looked for from the oldest position on, and ends where something is younger.
    """
    position = col(ChangeRow.position)
    young = select(position).where(col(ChangeRow.at) >= now - KEPT, ~_UNPLACED)
    async with store.begin() as session:
        feed = await _locked(session)
        first = (await session.exec(young.order_by(position).limit(1))).first()
        old = ~_UNPLACED if first is None else position < first
        last = (await session.exec(select(func.max(position)).where(old))).one()
        if last is None:
            return 0
        feed.kept_after = max(feed.kept_after, last)
        gone = await session.exec(delete(ChangeRow).where(position <= last))
    return gone.rowcount


def _numbering(position: int) -> Update:
    """Number what is unplaced, in the order of the ids, from after a position."""
    order = func.row_number().over(order_by=col(ChangeRow.id))
    numbered = select(col(ChangeRow.id).label("id"), order.label("nth")).where(_UNPLACED).cte()
    return (
        update(ChangeRow)
        .where(col(ChangeRow.id) == numbered.c.id)
        .values(position=numbered.c.nth + position)
        .execution_options(synchronize_session=False)
    )


async def _locked(session: AsyncSession) -> ChangeFeedRow:
    """Keep every other placer out until the transaction ends."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    first = insert(ChangeFeedRow).values(id=_FEED, position=0, kept_after=0, promised=0)
    await session.exec(first.on_conflict_do_nothing())
    query = select(ChangeFeedRow).where(ChangeFeedRow.id == _FEED).with_for_update()
    return (await session.exec(query)).one()


async def _feed(session: AsyncSession) -> ChangeFeedRow:
    found = await session.get(ChangeFeedRow, _FEED)
    return found or ChangeFeedRow(id=_FEED, position=0, kept_after=0)


def _check(after: int, feed: ChangeFeedRow) -> None:
    if after < feed.kept_after:
        message = (
            f"Changes are kept for {KEPT.days} days and these are gone; take a full export "
            "and go on from its position."
        )
        raise GoneError(message)
    if after > feed.position:
        message = "Nothing has this position yet; take a full export and go on from its position."
        raise BadInputError(message, field="after")


def _change(row: ChangeRow) -> Change:
    return Change(row.id, row.position or 0, row.shopper_id, row.type, row.detail, row.at)
