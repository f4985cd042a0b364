"""Applies again what the journal knows and a restored database does not, before anything is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.store.bearers import Name, find_bearers
from preferences.store.changes import ChangeType, go_on_after, note
from preferences.store.engine import Store
from preferences.store.erasure import erase
from preferences.store.ids import new_id
from preferences.store.journal import Entry
from preferences.store.ledger import Act, append_consent
from preferences.store.outbox import mark
from preferences.store.persons import head_of, of_person
from preferences.store.remembering import remember_nothing
from preferences.store.tables import (
    ConsentRow,
    IdentityRow,
    JournalMarkRow,
    ShopperRow,
    SuppressionRow,
)

_MARK = 1
_UNDER_WAY = timedelta(hours=1)  # longer than any transaction that wrote a line and is not over
_METHOD = "restore"
_CHANGES: dict[str, ChangeType] = {
    "refused": "consent.refused",
    "withdrawn": "consent.withdrawn",
    "objected": "consent.objected",
}


async def reapply(store: Store, destinations: Sequence[str], now: datetime) -> int:
    """Apply every wish of the journal that this database has not seen, and tell how many.

    What it has seen is recognised, so that nothing happens twice; it is harmless at every start.
    The change feed goes on after every position that was ever given.

    :raises UnavailableError: the store is away; nothing may be sent until this was done.
    """
    async with store.begin(readonly=True) as session:
        seen = await session.get(JournalMarkRow, _MARK)
    entries = [*store.journal.read(seen.lines if seen else 0)]
    bearers = await _bearers(store, entries)
    applied = 0
    for entry in entries:
        async with store.begin() as session:
            remember_nothing(session)
            applied += await _apply(session, entry, bearers, destinations, now)
    await go_on_after(store, store.journal.last_position())
    async with store.begin() as session:
        lines = store.journal.settled(now - _UNDER_WAY)
        await session.merge(JournalMarkRow(id=_MARK, lines=lines))
    return applied


async def _bearers(store: Store, entries: Sequence[Entry]) -> Mapping[Name, str]:
    """Find whom the entries mean that neither an id nor a hash finds: keys may have changed."""
    async with store.begin(readonly=True) as session:
        lost = [one for one in entries if one.names and await _known(session, one) is None]
    names = {name for entry in lost for name in entry.names}
    return await find_bearers(store, names) if names else {}


async def _apply(
    session: AsyncSession,
    entry: Entry,
    bearers: Mapping[Name, str],
    destinations: Sequence[str],
    now: datetime,
) -> bool:
    """Apply one entry, unless it is known, was overtaken, or is of nobody who can be met again."""
    if entry.kind not in _APPLY:
        return False
    shopper = await _shopper(session, entry, bearers)
    if shopper is None:
        return False
    head = await head_of(session, shopper)
    if await _is_erased_since(session, head, entry.at):
        return False
    return await _APPLY[entry.kind](session, entry, shopper, destinations, now)


async def _shopper(session: AsyncSession, entry: Entry, bearers: Mapping[Name, str]) -> str | None:
    """Find whose wish it is, or keep the hashes of a name that nobody bears yet."""
    known = await _known(session, entry)
    if known is not None or not entry.names:
        return known
    found = (bearers[name] for name in entry.names if name in bearers)
    return next(found, None) or await _by_hash_alone(session, entry)


async def _known(session: AsyncSession, entry: Entry) -> str | None:
    """Find whose wish it is, by id, or by name in a backup that is older than the id."""
    if await session.get(ShopperRow, entry.shopper) is not None:
        return entry.shopper
    for kind, lookup in entry.names:
        named = select(IdentityRow.shopper_id).where(
            IdentityRow.kind == kind,
            IdentityRow.lookup == lookup,
            col(IdentityRow.unlinked_at).is_(None),
        )
        found = (await session.exec(named)).first()
        if found is not None:
            return found
    return None


async def _by_hash_alone(session: AsyncSession, entry: Entry) -> str:
    """Keep somebody as the hashes of their names, so that their wish is known when they come."""
    session.add(ShopperRow(id=entry.shopper, head_id=entry.shopper, created_at=entry.at))
    await session.flush()
    session.add_all(
        IdentityRow(
            id=new_id(),
            shopper_id=entry.shopper,
            kind=kind,
            lookup=lookup,
            assurance="claimed",
            proof=_METHOD,
            linked_at=entry.at,
            seen_at=entry.at,
        )
        for kind, lookup in entry.names
    )
    await session.flush()
    return entry.shopper


async def _is_erased_since(session: AsyncSession, head: str, at: datetime) -> bool:
    query = select(SuppressionRow.id).where(
        of_person(SuppressionRow.shopper_id, head),
        SuppressionRow.reason == ERASED,
        SuppressionRow.created_at >= at,
    )
    return (await session.exec(query)).first() is not None


async def _consent(
    session: AsyncSession, entry: Entry, shopper: str, destinations: Sequence[str], now: datetime
) -> bool:
    head, told = await head_of(session, shopper), entry.detail
    query = select(func.max(ConsentRow.occurred_at)).where(
        of_person(ConsentRow.shopper_id, head), ConsentRow.purpose == told["purpose"]
    )
    last = (await session.exec(query)).one()
    if last is not None and last >= entry.at:
        return False
    act = Act(
        purpose=told["purpose"],
        state=told["state"],
        method=_METHOD,
        actor="shopper",
        assurance="claimed",
        locale="",
        channel="",
        idempotency_key=f"{_METHOD}/{told['event']}",
        occurred_at=entry.at,
    )
    await append_consent(session, shopper, act)
    note(session, head, _CHANGES[told["state"]], {"purpose": told["purpose"]}, now)
    await mark(session, head, destinations, now, urgent=True)
    return True


async def _suppression(
    session: AsyncSession, entry: Entry, shopper: str, destinations: Sequence[str], now: datetime
) -> bool:
    told, until = entry.detail, _until(entry)
    if await session.get(SuppressionRow, told["id"]) or (until is not None and until <= now):
        return False
    kept: dict[str, Any] = {name: told[name] for name in ("id", "scope", "target", "source")}
    session.add(
        SuppressionRow(
            **kept,
            shopper_id=shopper,
            reason=told["reason"],
            created_at=entry.at,
            expires_at=until,
        )
    )
    head = await head_of(session, shopper)
    detail = {"scope": told["scope"], "target": told["target"]}
    note(session, head, "suppression.added", detail, now)
    await mark(session, head, destinations, now, urgent=True)
    return True


async def _erased(
    session: AsyncSession, entry: Entry, shopper: str, destinations: Sequence[str], _now: datetime
) -> bool:
    await erase(session, shopper, entry.at, destinations=destinations)
    return True


def _until(entry: Entry) -> datetime | None:
    told = entry.detail["expires_at"]
    return told and datetime.fromisoformat(told)


_APPLY = {"consent": _consent, "suppression": _suppression, "erased": _erased}
