"""Ties the ledgers to the journal once a day: the ends of those that grew since the last time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.journal import End
from preferences.store.tables import ConsentEventRow, ShopperRow

_OVERLAP = timedelta(days=1)  # clocks differ, and a transaction may end late
_BATCH = 1000


async def anchor(store: Store, now: datetime) -> None:
    """Append the ends of the ledgers that grew since the last anchor to the journal.

    :raises UnavailableError: the store is away, or the journal cannot be written.
    """
    last = store.journal.last_anchor()
    await store.journal.anchor(await _ends(store, last and last - _OVERLAP), now)


async def _ends(store: Store, since: datetime | None) -> Sequence[End]:
    grown = select(ConsentEventRow.shopper_id)
    if since is not None:
        grown = grown.where(col(ConsentEventRow.occurred_at) >= since)
    ends, after = list[End](), ""
    async with store.begin(readonly=True) as session:
        while True:
            query = (
                select(ShopperRow)
                .where(col(ShopperRow.id) > after, col(ShopperRow.id).in_(grown))
                .order_by(col(ShopperRow.id))
                .limit(_BATCH)
            )
            rows = (await session.exec(query)).all()
            ends += [(row.id, row.ledger_seq, row.ledger_hash) for row in rows]
            if len(rows) < _BATCH:
                return ends
            after = rows[-1].id
