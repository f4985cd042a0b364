"""Finds who bears a name of which only a keyed hash is known, whichever key made the hash."""

from collections.abc import AsyncIterator, Mapping

from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.sealed import read_sealed
from preferences.store.tables import IdentityRow

Name = tuple[str, str]
"""The kind of a name, and its keyed hash."""

_BATCH = 500


async def find_bearers(store: Store, names: set[Name]) -> Mapping[Name, str]:
    """Give the shoppers of those names that are in force here, under another hash perhaps.

    It opens every name of these kinds, so ask only where looking for the hashes found nobody.
    """
    found = dict[Name, str]()
    async for row in _in_force(store, {kind for kind, _ in names}):
        value = read_sealed(store.vault, row, "value")
        for lookup in store.vault.lookups(row.kind, value) if value else (row.lookup,):
            if (row.kind, lookup) in names:
                found[row.kind, lookup] = row.shopper_id
    return found


async def _in_force(store: Store, kinds: set[str]) -> AsyncIterator[IdentityRow]:
    last = ""
    while True:
        query = select(IdentityRow).where(
            col(IdentityRow.kind).in_(kinds),
            col(IdentityRow.unlinked_at).is_(None),
            col(IdentityRow.id) > last,
        )
        async with store.begin(readonly=True) as session:
            rows = (await session.exec(query.order_by(col(IdentityRow.id)).limit(_BATCH))).all()
        for row in rows:
            yield row
        if len(rows) < _BATCH:
            return
        last = rows[-1].id
