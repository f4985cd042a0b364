"""Forgets shoppers without a name of whom nothing is left but ids."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import batched

from sqlalchemy import ColumnElement, delete, exists, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.holdings import Person, rows_of, table_of
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ChangeRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    DecisionRow,
    DispatchRow,
    HabitRow,
    IdempotencyRow,
    IdentityRow,
    LinkRow,
    MessageRow,
    OutboxRow,
    PrivacyRequestRow,
    PurchaseRow,
    RemovalRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
)

_BATCH, _LOOKED_AT = 100, 1000
_PAUSE = 0.02  # seconds in which others may write
_CONTENT = (IdentityRow, LinkRow, AskRow, AnswerRow, DecisionRow, PurchaseRow, CandidateRow)
_GOES: tuple[type[Row], ...] = (
    TrackerRow,
    DispatchRow,
    SurroundingsRow,
    ConsentRow,
    ConsentEventRow,
    SuppressionRow,
    OutboxRow,
    ChangeRow,
    WebhookDeliveryRow,
    IdempotencyRow,
    HabitRow,
    PrivacyRequestRow,
    ConversationRow,
    ShopperRow,
)


async def forget_strangers(store: Store, empty: timedelta, silent: timedelta, now: datetime) -> int:
    """Remove shoppers without a name, and tell how many.

    One of whom there is no content goes after `empty`; permissions and wishes keep one longer,
    until nobody was there for `silent`.
    """
    gone, last = 0, ""
    strangers = _strangers(now - empty, now - silent)
    while some := await _next(store, last):
        last = some[-1]
        here = col(ShopperRow.id).between(some[0], last)
        async with store.begin(readonly=True) as session:  # mostly nobody: that takes no lock
            found = (await session.exec(strangers.where(here))).all()
        for few in batched(found, _BATCH):
            async with store.begin() as session:
                still = (await session.exec(strangers.where(col(ShopperRow.id).in_(few)))).all()
                for shopper in still:
                    await _forget(session, shopper, now)
            gone += len(still)
            await asyncio.sleep(_PAUSE)
    return gone


async def _next(store: Store, after: str) -> Sequence[str]:
    """Give the next shoppers to look at: all of them at a time would keep the database busy."""
    query = select(ShopperRow.id).where(ShopperRow.id > after).order_by(col(ShopperRow.id))
    async with store.begin(readonly=True) as session:
        return (await session.exec(query.limit(_LOOKED_AT))).all()


@asynccontextmanager
async def open_ledgers(session: AsyncSession, shoppers: Sequence[str]) -> AsyncIterator[None]:
    """Let ledgers of shoppers lose rows within a block; part of the caller's transaction."""
    if not shoppers:
        yield
        return
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    opened = insert(RemovalRow).values([{"shopper_id": one} for one in sorted(shoppers)])
    await session.exec(opened.on_conflict_do_nothing())
    yield
    await session.exec(delete(RemovalRow).where(col(RemovalRow.shopper_id).in_(shoppers)))


async def _forget(session: AsyncSession, shopper: str, now: datetime) -> None:
    person = Person(shopper, [shopper], [])
    told = select(ChangeRow.id).where(rows_of(person, ChangeRow)).limit(1)
    mirrored = (await session.exec(told)).first() is not None
    async with open_ledgers(session, [shopper]):
        for table in _GOES:
            await session.exec(delete(table).where(rows_of(person, table)))
    if mirrored:
        note(session, shopper, "shopper.erased", {}, now)


def _strangers(empty: datetime, silent: datetime) -> SelectOfScalar[str]:
    who, linked = col(ShopperRow.id), aliased(ShopperRow)
    others = exists().where(col(linked.head_id) == who, col(linked.id) != who)
    joined = exists().where(col(LinkRow.head_id) == who)
    said = exists().where(
        col(MessageRow.conversation_id) == col(ConversationRow.id),
        col(ConversationRow.shopper_id) == who,
    )
    untold = exists().where(
        col(OutboxRow.shopper_id) == who,
        col(OutboxRow.desired_version) > col(OutboxRow.synced_version),
    )
    bound = _has(ConsentEventRow) | _has(SuppressionRow)
    return (
        select(who)
        .where(col(ShopperRow.head_id) == who, _is_gone_since(empty))
        .where(*(~_has(table) for table in _CONTENT))
        .where(~others, ~joined, ~said, ~untold, or_(~bound, _is_gone_since(silent)))
    )


def _has(table: type[Row]) -> ColumnElement[bool]:
    return exists().where(table_of(table).c.shopper_id == col(ShopperRow.id))


def _is_gone_since(before: datetime) -> ColumnElement[bool]:
    here = col(ConversationRow.shopper_id) == col(ShopperRow.id)
    seen = exists().where(here, col(ConversationRow.seen_at) >= before)
    return (col(ShopperRow.created_at) < before) & ~seen
