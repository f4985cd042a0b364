"""What the orders of a shopper tell, in figures: worked out again whenever one of them changes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from preferences.habit import Article, Basket


@dataclass(frozen=True, slots=True)
class Bought:
    """One line of an order, with what the feed of products or the order itself says of it."""

    sku: str
    title: str
    article: Article


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands; without a line it is no purchase, but was heard of."""

    id: str
    source: str
    placed_at: datetime
    told_at: datetime
    recipient: str
    marked: bool
    lines: tuple[Bought, ...]

    @property
    def basket(self) -> Basket:
        """The order as a habit sees it."""
        articles = tuple(line.article for line in self.lines)
        return Basket(articles, self.recipient, self.marked)


@dataclass(frozen=True, slots=True)
class Item:
    """One article: in how many orders, how many pieces, and as it was called the last time."""

    orders: int
    pieces: int
    title: str
    last_at: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted; times are ISO 8601 in UTC.

    `quantities` counts lines by their pieces, `audiences` and `categories` count pieces, and
    `sources` tells of each platform when it was last heard.
    """

    orders: int = 0
    pieces: int = 0
    first_at: str | None = None
    last_at: str | None = None
    items: Mapping[str, Item] = field(default_factory=dict)
    quantities: Mapping[str, int] = field(default_factory=dict)
    audiences: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def typical_quantity(self) -> int | None:
        """The middle of the pieces of a line, the smaller of two; None before the first purchase."""
        many = sorted(Counter({int(pieces): n for pieces, n in self.quantities.items()}).elements())
        return many[(len(many) - 1) // 2] if many else None

    @property
    def favourite(self) -> str | None:
        """The article of the most orders; of several that of the most pieces, then the latest."""
        return max(self.items, key=self._rank, default=None)

    def _rank(self, sku: str) -> tuple[int, int, str, str]:
        item = self.items[sku]
        return item.orders, item.pieces, item.last_at, sku


_NAMES = tuple(one.name for one in fields(Figures))


def figures_of(orders: Sequence[Order]) -> Figures:
    """Count; which of two orders comes first in the sequence is all one."""
    purchases = [order for order in orders if order.lines]
    lines = [line for order in purchases for line in order.lines]
    times = [_iso(order.placed_at) for order in purchases]
    return Figures(
        orders=len(purchases),
        pieces=sum(line.article.quantity for line in lines),
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        items=_items(purchases),
        quantities=dict(Counter(str(line.article.quantity) for line in lines)),
        audiences=_pieces((line.article.audience, line.article.quantity) for line in lines),
        categories=_pieces((line.article.category, line.article.quantity) for line in lines),
        sources=_latest((order.source, _iso(order.told_at)) for order in orders),
    )


def after(figures: Figures, order: Order) -> Figures:
    """Give the figures with one order more, wherever in the sequence it belongs."""
    return together((figures, figures_of((order,))))


def heard(figures: Figures, order: Order) -> Figures:
    """Give the figures where nothing of an order changed but when its source was heard."""
    told = ((order.source, _iso(order.told_at)),)
    return replace(figures, sources=_latest((*figures.sources.items(), *told)))


def together(pages: Iterable[Figures]) -> Figures:
    """Give what several figures tell taken together: those of a person who is several shoppers."""
    every = list(pages)
    return Figures(
        orders=sum(page.orders for page in every),
        pieces=sum(page.pieces for page in every),
        first_at=min((page.first_at for page in every if page.first_at), default=None),
        last_at=max((page.last_at for page in every if page.last_at), default=None),
        items=_all_items(every),
        quantities=_pieces(pair for page in every for pair in page.quantities.items()),
        audiences=_pieces(pair for page in every for pair in page.audiences.items()),
        categories=_pieces(pair for page in every for pair in page.categories.items()),
        sources=_latest(pair for page in every for pair in page.sources.items()),
    )


def figures_as_json(figures: Figures) -> dict[str, Any]:
    """Give figures as JSON can hold them."""
    page = {name: getattr(figures, name) for name in _NAMES}
    items = {
        sku: {
            "orders": item.orders,
            "pieces": item.pieces,
            "title": item.title,
            "last_at": item.last_at,
        }
        for sku, item in figures.items.items()
    }
    return page | {"items": items}


def figures_from_json(page: Mapping[str, Any]) -> Figures:
    """Read what `figures_as_json` gave."""
    items = {sku: Item(**item) for sku, item in page["items"].items()}
    return Figures(**{**page, "items": items})


def _items(orders: Iterable[Order]) -> dict[str, Item]:
    found = list[tuple[str, Item]]()
    for order in orders:
        pieces = _pieces((line.sku, line.article.quantity) for line in order.lines)
        titles = {line.sku: line.title for line in order.lines}
        at = _iso(order.placed_at)
        found += [(sku, Item(1, count, titles[sku], at)) for sku, count in pieces.items()]
    return _merged(found)


def _all_items(pages: Sequence[Figures]) -> dict[str, Item]:
    first = dict(pages[0].items) if pages else {}
    return _merged((pair for page in pages[1:] for pair in page.items.items()), first)


def _merged(
    items: Iterable[tuple[str, Item]], known_before: Mapping[str, Item] | None = None
) -> dict[str, Item]:
    merged = dict(known_before or {})
    for sku, item in items:
        known = merged.get(sku, item)
        last_at, title = max((item.last_at, item.title), (known.last_at, known.title))
        orders, pieces = item.orders, item.pieces
        if sku in merged:
            orders, pieces = orders + known.orders, pieces + known.pieces
        merged[sku] = Item(orders, pieces, title, last_at)
    return merged


def _pieces(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    counted = Counter[str]()
    for name, count in counts:
        if name:
            counted[name] += count
    return dict(counted)


def _latest(times: Iterable[tuple[str, str]]) -> dict[str, str]:
    latest = dict[str, str]()
    for name, at in times:
        latest[name] = max(at, latest.get(name, ""))
    return latest


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
