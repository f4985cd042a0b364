"""Keeps what the orders of a shopper tell, beside them and up to date."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import exists, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import Figures, figures_from_json, together
from preferences.store.books import Books
from preferences.store.engine import Store
from preferences.store.persons import head_of, of_person
from preferences.store.tables import HabitRow, PurchaseLineRow, PurchaseRow, ShopperRow

type Show = Callable[[int], None]

_BATCH = 100
_BUYER = col(PurchaseRow.shopper_id)


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
    books = Books(session)
    for shopper in shoppers:
        books.count_anew(shopper)
    await books.close()


def _nothing(_count: int) -> None:
    """Show nobody how far it is."""


async def work_out_missing(store: Store, show: Show = _nothing, *, every: bool = False) -> int:
    """Count what is out of date, and tell of how many shoppers; `every`: of all who ever bought.

    Of shoppers known from an older version, too. It may be stopped and begun again; `show` is called
    with how many were counted since.
    """
    after, count = "", 0
    while True:
        async with store.begin() as session:
            query = (
                _uncounted(every=every)
                .where(col(PurchaseRow.shopper_id) > after)
                .order_by(_BUYER)
                .limit(_BATCH)
            )
            found = (await session.exec(query)).all()
            await hold_shoppers(session, found)
            await work_out(session, found)
        count += len(found)
        show(len(found))
        if len(found) < _BATCH:
            return count
        after = found[-1]


async def outdate(session: AsyncSession, sku: str) -> None:
    """Have the orders with an article counted anew: the feed has another word on what it is."""
    buyers = select(PurchaseRow.shopper_id).join(PurchaseLineRow).where(PurchaseLineRow.sku == sku)
    await session.exec(
        update(HabitRow)
        .where(col(HabitRow.shopper_id).in_(buyers))
        .values(stale=True)
        .execution_options(synchronize_session=False)
    )


async def hold_shoppers(session: AsyncSession, shoppers: Collection[str]) -> Sequence[ShopperRow]:
    """Wait for whoever writes of these shoppers, and have others wait until the transaction ends.

    The session knows them without another query for as long as somebody has hold of the rows.
    """
    query = select(ShopperRow).where(col(ShopperRow.id).in_(shoppers))
    fresh = query.execution_options(populate_existing=True)
    held = await session.exec(fresh.order_by(col(ShopperRow.id)).with_for_update())
    return held.all()


async def buyers_of(session: AsyncSession, purchases: Sequence[str]) -> Sequence[str]:
    """Name the shoppers of these purchases, and hold them."""
    query = select(PurchaseRow.shopper_id).where(col(PurchaseRow.id).in_(purchases)).distinct()
    shoppers = (await session.exec(query)).all()
    await hold_shoppers(session, shoppers)
    return shoppers


def _uncounted(*, every: bool) -> Any:
    """Give the query for the shoppers with orders of whom something is to be counted."""
    if every:
        return select(_BUYER).distinct()
    fresh = exists().where(col(HabitRow.shopper_id) == _BUYER, col(HabitRow.stale).is_(False))
    return select(_BUYER).where(~fresh).distinct()
