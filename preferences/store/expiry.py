"""Ends permissions whose time is over, and says so in the ledger and to whoever mirrors it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.ledger import Act, append_consent
from preferences.store.outbox import mark
from preferences.store.persons import head_of
from preferences.store.tables import ConsentEventRow, ConsentRow, ShopperRow

_BATCH = 200


async def expire_consents(store: Store, destinations: Sequence[str], now: datetime) -> int:
    """Append an `expired` event for every permission whose time is over; tell how many.

    Nobody waits for it: to every reader such a permission has ended already.

    :raises UnavailableError: the store is away; what was appended stays, and the rest is found
        again.
    """
    count = 0
    while True:
        async with store.begin() as session:
            over = await _over(session, now)
            for given in over:
                await _expire(session, given, destinations, now)
        count += len(over)
        if len(over) < _BATCH:
            return count


async def _over(session: AsyncSession, now: datetime) -> list[ConsentEventRow]:
    """Give the permissions to end, in one order, so that two who do it never wait in a circle."""
    query = (
        select(ConsentEventRow)
        .join(ConsentRow, col(ConsentRow.event_id) == col(ConsentEventRow.id))
        .where(ConsentRow.state == "given", col(ConsentRow.valid_until) <= now)
        .order_by(col(ConsentRow.shopper_id), col(ConsentRow.purpose))
        .limit(_BATCH)
    )
    return list((await session.exec(query)).all())


async def _expire(
    session: AsyncSession, given: ConsentEventRow, destinations: Sequence[str], now: datetime
) -> None:
    shopper = given.shopper_id
    await session.get_one(ShopperRow, shopper, populate_existing=True, with_for_update=True)
    key = (shopper, given.purpose)
    held = await session.get_one(ConsentRow, key, populate_existing=True)
    if held.event_id != given.id:
        return  # the shopper decided anew while we waited
    act = Act(
        purpose=given.purpose,
        state="expired",
        method="expiry",
        actor="askfirst",
        assurance=given.assurance,
        locale=given.locale,
        channel=given.channel,
        idempotency_key=f"expiry/{given.id}",
        occurred_at=now,
        recipients=tuple(given.recipients),
        categories=tuple(given.data_categories),
    )
    await append_consent(session, shopper, act)
    head = await head_of(session, shopper)
    note(session, head, "consent.expired", {"purpose": given.purpose}, now)
    await session.flush()
    await mark(session, head, destinations, now, urgent=True)
