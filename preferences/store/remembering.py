"""Collects, within a transaction, what the journal must hold before the transaction is committed."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import event
from sqlalchemy.orm import Session, UOWTransaction
from sqlmodel import Session as SqlmodelSession
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.store.holdings import names_of
from preferences.store.journal import Entry
from preferences.store.tables import ConsentEventRow, Row, SuppressionRow
from preferences.store.vault import Vault

_REMEMBERED = "remembered"
_SILENT = "silent"
_WISHES = frozenset({"refused", "withdrawn", "objected"})


class RememberingSession(SqlmodelSession):
    """A session in which no writer can forget a wish: each row of one is noticed as it is written."""


def remember(session: AsyncSession, entry: Entry) -> None:
    """Have an entry written to the journal before this transaction is committed."""
    session.info.setdefault(_REMEMBERED, []).append(entry)


def remember_nothing(session: AsyncSession) -> None:
    """Keep this transaction out of the journal: it does what is written down already."""
    session.info[_SILENT] = True


async def remembered(session: AsyncSession, vault: Vault) -> list[Entry]:
    """Give what was remembered, each with the names by which its shopper is found again."""
    if session.info.get(_SILENT):
        return []
    entries: Sequence[Entry] = session.info.get(_REMEMBERED, ())
    return [
        entry
        if entry.names
        else replace(entry, names=await names_of(session, vault, entry.shopper))
        for entry in entries
    ]


def _entry(row: Row) -> Entry | None:
    match row:
        case ConsentEventRow(state=state) if state in _WISHES:
            detail = {"event": row.id, "purpose": row.purpose, "state": state}
            return Entry("consent", row.occurred_at, row.shopper_id, detail)
        case SuppressionRow(reason=reason) if reason != ERASED:
            detail = row.model_dump(
                mode="json", include={"id", "scope", "target", "source", "reason", "expires_at"}
            )
            return Entry("suppression", row.created_at, row.shopper_id, detail)
    return None


def _notice(session: Session, _context: UOWTransaction) -> None:
    found = [entry for row in session.new if isinstance(row, Row) and (entry := _entry(row))]
    if found:
        session.info.setdefault(_REMEMBERED, []).extend(found)


event.listen(RememberingSession, "after_flush", _notice)
