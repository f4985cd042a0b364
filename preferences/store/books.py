"""Counts the orders of the shoppers of one transaction: each page is read once and written once."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import (
    Figures,
    Order,
    after,
    figures_as_json,
    figures_from_json,
    figures_of,
    heard,
)
from preferences.habit import (
    Habit,
    habit_as_json,
    habit_from_json,
    habit_of,
    together,
)
from preferences.store.bought import read_orders
from preferences.store.tables import HabitRow


@dataclass(slots=True)
class _Page:
    """What is counted of one shopper; `last` is when the latest order in it was placed."""

    figures: Figures = field(default_factory=Figures)
    habit: Habit = field(default_factory=Habit)
    last: datetime | None = None

    def add(self, order: Order) -> bool:
        """Add an order; tell that it cannot be, where the sequence of orders matters."""
        late = self.last is not None and order.placed_at <= self.last
        if late and not self.habit.takes_in_any_order(order.basket):
            return False
        self.figures = after(self.figures, order)
        if order.lines:
            self.habit = self.habit.after(order.basket)
        self.last = max(self.last or order.placed_at, order.placed_at)
        return True


class Books:
    """What is counted of the shoppers of one transaction.

    Whoever changes an order holds its shoppers, so that nobody else counts them meanwhile.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._pages = dict[str, _Page]()
        self._changed = set[str]()
        self._anew = set[str]()

    async def open(self, shoppers: Collection[str], new: Collection[str]) -> None:
        """Read the pages of these shoppers in one go, before any of their orders is written.

        Those of `new` ones are empty.
        """
        held = await self._rows(shoppers)
        fresh = {name: page for name, row in held.items() if (page := _read(row)) is not None}
        missing = [name for name in shoppers if name not in fresh]
        self._pages |= {name: _Page() for name in new} | fresh
        if missing:
            self._pages |= await self._counted(missing)

    def is_to_count(self, shoppers: Collection[str]) -> bool:
        """Tell whether all orders of one of these shoppers are read when their page is needed."""
        return not self._pages.keys() >= {*shoppers} or not self._anew.isdisjoint(shoppers)

    async def habit(self, shoppers: Collection[str], order: str) -> Habit:
        """Give the habit of these shoppers, but for one order that was not added yet."""
        pages = [await self._page(shopper, but=order) for shopper in shoppers]
        return together([page.habit for page in pages])

    async def is_first(self, shopper: str, order: str) -> bool:
        """Tell whether a shopper has no other purchase than an order that was not added yet."""
        return (await self._page(shopper, but=order)).figures.orders == 0

    async def add(self, shopper: str, order: Order) -> None:
        """Count a new order of a shopper."""
        if shopper in self._anew:
            return
        self._changed.add(shopper)
        if not (await self._page(shopper, but=order.id)).add(order):
            self.count_anew(shopper)

    async def hear(self, shopper: str, order: Order) -> None:
        """Note that an order was told of again, and is what it was."""
        if shopper not in self._anew:
            page = await self._page(shopper)
            page.figures = heard(page.figures, order)
            self._changed.add(shopper)

    def count_anew(self, shopper: str) -> None:
        """Have all orders of a shopper counted: one was changed, or went."""
        self._anew.add(shopper)
        self._changed.add(shopper)

    async def close(self) -> None:
        """Write what has changed; nothing is kept of who has no order."""
        if not self._changed:
            return
        await self._session.flush()
        if self._anew:
            self._pages.update(await self._counted(self._anew))
        rows = await self._rows(self._changed)
        for shopper in sorted(self._changed):
            await self._put(rows.get(shopper), shopper, self._pages[shopper])
        await self._session.flush()

    async def _page(self, shopper: str, but: str = "") -> _Page:
        if shopper in self._pages and shopper not in self._anew:
            return self._pages[shopper]
        held = await self._rows([shopper])
        page = _read(held[shopper]) if shopper in held and shopper not in self._anew else None
        if page is None:
            await self._session.flush()
            page = (await self._counted([shopper], but))[shopper]
        self._pages[shopper] = page
        return page

    async def _rows(self, shoppers: Collection[str]) -> dict[str, HabitRow]:
        query = select(HabitRow).where(col(HabitRow.shopper_id).in_(shoppers))
        rows = await self._session.exec(query.execution_options(populate_existing=True))
        return {row.shopper_id: row for row in rows.all()}

    async def _counted(self, shoppers: Collection[str], but: str = "") -> dict[str, _Page]:
        """Count all orders of these shoppers but one, in the sequence of their placing."""
        orders = defaultdict[str, list[Order]](list)
        for shopper, order in await read_orders(self._session, shoppers):
            if order.id != but:
                orders[shopper].append(order)
        return {shopper: _counted(orders[shopper]) for shopper in shoppers}

    async def _put(self, held: HabitRow | None, shopper: str, page: _Page) -> None:
        if page.last is None:
            if held is not None:
                await self._session.delete(held)
            return
        row = held or HabitRow(shopper_id=shopper, figures={}, habit={})
        row.figures, row.habit = figures_as_json(page.figures), habit_as_json(page.habit)
        row.last_placed_at, row.stale = page.last, False
        self._session.add(row)


def _read(row: HabitRow) -> _Page | None:
    """Give what a row holds, or None where it is out of date."""
    if row.stale or row.last_placed_at is None:
        return None
    return _Page(figures_from_json(row.figures), habit_from_json(row.habit), row.last_placed_at)


def _counted(orders: Sequence[Order]) -> _Page:
    habit = habit_of(order.basket for order in orders if order.lines)
    last = max((order.placed_at for order in orders), default=None)
    return _Page(figures_of(orders), habit, last)
