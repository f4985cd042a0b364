"""Does what a platform asks in the name of a shopper, or of a shop that leaves: data, or deletion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError
from preferences.store.engine import Store, wipe_after
from preferences.store.erasure import erase
from preferences.store.ids import new_id
from preferences.store.persons import head_of
from preferences.store.shoppers import find_shopper, keep_out
from preferences.store.tables import (
    PrivacyRequestRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
)

_WHOLE_SHOP = "shop"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a platform sent: `names` are kinds and values, `orders` its own numbers."""

    source: str
    delivery: str
    names: Sequence[tuple[str, str]] = field(default=(), repr=False)
    orders: Sequence[str] = ()


async def record_data_request(store: Store, asked: Asked, now: datetime) -> list[str]:
    """Record that a shopper wants their data, once; give whom to export: nobody, if none is held."""
    async with store.begin() as session:
        heads = await _heads(session, asked)
        is_new = await _record(session, asked, "data", heads[0] if heads else None, now)
    return heads if is_new else []


async def redact_shoppers(
    store: Store, asked: Asked, destinations: Sequence[str], now: datetime
) -> int:
    """Delete what is held of whom a platform names, here and in every CRM; tell how many that were."""
    async with store.begin() as session:
        heads = await _heads(session, asked)
        await _record(session, asked, "redact", None, now, done_at=now)
        for head in heads:
            await erase(session, head, now, destinations=destinations)
    return len(heads)


async def record_redaction_of_all(store: Store, asked: Asked, now: datetime) -> None:
    """Record that everything that came from a platform has to go; `redact_some` does it."""
    async with store.begin() as session:
        await _record(session, asked, _WHOLE_SHOP, None, now)


async def redact_some(
    store: Store, destinations: Sequence[str], now: datetime, most: int = 20
) -> bool:
    """Go on with what was recorded, a few shoppers at a time; tell whether there is more to do."""
    async with store.begin() as session:
        query = select(PrivacyRequestRow).where(
            PrivacyRequestRow.kind == _WHOLE_SHOP, col(PrivacyRequestRow.done_at).is_(None)
        )
        request = (await session.exec(query.with_for_update())).first()
        if request is None:
            return False
        buyers = await _buyers(session, request, most)
        for head in sorted({await head_of(session, buyer) for buyer in buyers}):
            await erase(session, head, now, destinations=destinations)
        if not buyers:
            await _forget_source(session, request)
            request.done_at = now
        return True


async def _buyers(session: AsyncSession, request: PrivacyRequestRow, most: int) -> Sequence[str]:
    query = select(PurchaseRow.shopper_id).where(
        PurchaseRow.source == request.source, PurchaseRow.received_at <= request.received_at
    )
    return (await session.exec(query.distinct().limit(most))).all()


async def _forget_source(session: AsyncSession, request: PrivacyRequestRow) -> None:
    """Remove what came from a platform and names nobody."""
    for table in (QuarantineRow, PurchaseNoteRow):
        old = col(table.received_at) <= request.received_at
        theirs = col(table.source) == request.source
        await session.exec(delete(table).where(theirs, old))
    wipe_after(session)


async def _record(
    session: AsyncSession,
    asked: Asked,
    kind: str,
    shopper: str | None,
    now: datetime,
    done_at: datetime | None = None,
) -> bool:
    """Record a request; False where the same delivery was recorded before."""
    await keep_out(session, [("delivery", asked.delivery)])
    query = select(PrivacyRequestRow.id).where(PrivacyRequestRow.delivery_id == asked.delivery)
    if (await session.exec(query)).first() is not None:
        return False
    row = PrivacyRequestRow(
        id=new_id(),
        source=asked.source,
        delivery_id=asked.delivery,
        kind=kind,
        shopper_id=shopper,
        received_at=now,
        done_at=done_at,
    )
    session.add(row)
    await session.flush()
    return True


async def _heads(session: AsyncSession, asked: Asked) -> list[str]:
    """Give everybody who goes by one of the names, or whose one of the orders is."""
    named = [await _found(session, kind, value) for kind, value in asked.names]
    orders = select(PurchaseRow.shopper_id).where(
        PurchaseRow.source == asked.source, col(PurchaseRow.external_id).in_(asked.orders)
    )
    shoppers: Iterable[str | None] = [*named, *(await session.exec(orders)).all()]
    return sorted({await head_of(session, shopper) for shopper in shoppers if shopper})


async def _found(session: AsyncSession, kind: str, value: str) -> str | None:
    try:
        return await find_shopper(session, kind, value)
    except BadInputError:
        return None
