"""Ends permissions whose time is over, and says so in the ledger and to whoever mirrors it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.ledger import Act, append_consent
from preferences.store.outbox import mark
from preferences.store.persons import hold_person
from preferences.store.tables import ConsentEventRow, ConsentRow

_BATCH = 200


async def expire_consents(store: Store, destinations: Sequence[str], now: datetime) -> int:
    """Append an `expired` event for every permission whose time is over; tell how many.

    Nobody waits for it: to every reader such a permission has ended already.

    :raises UnavailableError: the store is away; what was appended stays, and the rest is found
        again.
    """
    count = 0
    while True:
        async with store.begin(readonly=True) as session:
            over = await _over(session, now)
        for given in over:  # one at a time: nobody waits for others than their own
            async with store.begin() as session:
                count += await _expire(session, given, destinations, now)
        if len(over) < _BATCH:
            return count


async def _over(session: AsyncSession, now: datetime) -> list[ConsentEventRow]:
    """Give permissions to end, as they stand before anybody is waited for."""
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
) -> bool:
    shopper = given.shopper_id
    try:
        head = await hold_person(session, shopper)
    except NotFoundError:
        return False  # a stranger who was forgotten meanwhile
    held = await session.get(ConsentRow, (shopper, given.purpose))
    if held is None or held.event_id != given.id:
        return False  # the shopper decided anew, or had everything deleted, meanwhile
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
    note(session, head, "consent.expired", {"purpose": given.purpose}, now)
    await session.flush()
    await mark(session, head, destinations, now, urgent=True)
    return True
