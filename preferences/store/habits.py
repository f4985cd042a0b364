"""Works out what the orders of a shopper tell, in the transaction that changes one of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import (
    Bought,
    Figures,
    Order,
    figures_as_json,
    figures_from_json,
    figures_of,
    together,
)
from preferences.habit import Article, Habit, habit_as_json, habit_of
from preferences.store.engine import Store
from preferences.store.persons import head_of, of_person
from preferences.store.tables import (
    HabitRow,
    ProductRow,
    PurchaseLineRow,
    PurchaseRow,
    ShopperRow,
)


async def read_figures(store: Store, shopper: str) -> Figures:
    """Give what the orders of the person tell that a shopper is.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        query = select(HabitRow.figures).where(of_person(HabitRow.shopper_id, head))
        return together(map(figures_from_json, (await session.exec(query)).all()))


async def work_out(session: AsyncSession, shoppers: Collection[str]) -> None:
    """Count anew what is kept of the orders of these shoppers; nothing is kept of who has none.

    Whoever calls it holds the shoppers (`hold_shoppers`), so that no order comes in between.
    """
    if not shoppers:
        return
    await session.flush()
    orders = defaultdict[str, list[Order]](list)
    for shopper, order in await _orders(session, shoppers):
        orders[shopper].append(order)
    for shopper in sorted(shoppers):
        await _put(session, shopper, orders[shopper])


async def habit_without(session: AsyncSession, shoppers: Collection[str], order: str) -> Habit:
    """Give the habit that shows in all orders of these shoppers but one."""
    orders = await _orders(session, shoppers)
    return habit_of(one.basket for _, one in orders if one.lines and one.id != order)


async def read_order(session: AsyncSession, shopper: str, order: str) -> Order:
    """Give one order as it stands, with what the feed says of its articles."""
    return next(one for _, one in await _orders(session, [shopper], order) if one.id == order)


async def hold_shoppers(session: AsyncSession, shoppers: Collection[str]) -> None:
    """Wait for whoever writes of these shoppers, and have others wait until the transaction ends."""
    query = select(ShopperRow.id).where(col(ShopperRow.id).in_(shoppers))
    await session.exec(query.order_by(col(ShopperRow.id)).with_for_update())


async def buyers_of(session: AsyncSession, purchases: Sequence[str]) -> Sequence[str]:
    """Name the shoppers of these purchases, and hold them."""
    query = select(PurchaseRow.shopper_id).where(col(PurchaseRow.id).in_(purchases)).distinct()
    shoppers = (await session.exec(query)).all()
    await hold_shoppers(session, shoppers)
    return shoppers


async def _put(session: AsyncSession, shopper: str, orders: Sequence[Order]) -> None:
    if not orders:
        await session.exec(delete(HabitRow).where(col(HabitRow.shopper_id) == shopper))
        return
    held = await session.get(HabitRow, shopper, populate_existing=True)
    figures = figures_as_json(figures_of(orders))
    habit = habit_as_json(habit_of(order.basket for order in orders if order.lines))
    if held is None:
        session.add(HabitRow(shopper_id=shopper, figures=figures, habit=habit))
    else:
        held.figures, held.habit = figures, habit


async def _orders(
    session: AsyncSession, shoppers: Collection[str], only: str | None = None
) -> list[tuple[str, Order]]:
    """Give every order of these shoppers in the order of its placing, with whose it is."""
    query = select(PurchaseRow).where(col(PurchaseRow.shopper_id).in_(shoppers))
    if only is not None:
        query = query.where(PurchaseRow.id == only)
    in_order = query.order_by(col(PurchaseRow.placed_at), col(PurchaseRow.id))
    rows = (await session.exec(in_order)).all()
    lines = await _lines(session, shoppers, only)
    return [(row.shopper_id, _order(row, lines.get(row.id, ()))) for row in rows]


async def _lines(
    session: AsyncSession, shoppers: Collection[str], only: str | None
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
