"""Orders from wherever they were placed, and what the orders of a shopper tell."""

from typing import Literal

from bot.api.models import View
from bot.api.operations import Call, Reply, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from bot.orders.intake import take
from preferences.buying import Figures
from preferences.orders import OrderEvent, purchase_of
from preferences.store.habits import read_figures
from preferences.store.purchases import Became


class OrderView(View):
    """What became of an order."""

    order: Literal["kept", "known", "waiting", "nobody", "erased", "test"]
    """`kept`; `known`: it said nothing new; `waiting`: it ended before it was told of; `nobody`: it
    names no shopper, `erased`: the shopper had everything deleted, `test`: in these nothing is kept."""
    shopper: str | None
    """Whose it is."""


class ItemView(View):
    """One article that a shopper bought."""

    sku: str
    title: str
    orders: int
    pieces: int


class SummaryView(View):
    """What the orders of a shopper tell, as far as orders are kept."""

    shopper: str
    kind: Literal["observed"] = "observed"
    """Seen by the shop: never something that the shopper said."""
    orders: int
    pieces: int
    first_order_at: str | None
    last_order_at: str | None
    most_frequent_item: ItemView | None
    typical_quantity: int | None
    """The middle of the pieces of one line."""
    quantities: dict[str, int]
    """How many lines had so many pieces."""
    audiences: dict[str, int]
    """How many pieces were made for whom."""
    categories: dict[str, int]
    sources: dict[str, str]
    """When each source was last heard."""


@operation("POST", "/v1/orders", {"write"}, idempotent=True)
async def tell_order(call: Call, body: OrderEvent) -> Reply[OrderView]:
    """Tell of an order, whole, whenever it is placed or changes.

    Send it from the till, the app, a social channel or the phone: as often as you like and in any
    sequence, the newest `updated_at` holds. A cancelled or refunded order is no purchase. Without a
    name of the shopper nothing is kept, and no words of a gift message are wanted.
    """
    purchase = purchase_of(body, call.now)
    if body.test:
        return _reply("test", "")
    kept = await take(call.request.app, purchase)
    return _reply(kept.became, kept.shopper)


@operation(
    "GET",
    "/v1/shoppers/{id}/orders/summary",
    {"read"},
    problems=[NOT_FOUND],
    conditional=True,
)
async def read_order_summary(call: Call, path: ShopperPath) -> SummaryView:
    """Read what the orders of a shopper tell: since when, how often, what, for whom.

    It is counted whenever an order arrives or changes, from the orders as they stand.
    """
    shopper = await person(call, path.id)
    return _summary(shopper, await read_figures(call.store, shopper))


def _reply(became: Became | Literal["test"], shopper: str) -> Reply[OrderView]:
    return Reply(OrderView(order=became, shopper=shopper or None), shopper=shopper or None)


def _summary(shopper: str, figures: Figures) -> SummaryView:
    sku = figures.favourite
    item = None
    if sku is not None:
        known = figures.items[sku]
        item = ItemView(sku=sku, title=known.title, orders=known.orders, pieces=known.pieces)
    return SummaryView(
        shopper=shopper,
        orders=figures.orders,
        pieces=figures.pieces,
        first_order_at=figures.first_at,
        last_order_at=figures.last_at,
        most_frequent_item=item,
        typical_quantity=figures.typical_quantity,
        quantities=dict(figures.quantities),
        audiences=dict(figures.audiences),
        categories=dict(figures.categories),
        sources=dict(figures.sources),
    )


OPERATIONS = (tell_order, read_order_summary)
