"""Reads orders as they stand, with what the feed of products says of their articles."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import Bought, Order
from preferences.habit import Article
from preferences.store.tables import ProductRow, PurchaseLineRow, PurchaseRow


async def read_order(session: AsyncSession, row: PurchaseRow) -> Order:
    """Give one order as it stands, with what the feed says of its articles."""
    lines = await _lines(session, [row.shopper_id], row.id)
    return _order(row, lines.get(row.id, ()))


def order_of(
    row: PurchaseRow,
    lines: Sequence[PurchaseLineRow],
    feed: Mapping[str, tuple[str | None, str | None]],
) -> Order:
    """Give an order as its rows tell it; `feed` holds the category and audience of its articles."""
    return _order(row, [_bought(line, *feed[line.sku]) for line in lines])


async def read_orders(session: AsyncSession, shoppers: Collection[str]) -> list[tuple[str, Order]]:
    """Give every order of these shoppers in the order of its placing, with whose it is."""
    query = select(PurchaseRow).where(col(PurchaseRow.shopper_id).in_(shoppers))
    in_order = query.order_by(col(PurchaseRow.placed_at), col(PurchaseRow.id))
    rows = (await session.exec(in_order)).all()
    lines = await _lines(session, shoppers)
    return [(row.shopper_id, _order(row, lines.get(row.id, ()))) for row in rows]


async def _lines(
    session: AsyncSession, shoppers: Collection[str], only: str | None = None
) -> Mapping[str, Sequence[Bought]]:
    query = (
        select(PurchaseLineRow, ProductRow.category, ProductRow.audience)
        .join(PurchaseRow)
        .join(ProductRow, col(ProductRow.sku) == col(PurchaseLineRow.sku), isouter=True)
        .where(col(PurchaseRow.shopper_id).in_(shoppers))
        .order_by(col(PurchaseLineRow.purchase_id), col(PurchaseLineRow.position))
    )
    if only is not None:
        query = query.where(PurchaseRow.id == only)
    found = defaultdict[str, list[Bought]](list)
    for line, category, audience in (await session.exec(query)).all():
        found[line.purchase_id].append(_bought(line, category, audience))
    return found


def _bought(line: PurchaseLineRow, category: str | None, audience: str | None) -> Bought:
    """The feed goes before what the order itself tells."""
    article = Article(
        category or line.category,
        audience or line.audience,
        line.size,
        None if line.price is None else float(line.price),
        line.quantity,
    )
    return Bought(line.sku, line.title, article)


def _order(row: PurchaseRow, lines: Sequence[Bought]) -> Order:
    return Order(
        row.id,
        row.source,
        row.placed_at,
        row.told_at,
        row.recipient,
        row.gift_wrap or row.gift_message,
        tuple(lines),
    )
