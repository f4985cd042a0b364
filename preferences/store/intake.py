"""One transaction of reports of orders: what is known is read once for all, what is new written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import Order
from preferences.habit import Habit
from preferences.policy import Policy
from preferences.purchases import OVER, Purchase
from preferences.store.books import Books
from preferences.store.bought import order_of
from preferences.store.buyers import Buyer, Name, find_buyers
from preferences.store.orders import (
    Place,
    find_noted,
    find_recipients,
    hold_orders,
    new_order,
    put_report,
    remove_lines,
)
from preferences.store.tables import ProductRow, PurchaseLineRow, PurchaseRow


@dataclass(slots=True)
class Intake:
    """What is known of the orders of one transaction, of their shoppers and articles.

    Who was found and held once stays so until the transaction ends, and is not looked for again. New
    orders wait in memory until `write`: whoever asks the database for orders calls it first.
    """

    session: AsyncSession
    policy: Policy
    destinations: Sequence[str]
    now: datetime
    books: Books = field(init=False)
    _orders: dict[Place, PurchaseRow | None] = field(default_factory=dict)
    _noted: set[Place] = field(default_factory=set)
    _buyers: dict[Name, Buyer] = field(default_factory=dict)
    _recipients: dict[tuple[str, str], str] = field(default_factory=dict)
    _feed: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    _rows: list[PurchaseRow] = field(default_factory=list)
    _lines: list[PurchaseLineRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.books = Books(self.session)

    async def open(self, purchases: Sequence[Purchase]) -> None:
        """Hold the orders that are told of, and read what all new ones need."""
        named = [one for one in purchases if one.name]
        if not named:
            return
        self._orders = await hold_orders(self.session, {_place(one): None for one in named})
        told = {_place(one): one for one in reversed(named) if one.status not in OVER}
        new = {place: one for place, one in told.items() if self._orders[place] is None}
        if not new:
            return
        self._noted = await find_noted(self.session, new)
        names = {one.name for one in new.values() if one.name}
        self._buyers = await find_buyers(self.session, names, self.now)
        buyers = self._buyers.values()
        known = {name for one in buyers if not one.is_new for name in one.members}
        await self.books.open(known, [one.shopper for one in buyers if one.is_new])
        addresses = {
            (self._buyers[one.name].shopper, one.address) for one in new.values() if one.name
        }
        self._recipients = await find_recipients(self.session, addresses)
        await self._read_feed(line.sku for one in new.values() for line in one.lines)

    def known(self, purchase: Purchase) -> PurchaseRow | None:
        """Give what is kept of an order that this transaction was opened for."""
        return self._orders[_place(purchase)]

    def has_notes(self, purchase: Purchase) -> bool:
        """Tell whether something is noted of a new order, or told with it."""
        return bool(purchase.all_notes) or _place(purchase) in self._noted

    def note(self, purchase: Purchase) -> None:
        """Remember that something was noted of an order that is not known yet."""
        self._noted.add(_place(purchase))

    async def buyer(self, name: Name, before: Sequence[str]) -> Buyer:
        """Find whose a name is, and hold them with whom their order was taken to be before."""
        known = self._buyers.get(name)
        if known is not None and {*before} <= {known.shopper}:
            return known
        self._buyers |= await find_buyers(self.session, [name], self.now, before)
        return self._buyers[name]

    async def add(self, buyer: Buyer, purchase: Purchase) -> tuple[PurchaseRow, Order]:
        """Keep a new order, and give it as its report tells it."""
        await self._read_feed(line.sku for line in purchase.lines)
        row = new_order(purchase, buyer.shopper, self.now)
        lines = await self._report(row, buyer, purchase)
        self._rows.append(row)
        self._lines += lines
        self._orders[_place(purchase)] = row
        return row, order_of(row, lines, self._feed)

    async def replace(self, row: PurchaseRow, buyer: Buyer, purchase: Purchase) -> None:
        """Keep a report in place of an older one."""
        lines = await self._report(row, buyer, purchase)
        await self.session.flush()
        await remove_lines(self.session, row.id)
        self._lines += lines
        await self.write()

    async def habit(self, shoppers: Sequence[str], but: str) -> Habit:
        """Give the habit of these shoppers, but for one order that was not counted yet."""
        await self._write_for(shoppers)
        return await self.books.habit(shoppers, but)

    async def is_first(self, shopper: str, order: str) -> bool:
        """Tell whether a shopper has no other purchase than an order that was not counted yet."""
        await self._write_for([shopper])
        return await self.books.is_first(shopper, order)

    async def write(self) -> None:
        """Write the new orders, in an order that no reference forbids."""
        for rows in (self._rows, self._lines):
            self.session.add_all(rows)
            await self.session.flush()
            rows.clear()

    async def close(self) -> None:
        """Write what is left to be written."""
        await self.write()
        await self.books.close()

    async def _write_for(self, shoppers: Sequence[str]) -> None:
        """Write the new orders if those of one of these shoppers are about to be read."""
        if self.books.is_to_count(shoppers):
            await self.write()

    async def _report(
        self, row: PurchaseRow, buyer: Buyer, purchase: Purchase
    ) -> list[PurchaseLineRow]:
        address = buyer.shopper, purchase.address
        if address not in self._recipients:
            self._recipients |= await find_recipients(self.session, [address])
        recipient = self._recipients[address]
        return put_report(self.session, row, buyer.shopper, purchase, recipient)

    async def _read_feed(self, skus: Iterable[str]) -> None:
        """Read what the feed says of articles, once for each; of most shops it knows all."""
        asked = {*skus} - self._feed.keys()
        if not asked:
            return
        query = select(ProductRow.sku, ProductRow.category, ProductRow.audience)
        found = await self.session.exec(query.where(col(ProductRow.sku).in_(asked)))
        self._feed |= dict.fromkeys(asked, (None, None))
        self._feed |= {sku: (category, audience) for sku, category, audience in found.all()}


def _place(purchase: Purchase) -> Place:
    return purchase.source, purchase.external_id
