"""Reads everything that was ever said, allowed or wished, in its order, each with its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import Store
from preferences.store.export import as_page
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import read_text
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    LinkRow,
    NoticeRow,
    OwnWordsRow,
    SuppressionRow,
)

type Kind = Literal["answer", "consent", "suppression", "link"]
type LedgerRow = AnswerRow | ConsentEventRow | SuppressionRow | LinkRow
type Ledger = type[LedgerRow]

_LEDGERS: tuple[tuple[Kind, Ledger, str], ...] = (
    ("answer", AnswerRow, "answered_at"),
    ("consent", ConsentEventRow, "occurred_at"),
    ("suppression", SuppressionRow, "created_at"),
    ("link", LinkRow, "at"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a ledger, as it was written."""

    kind: Kind
    at: datetime
    id: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class After:
    """A place in a history: after the entry of this time and id."""

    at: datetime
    id: str


async def read_history(
    store: Store, shopper: str, after: After | None, limit: int
) -> tuple[str, list[Entry]]:
    """Give a person's id and their entries, the oldest first, `limit` at most.

    An answer has the shopper's own words as long as they are kept, an event of consent the notice.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        found = [
            Entry(kind, getattr(row, time), row.id, as_page(store.vault, row))
            for kind, table, time in _LEDGERS
            for row in await _rows(session, head, table, time, after, limit)
        ]
        page = sorted(found, key=lambda entry: (entry.at, entry.id))[:limit]
        return head, await _told(session, store, page)


async def read_consent_events(store: Store, shopper: str) -> tuple[str, list[Entry]]:
    """Give a person's id and every event of consent, the oldest first, with the notices.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        query = select(ConsentEventRow).where(of_person(ConsentEventRow.shopper_id, head))
        rows = (await session.exec(query)).all()
        events = [
            Entry("consent", row.occurred_at, row.id, as_page(store.vault, row)) for row in rows
        ]
        events.sort(key=lambda entry: (entry.at, entry.record["seq"], entry.id))
        return head, await _told(session, store, events)


async def _rows(
    session: AsyncSession, head: str, table: Ledger, time: str, after: After | None, limit: int
) -> Sequence[LedgerRow]:
    at, name = col(getattr(table, time)), col(table.id)
    query = select(table).where(of_person(table.shopper_id, head)).order_by(at, name).limit(limit)
    if after is not None:
        query = query.where(or_(at > after.at, and_(at == after.at, name > after.id)))
    return cast("Sequence[LedgerRow]", (await session.exec(query)).all())


async def _told(session: AsyncSession, store: Store, entries: Sequence[Entry]) -> list[Entry]:
    """Put own words and notices beside what they belong to."""
    answers = [entry.id for entry in entries if entry.kind == "answer"]
    spoken = select(OwnWordsRow).where(col(OwnWordsRow.answer_id).in_(answers))
    words = {
        row.answer_id: read_text(store.vault, row, "text")
        for row in (await session.exec(spoken)).all()
    }
    hashes = {entry.record.get("notice_sha256") for entry in entries} - {None}
    shown = select(NoticeRow).where(col(NoticeRow.sha256).in_(hashes))
    notices = {row.sha256: row.text for row in (await session.exec(shown)).all()}
    return [_with(entry, words, notices) for entry in entries]


def _with(entry: Entry, words: Mapping[str, str], notices: Mapping[str, str]) -> Entry:
    more: dict[str, Any] = {}
    if entry.kind == "answer":
        more["own_words"] = words.get(entry.id)
    if entry.kind == "consent":
        more["notice_text"] = notices.get(entry.record["notice_sha256"] or "")
    return Entry(entry.kind, entry.at, entry.id, {**entry.record, **more})
