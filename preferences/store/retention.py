"""Removes what was kept long enough, a little at a time, so that no writer waits for it."""

import asyncio
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, delete, exists, literal, null, or_, update
from sqlalchemy import select as select_rows
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.settings import Settings
from preferences.store.changes import KEPT as KEPT_CHANGES
from preferences.store.changes import forget_changes, note, place
from preferences.store.engine import Store
from preferences.store.guards import LEDGERS
from preferences.store.habits import buyers_of, work_out
from preferences.store.holdings import table_of
from preferences.store.idempotency import KEPT as KEPT_ERRANDS
from preferences.store.orders import hold_known
from preferences.store.outbox import mark
from preferences.store.strangers import forget_strangers, open_ledgers
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConversationRow,
    DecisionRow,
    DispatchRow,
    IdempotencyRow,
    IdentityRow,
    MessageRow,
    OwnWordsRow,
    PrivacyRequestRow,
    PromiseRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
    TrackerRow,
    WebhookDeliveryRow,
)

_BATCH = 200
_PLACES = timedelta(days=1)  # no policy lets a place count for longer
_PAUSE = 0.02  # seconds in which others may write

_Later = aliased(AnswerRow)
_answered = exists().where(col(AnswerRow.ask_id) == col(AskRow.id))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long what is kept."""

    messages: timedelta
    words: timedelta
    answers: timedelta
    orders: timedelta
    unread: timedelta
    deliveries: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read them from the settings."""
        return cls(
            timedelta(days=settings.keep_messages_days),
            timedelta(days=settings.keep_words_days),
            timedelta(days=settings.keep_answers_days),
            timedelta(days=settings.keep_orders_days),
            timedelta(days=settings.keep_unread_days),
            timedelta(days=settings.keep_deliveries_days),
        )


async def sweep(
    store: Store, limits: Limits, destinations: Sequence[str], now: datetime
) -> Mapping[str, int]:
    """Remove what is past its limit; tell how many rows of which tables went.

    A wish not to be offered something stays until it was taken back; consent events and the texts
    that were shown stay for as long as the shopper is known.

    :raises UnavailableError: the store is away; what is left goes the next time.
    """
    await place(store)  # nobody may be reading the feed, and it must not grow for ever
    gone = {"change": await forget_changes(store, now)}
    for table, old in _rules(limits, now):
        gone[table.__tablename__] = await _remove(store, table, old, destinations, now)
    gone["shopper"] = await forget_strangers(store, limits.messages, limits.answers, now)
    await store.wipe()
    return {name: rows for name, rows in gone.items() if rows}


def _rules(limits: Limits, now: datetime) -> list[tuple[type[Row], ColumnElement[bool]]]:
    """Give which rows of which table are too old, in an order that no reference forbids."""
    facts = now - limits.answers
    return [
        (OwnWordsRow, col(OwnWordsRow.at) < now - limits.words),
        (MessageRow, col(MessageRow.at) < now - limits.messages),
        (DispatchRow, col(DispatchRow.created_at) < now - limits.messages),
        (TrackerRow, col(TrackerRow.updated_at) < now - limits.messages),
        (SurroundingsRow, col(SurroundingsRow.at) < now - _PLACES),
        (
            CandidateRow,
            (col(CandidateRow.closed_at) <= now) | (col(CandidateRow.expires_at) < now),
        ),
        (AnswerRow, _old_answer(facts)),
        (AskRow, (col(AskRow.asked_at) < facts) & ~_answered),
        (DecisionRow, col(DecisionRow.at) < facts),
        (PromiseRow, col(PromiseRow.promised_at) < facts),
        (PurchaseRow, col(PurchaseRow.placed_at) < now - limits.orders),
        (PurchaseNoteRow, _of_no_order(now - limits.unread)),
        (PrivacyRequestRow, col(PrivacyRequestRow.received_at) < facts),
        (QuarantineRow, col(QuarantineRow.received_at) < now - limits.unread),
        (IdempotencyRow, col(IdempotencyRow.at) < now - KEPT_ERRANDS),
        (WebhookDeliveryRow, _old_delivery(now, limits.deliveries)),
        (SuppressionRow, _ended(facts)),
        (IdentityRow, col(IdentityRow.unlinked_at) < facts),
        (ConversationRow, _of_the_erased(now - limits.messages)),
    ]


def _old_answer(before: datetime) -> ColumnElement[bool]:
    """Tell of an answer that it is old, and no wish not to be offered something that still holds."""
    kept, later = col(AnswerRow.detail), col(_Later.detail)
    taken_back = exists().where(
        col(_Later.shopper_id) == col(AnswerRow.shopper_id),
        col(_Later.question_id) == col(AnswerRow.question_id),
        col(_Later.value) == col(AnswerRow.value),
        _text(later, "purpose").is_not_distinct_from(_text(kept, "purpose")),
        _text(col(_Later.about), "sku").is_not_distinct_from(_text(col(AnswerRow.about), "sku")),
        col(_Later.answered_at) > col(AnswerRow.answered_at),
        col(_Later.answered_at) < before,
    )
    wish = _text(kept, "polarity").is_not_distinct_from("does_not_want")
    return (col(AnswerRow.answered_at) < before) & or_(~wish, taken_back)


def _of_no_order(before: datetime) -> ColumnElement[bool]:
    """Tell of a note that its order is gone, or never came."""
    order = exists().where(
        col(PurchaseRow.source) == col(PurchaseNoteRow.source),
        col(PurchaseRow.external_id) == col(PurchaseNoteRow.external_id),
    )
    return (col(PurchaseNoteRow.received_at) < before) & ~order


def _old_delivery(now: datetime, limit: timedelta) -> ColumnElement[bool]:
    """Tell of a delivery that it is over for long; one that waits stays for as long as its change."""
    made, over = col(WebhookDeliveryRow.created_at), col(WebhookDeliveryRow.state) != "waiting"
    return ((made < now - limit) & over) | (made < now - KEPT_CHANGES)


def _text(column: Any, name: str) -> ColumnElement[str]:
    element: ColumnElement[str] = column[name].as_string()
    return element


def _ended(before: datetime) -> ColumnElement[bool]:
    lifted, expired = col(SuppressionRow.lifted_at), col(SuppressionRow.expires_at)
    return (lifted < before) | (expired < before)


def _of_the_erased(before: datetime) -> ColumnElement[bool]:
    """Tell of a conversation that its goodbye is over, and nothing is left of it."""
    here = col(ConversationRow.id)
    wishes = select(SuppressionRow.shopper_id).where(
        col(SuppressionRow.reason) == literal(ERASED, literal_execute=True)  # as its index says it
    )
    erased = col(ConversationRow.shopper_id).in_(wishes)
    said = exists().where(col(MessageRow.conversation_id) == here)
    asked = exists().where(col(AskRow.conversation_id) == here)
    return (col(ConversationRow.seen_at) < before) & erased & ~said & ~asked


async def _remove(
    store: Store,
    table: type[Row],
    old: ColumnElement[bool],
    destinations: Sequence[str],
    now: datetime,
) -> int:
    gone = 0
    while True:
        async with store.begin() as session:
            found = await _find(session, table, old)
            if table is PurchaseRow:
                await hold_known(session, found.ids)
                # Whoever was telling of one of them meanwhile may have made it younger.
                found = await _find(session, table, old & col(PurchaseRow.id).in_(found.ids))
            if table is AnswerRow:
                await _tell(session, found, destinations, now)
            await _delete(session, table, found)
        gone += len(found.keys)
        if len(found.keys) < _BATCH:
            return gone
        await asyncio.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class _Found:
    """The primary keys of rows, and whose ledgers they are in."""

    keys: Sequence[tuple[Any, ...]]
    shoppers: Sequence[str]

    @property
    def ids(self) -> Sequence[str]:
        return [key[0] for key in self.keys]


async def _find(session: AsyncSession, table: type[Row], old: ColumnElement[bool]) -> _Found:
    columns = table_of(table).c
    key = [*table_of(table).primary_key.columns]
    owner = [columns.shopper_id] if table.__tablename__ in LEDGERS else []
    query = select_rows(*key, *owner).where(old).limit(_BATCH)
    rows = (await (await session.connection()).execute(query)).all()
    shoppers = sorted({row[-1] for row in rows}) if owner else []
    return _Found([tuple(row[: len(key)]) for row in rows], shoppers)


async def _tell(
    session: AsyncSession, found: _Found, destinations: Sequence[str], now: datetime
) -> None:
    """Have mirrors and CRMs follow where answers go."""
    whose = (
        select(ShopperRow.head_id, AnswerRow.question_id)
        .join(AnswerRow, col(AnswerRow.shopper_id) == col(ShopperRow.id))
        .where(col(AnswerRow.id).in_(found.ids))
        .distinct()
    )
    gone = sorted((await session.exec(whose)).all())
    for head, question in gone:
        note(session, head, "preference.removed", {"question": question}, now)
    for head in sorted({head for head, _ in gone}):
        await mark(session, head, destinations, now, urgent=False)


async def _delete(session: AsyncSession, table: type[Row], found: _Found) -> None:
    if not found.keys:
        return
    key = [*table_of(table).primary_key.columns]
    buyers = await buyers_of(session, found.ids) if table is PurchaseRow else ()
    await _let_go(session, table, found.ids)
    async with open_ledgers(session, found.shoppers):
        these = or_(*(and_(*map(operator.eq, key, one)) for one in found.keys))
        await session.exec(delete(table).where(these))
    await work_out(session, buyers)


async def _let_go(session: AsyncSession, table: type[Row], ids: Sequence[str]) -> None:
    """Remove what refers to rows that go."""
    if table is AnswerRow:
        await session.exec(delete(OwnWordsRow).where(col(OwnWordsRow.answer_id).in_(ids)))
    if table is PurchaseRow:
        await session.exec(delete(PurchaseLineRow).where(col(PurchaseLineRow.purchase_id).in_(ids)))
    if table is AskRow:
        talks = select(AskRow.conversation_id).where(col(AskRow.id).in_(ids))
        asking = col(ConversationRow.id).in_(talks) & col(ConversationRow.open_ask_id).in_(ids)
        await session.exec(update(ConversationRow).where(asking).values(open_ask_id=null()))
