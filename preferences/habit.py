"""What a shopper usually buys, as counts to which an order is added when it arrives."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

_MOST_PRICES = 64
_NONE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Article:
    """One line of an order, as a habit sees it: empty, or None, is what the shop did not tell.

    `price` is that of one piece, in the currency that the shopper always pays in.
    """

    category: str = ""
    audience: str = ""
    size: str = ""
    price: float | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Basket:
    """An order, as a habit sees it.

    `recipient` stands for the address that it goes to, as a keyed hash: it is only ever compared.
    `marked` tells of a gift wrap or a gift message.
    """

    articles: tuple[Article, ...]
    recipient: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Habit:
    """How often a shopper bought what, line by line; recipients and gift marks order by order.

    Whatever was bought more than once in one line counts once: it was one decision. In `ordered`
    stands in how many orders an audience or a category was, however many lines of it there were.
    `sizes` and `prices` are kept for each category, the prices in rising order.
    """

    orders: int = 0
    articles: int = 0
    marked: int = 0
    audiences: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    ordered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    quantities: Mapping[int, int] = field(default_factory=dict)
    recipients: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    prices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def after(self, basket: Basket) -> "Habit":
        """Give the habit with one order more; which of two orders comes first is all one."""
        lines = basket.articles
        return replace(
            self,
            orders=self.orders + 1,
            articles=self.articles + len(lines),
            marked=self.marked + basket.marked,
            audiences=_counted(self.audiences, (line.audience for line in lines)),
            categories=_counted(self.categories, (line.category for line in lines)),
            ordered={
                "audience": _counted(self.in_orders("audience"), {line.audience for line in lines}),
                "category": _counted(self.in_orders("category"), {line.category for line in lines}),
            },
            quantities=_counted(self.quantities, (line.quantity for line in lines)),
            recipients=_counted(self.recipients, (basket.recipient,)),
            sizes=_sized(self.sizes, lines),
            prices=_priced(self.prices, lines),
        )

    def takes_in_any_order(self, basket: Basket) -> bool:
        """Tell whether an order may be added wherever in the sequence it belongs.

        Beyond so many prices of a category the older ones are thinned out: who was first matters.
        """
        lines = basket.articles
        return all(
            self._priced(line.category) + len(lines) <= _MOST_PRICES for line in lines if line.price
        )

    def _priced(self, category: str) -> int:
        """Tell of how many lines at most the prices of a category were taken."""
        return self.categories.get(category, 0) if category else self.articles

    def in_orders(self, trait: str) -> Mapping[str, int]:
        """Tell in how many orders each audience, or each category, was."""
        return self.ordered.get(trait, _NONE)


_NAMES = tuple(one.name for one in fields(Habit))


def habit_of(baskets: Iterable[Basket]) -> Habit:
    """Give the habit that shows in these orders."""
    habit = Habit()
    for basket in baskets:
        habit = habit.after(basket)
    return habit


def together(habits: Sequence[Habit]) -> Habit:
    """Give the habit of a person who is several shoppers."""
    if len(habits) == 1:
        return habits[0]
    return Habit(
        orders=sum(one.orders for one in habits),
        articles=sum(one.articles for one in habits),
        marked=sum(one.marked for one in habits),
        audiences=_summed(one.audiences for one in habits),
        categories=_summed(one.categories for one in habits),
        ordered={
            trait: _summed(one.in_orders(trait) for one in habits)
            for trait in ("audience", "category")
        },
        quantities=_summed(one.quantities for one in habits),
        recipients=_summed(one.recipients for one in habits),
        sizes={
            category: _summed(one.sizes.get(category, _NONE) for one in habits)
            for category in dict.fromkeys(name for one in habits for name in one.sizes)
        },
        prices={
            category: _thinned(sorted(x for one in habits for x in one.prices.get(category, ())))
            for category in dict.fromkeys(name for one in habits for name in one.prices)
        },
    )


def habit_as_json(habit: Habit) -> dict[str, Any]:
    """Give a habit as JSON can hold it."""
    page = {name: getattr(habit, name) for name in _NAMES}
    page["quantities"] = {str(pieces): count for pieces, count in habit.quantities.items()}
    page["prices"] = {category: list(prices) for category, prices in habit.prices.items()}
    return page


def habit_from_json(page: Mapping[str, Any]) -> Habit:
    """Read what `habit_as_json` gave."""
    habit = Habit(**page)
    return replace(
        habit,
        quantities={int(pieces): count for pieces, count in page["quantities"].items()},
        prices={category: tuple(prices) for category, prices in page["prices"].items()},
    )


def _summed[Value: (str, int)](every: Iterable[Mapping[Value, int]]) -> dict[Value, int]:
    total = Counter[Value]()
    for counts in every:
        total.update(counts)
    return dict(total)


def _counted[Value: (str, int)](
    counts: Mapping[Value, int], values: Iterable[Value]
) -> dict[Value, int]:
    counted = dict(counts)
    for value in values:
        if value:
            counted[value] = counted.get(value, 0) + 1
    return counted


def _sized(
    sizes: Mapping[str, Mapping[str, int]], lines: Iterable[Article]
) -> dict[str, Mapping[str, int]]:
    sized = dict(sizes)
    for line in lines:
        if line.size:
            sized[line.category] = _counted(sized.get(line.category, _NONE), (line.size,))
    return sized


def _priced(
    prices: Mapping[str, tuple[float, ...]], lines: Iterable[Article]
) -> dict[str, tuple[float, ...]]:
    priced = dict(prices)
    for line in lines:
        if line.price:  # what was free of charge tells of no price
            known = sorted((*priced.get(line.category, ()), line.price))
            priced[line.category] = _thinned(known)
    return priced


def _thinned(prices: list[float]) -> tuple[float, ...]:
    """Keep every second price of a long list: its middle and its spread stay where they were."""
    while len(prices) > _MOST_PRICES:
        prices = prices[::2]
    return tuple(prices)
