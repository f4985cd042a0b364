"""Ties the ledgers to the journal once a day: the ends of those that grew since the last time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.journal import End
from preferences.store.tables import ConsentEventRow, ShopperRow

_OVERLAP = timedelta(days=1)  # clocks differ, and a transaction may end late
_BATCH = 1000


async def anchor(store: Store, now: datetime) -> None:
    """Append the ends of the ledgers that grew since the last anchor to the journal, and an anchor.

    :raises UnavailableError: the store is away, or the journal cannot be written.
    """
    last = await asyncio.to_thread(store.journal.last_anchor)
    async for ends in _ends(store, last and last - _OVERLAP):
        await store.journal.write_ends(ends, now)
    await store.journal.anchor(now)


async def _ends(store: Store, since: datetime | None) -> AsyncIterator[Sequence[End]]:
    """Give the ends of a thousand ledgers at a time, by shopper."""
    grower, after = col(ConsentEventRow.shopper_id), ""
    while True:
        grown = select(grower).where(grower > after).distinct().order_by(grower).limit(_BATCH)
        if since is not None:
            grown = grown.where(col(ConsentEventRow.occurred_at) >= since)
        query = (
            select(ShopperRow.id, ShopperRow.ledger_seq, ShopperRow.ledger_hash)
            .where(col(ShopperRow.id).in_(grown))
            .order_by(col(ShopperRow.id))
        )
        async with store.begin(readonly=True) as session:
            ends = [(shopper, seq, end) for shopper, seq, end in (await session.exec(query)).all()]
        if ends:
            yield ends
        if len(ends) < _BATCH:
            return
        after = ends[-1][0]
