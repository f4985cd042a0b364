"""Takes in what an export holds, into a store that knows nobody of it: sealed anew, proof intact.

An answer that was given under the permission of somebody else, while the two were taken for one,
is taken in only where that permission is, too: nothing would prove it, and nobody may use it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import ConsentState
from preferences.errors import BadInputError
from preferences.purchases import customer_in
from preferences.store.changes import ChangeType, note
from preferences.store.engine import Store
from preferences.store.export import FORMAT, KEPT, is_named, sealed_columns
from preferences.store.holdings import CUSTOMER
from preferences.store.outbox import mark
from preferences.store.remembering import remember_nothing
from preferences.store.sealed import PREFIX, put_sealed
from preferences.store.tables import (
    AnswerRow,
    ConsentEventRow,
    ConsentRow,
    LinkRow,
    NoticeRow,
    OwnWordsRow,
    QuarantineRow,
    Row,
    ShopperRow,
    SuppressionRow,
)
from preferences.store.vault import Vault

logger = logging.getLogger(__name__)

_HERE_ALREADY = (
    "Somebody or something of this export is in the store already; take an empty store, "
    "or erase them there first."
)
_LEFT_OUT = (
    "Left out: %d answers that were given under the permission of somebody else. Take in that "
    "person first and then this one, if they are to be kept."
)
_MOST = 2**31  # in an integer column of PostgreSQL
_TOLD: Mapping[ConsentState, ChangeType] = {
    "given": "consent.given",
    "refused": "consent.refused",
    "withdrawn": "consent.withdrawn",
    "objected": "consent.objected",
    "expired": "consent.expired",
}


async def import_shopper(
    store: Store, page: Mapping[str, Any], destinations: Sequence[str], now: datetime
) -> str:
    """Keep everything of an export but its traffic, and give the person's id.

    :raises BadInputError: it is no export of ours, or somebody of it is here already.
    """
    rows = dict(_read(store.vault, page))
    head = page.get("shopper")
    if not isinstance(head, str) or head not in [_head(row) for row in rows[ShopperRow]]:
        message = "This export does not say whose it is; take it as it was made."
        raise BadInputError(message, field="shopper")
    async with store.begin() as session:
        remember_nothing(session)
        await _leave_unproved(session, rows)
        try:
            await _add(session, rows)
        except IntegrityError:
            raise BadInputError(_HERE_ALREADY) from None
        for kind, detail in _changes(rows, now):
            note(session, head, kind, detail, now)
        await mark(session, head, destinations, now, urgent=False)
    return head


def _read(vault: Vault, page: Mapping[str, Any]) -> Iterator[tuple[type[Row], list[Row]]]:
    """Give the rows of an export by table, in an order in which they may be added."""
    if page.get("format") != FORMAT:
        message = f"This is no export in the format {FORMAT}."
        raise BadInputError(message, field="format")
    names = [table.name for table in SQLModel.metadata.sorted_tables]
    for table in sorted(KEPT, key=lambda table: names.index(table.__tablename__)):
        place = f"held.{table.__tablename__}"
        try:
            told = page["held"][table.__tablename__]
            rows = [_row(vault, table, one) for one in told]
            yield table, sorted(rows, key=_refers)  # who is the head of others comes first
        except (ValidationError, KeyError, TypeError, AttributeError, ValueError):
            message = "This is no export of ours, or not as it was made; export once more."
            raise BadInputError(message, field=place) from None


def _row(vault: Vault, table: type[Row], page: Mapping[str, Any]) -> Row:
    if not page.keys() <= {name.removeprefix(PREFIX) for name in table.model_fields}:
        message = "a column is unknown"
        raise ValueError(message)
    opened = {name: page[name] for name in sealed_columns(table)}
    plain = {name: held for name, held in page.items() if name not in opened}
    blank = {PREFIX + name: None if held is None else "" for name, held in opened.items()}
    if "lookup" in table.model_fields and is_named({"lookup": None, **page}):
        plain["lookup"] = _lookup(vault, table, page)
    row = table.model_validate(plain | blank)
    for held in row.model_dump().values():
        _check(held)
    for name, held in opened.items():
        put_sealed(vault, row, name, held)
    return row


def _check(held: object) -> None:
    """See that both databases can hold a value as it is.

    :raises ValueError: one of them cannot.
    """
    match held:
        case datetime(tzinfo=None):
            message = "a time has no zone"
        case int() if abs(held) >= _MOST:
            message = "a number is out of range"
        case str() if "\x00" in held:
            message = "a character is none of a text"
        case dict() | list():
            for one in [*held, *held.values()] if isinstance(held, dict) else held:
                _check(one)
            return
        case _:
            return
    raise ValueError(message)


def _lookup(vault: Vault, table: type[Row], page: Mapping[str, Any]) -> str:
    if table is QuarantineRow:
        return vault.lookup(CUSTOMER, customer_in(page["body"]) or "")
    return vault.lookup(page["kind"], page["value"])


def _head(row: Row) -> str:
    return row.head_id if isinstance(row, ShopperRow) else ""


def _refers(row: Row) -> bool:
    return isinstance(row, ShopperRow) and row.head_id != row.id


async def _add(session: AsyncSession, rows: Mapping[type[Row], Sequence[Row]]) -> None:
    for table, found in rows.items():
        if table is LinkRow:
            await _add_strangers(session, found)
        for row in await _unknown(session, found) if table is NoticeRow else found:
            session.add(row)
            await session.flush()


async def _leave_unproved(session: AsyncSession, rows: dict[type[Row], list[Row]]) -> None:
    """Leave out the answers whose permission is neither in the export nor here."""
    held = select(ConsentEventRow.id)
    acts = {row.id for row in rows[ConsentEventRow] if isinstance(row, ConsentEventRow)}
    answers = [row for row in rows[AnswerRow] if isinstance(row, AnswerRow)]
    foreign = {row.consent_id for row in answers} - acts - {None}
    acts |= {*(await session.exec(held.where(col(ConsentEventRow.id).in_(foreign)))).all()}
    lost = {row.id for row in answers if row.consent_id not in {None, *acts}}
    rows[AnswerRow] = [row for row in answers if row.id not in lost]
    if lost:
        logger.warning(_LEFT_OUT, len(lost))
    words = [row for row in rows[OwnWordsRow] if isinstance(row, OwnWordsRow)]
    rows[OwnWordsRow] = [row for row in words if row.answer_id not in lost]


async def _unknown(session: AsyncSession, notices: Sequence[Row]) -> list[Row]:
    """Give the texts that this store never showed."""
    known = (await session.exec(select(NoticeRow.sha256))).all()
    return [row for row in notices if isinstance(row, NoticeRow) and row.sha256 not in known]


async def _add_strangers(session: AsyncSession, links: Sequence[Row]) -> None:
    """Add whom the person was once linked to and is no more, as an id alone."""
    for link in links:
        if isinstance(link, LinkRow) and await session.get(ShopperRow, link.head_id) is None:
            stranger = ShopperRow(id=link.head_id, head_id=link.head_id, created_at=link.at)
            session.add(stranger)
            await session.flush()


def _changes(
    rows: Mapping[type[Row], Sequence[Row]], now: datetime
) -> Iterator[tuple[ChangeType, Mapping[str, Any]]]:
    """Tell what came in, for whoever mirrors this store."""
    questions = {row.question_id for row in rows[AnswerRow] if isinstance(row, AnswerRow)}
    for question in sorted(questions):
        yield "preference.imported", {"question": question}
    for row in rows[ConsentRow]:
        if isinstance(row, ConsentRow) and row.state in _TOLD:
            yield _TOLD[row.state], {"purpose": row.purpose}
    for row in rows[SuppressionRow]:
        if isinstance(row, SuppressionRow) and row.lifted_at is None:
            in_force = row.expires_at is None or row.expires_at > now
            if in_force:
                yield "suppression.added", {"scope": row.scope, "target": row.target}
