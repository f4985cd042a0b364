"""Keeps orders and products as the shop reports them, and notices what does not fit.

The statistics of a shopper are worked out here, when an order arrives, never while anybody waits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import About
from preferences.misfit import is_misfit
from preferences.policy import MisfitPolicy
from preferences.purchases import Line, Product, Purchase
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.shoppers import known_shopper
from preferences.store.tables import (
    CandidateRow,
    ProductRow,
    PurchaseLineRow,
    PurchaseRow,
    QuarantineRow,
    ShopperRow,
    SuppressionRow,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an order: whose it is, and whether it made a question worth weighing."""

    shopper: str
    candidate: bool


async def keep_purchase(
    store: Store, purchase: Purchase, policy: MisfitPolicy, now: datetime
) -> Kept:
    """Keep an order once, however often it is reported.

    Of a shopper who asked to be forgotten nothing is kept.
    """
    async with store.begin() as session:
        shopper = await known_shopper(session, "customer", purchase.customer, "claimed", now)
        await session.get(ShopperRow, shopper, with_for_update=True)
        if await _is_known(session, purchase) or await _is_erased(session, shopper):
            return Kept(shopper, candidate=False)
        habit = await _habit(session, shopper)
        audiences = await _audiences(session, purchase.lines)
        await _add(session, shopper, purchase, now)
        odd = [
            line
            for line in purchase.lines
            if is_misfit(
                audiences.get(line.sku, ""),
                habit,
                placed_at=purchase.placed_at,
                now=now,
                policy=policy,
            )
        ]
        if odd:
            _add_candidate(session, shopper, purchase, odd[0], policy, now)
        return Kept(shopper, candidate=bool(odd))


async def keep_product(store: Store, product: Product) -> None:
    """Keep what the feed says of a product; an older report never replaces a newer one."""
    async with store.begin() as session:
        known = await session.get(ProductRow, product.sku, with_for_update=True)
        if known is None or known.updated_at <= product.updated_at:
            await session.merge(ProductRow(**asdict(product)))


async def keep_aside(
    store: Store, *, source: str, topic: str, delivery: str, body: str, problem: str, now: datetime
) -> None:
    """Keep a signed report that could not be read, whole, until somebody mends and replays it."""
    async with store.begin() as session:
        query = select(QuarantineRow).where(QuarantineRow.delivery_id == delivery)
        if (await session.exec(query)).first() is None:
            session.add(
                QuarantineRow(
                    id=new_id(),
                    source=source,
                    topic=topic,
                    delivery_id=delivery,
                    body=body,
                    problem=problem,
                    received_at=now,
                )
            )


async def _is_known(session: AsyncSession, purchase: Purchase) -> bool:
    query = select(PurchaseRow.id).where(
        PurchaseRow.source == purchase.source, PurchaseRow.external_id == purchase.external_id
    )
    return (await session.exec(query)).first() is not None


async def _is_erased(session: AsyncSession, shopper: str) -> bool:
    query = select(SuppressionRow.id).where(
        SuppressionRow.shopper_id == shopper,
        SuppressionRow.reason == "shopper_erased",
        col(SuppressionRow.lifted_at).is_(None),
    )
    return (await session.exec(query)).first() is not None


async def _habit(session: AsyncSession, shopper: str) -> dict[str, int]:
    """Count what a shopper bought by audience, as the feed knows it today."""
    query = (
        select(ProductRow.audience, func.sum(PurchaseLineRow.quantity))
        .join(PurchaseLineRow, col(PurchaseLineRow.sku) == col(ProductRow.sku))
        .join(PurchaseRow)
        .where(PurchaseRow.shopper_id == shopper)
        .group_by(ProductRow.audience)
    )
    return {audience: int(articles) for audience, articles in (await session.exec(query)).all()}


async def _audiences(session: AsyncSession, lines: Sequence[Line]) -> dict[str, str]:
    query = select(ProductRow.sku, ProductRow.audience).where(
        col(ProductRow.sku).in_([line.sku for line in lines])
    )
    return dict((await session.exec(query)).all())


async def _add(session: AsyncSession, shopper: str, purchase: Purchase, now: datetime) -> None:
    row = PurchaseRow(
        id=new_id(),
        source=purchase.source,
        external_id=purchase.external_id,
        shopper_id=shopper,
        placed_at=purchase.placed_at,
        received_at=now,
    )
    session.add(row)
    await session.flush()
    session.add_all(
        PurchaseLineRow(purchase_id=row.id, position=position, **asdict(line))
        for position, line in enumerate(purchase.lines)
    )


def _add_candidate(
    session: AsyncSession,
    shopper: str,
    purchase: Purchase,
    line: Line,
    policy: MisfitPolicy,
    now: datetime,
) -> None:
    session.add(
        CandidateRow(
            id=new_id(),
            shopper_id=shopper,
            question_id="gift_or_self",
            about=asdict(About(purchase.external_id, line.sku, line.title)),
            reason="misfit",
            created_at=now,
            expires_at=purchase.placed_at + timedelta(hours=policy.fresh_hours),
        )
    )
