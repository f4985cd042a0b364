"""Notices a purchase that does not fit what its shopper buys; infers nothing from it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log, log2
from statistics import median

from preferences.habit import Article, Basket, Habit
from preferences.policy import Compared, MisfitPolicy

_SIGMAS = 1.4826  # the median distance from the median, in standard deviations
_LEAST_SPREAD = 0.1  # a price of a tenth more is the same price


@dataclass(frozen=True, slots=True)
class Misfit:
    """The line of an order that fits least: its position, and how little it fits, in bits.

    `reason` is for the decision log, never for the shopper: it says what was compared, and not a
    word about whom the purchase is for.
    """

    line: int
    score: float
    reason: str


def misfit_in(basket: Basket, habit: Habit, policy: MisfitPolicy) -> Misfit | None:
    """Give the one line of an order that is worth the question whom it is for, or None.

    `habit` is that of the orders before this one. Every comparison is with the shopper's own
    history alone: how rarely something at least as rare was bought. Without enough of a history
    the answer is None.
    """
    if habit.articles < policy.least_articles:
        return None
    around = _rounded(_of_order(basket, habit), policy)
    found = [
        _misfit(at, around | _rounded(_of_line(line, habit, policy), policy))
        for at, line in enumerate(basket.articles)
    ]
    odd = [misfit for misfit in found if misfit.score >= policy.least_bits]
    return max(odd, key=lambda misfit: _in_order(misfit, basket), default=None)


def is_fresh(placed_at: datetime, now: datetime, policy: MisfitPolicy) -> bool:
    """Tell whether an order is young enough to be an occasion."""
    return now - placed_at <= timedelta(hours=policy.fresh_hours)


def _of_order(basket: Basket, habit: Habit) -> Iterator[tuple[Compared, float]]:
    """How rare the address and the gift mark of an order are."""
    if basket.recipient:
        yield "recipient", _rarity(basket.recipient, habit.recipients)
    if basket.marked:
        yield "gift", _bits(habit.marked, habit.orders)


def _of_line(line: Article, habit: Habit, policy: MisfitPolicy) -> Iterator[tuple[Compared, float]]:
    """How rare one line is, by everything that the shop tells of it."""
    if line.audience in policy.audiences:
        lines = _only(policy.audiences, habit.audiences)
        orders = _only(policy.audiences, habit.in_orders("audience"))
        yield "audience", _seldom(line.audience, lines, orders, max(orders.values(), default=0))
    if line.category:
        within = habit.in_orders("category")
        yield "category", _seldom(line.category, habit.categories, within, habit.orders)
    if line.size:
        yield "size", _rarity(line.size, habit.sizes.get(line.category, {}))
    if line.price:
        yield "price", _price(line.price, habit.prices.get(line.category, ()), policy)
    many = sum(count for pieces, count in habit.quantities.items() if pieces >= line.quantity)
    yield "quantity", _bits(many, habit.articles)


def _only(names: Collection[str], counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name in names}


def _seldom(value: str, lines: Mapping[str, int], orders: Mapping[str, int], told: int) -> float:
    """How rare an audience or a category is; `told` is how many orders tell of any, at least.

    What was there before is compared by whole orders as well, and the milder view counts: one thing
    for a child in every order is no exception, however much else is in them.
    """
    rarity = _rarity(value, lines)
    if value not in orders:
        return rarity
    return min(rarity, _bits(_as_rare(orders[value], orders), told))


def _rarity[Value](value: Value, counts: Mapping[Value, int]) -> float:
    """How rarely something was bought that was then as new as this one, or newer."""
    return _bits(_as_rare(counts.get(value, 0), counts), sum(counts.values()))


def _as_rare[Value](known: int, counts: Mapping[Value, int]) -> int:
    """Count what was as rare as something that is known so often.

    Each purchase of the past is counted by how often the others had the same: who often buys
    something for the first time is not odd in doing it once more.
    """
    return sum(count for count in counts.values() if count - 1 <= known)


def _price(price: float, known: Collection[float], policy: MisfitPolicy) -> float:
    """How rare a price is that lies far outside of what was paid in its category."""
    if len(known) < policy.least_articles:
        return 0.0
    middle = median(known)
    distances = [abs(log(paid / middle)) for paid in known]
    spread = max(_SIGMAS * median(distances), _LEAST_SPREAD)
    distance = abs(log(price / middle))
    if distance < policy.far_price * spread:
        return 0.0
    return _bits(sum(other >= distance for other in distances), len(distances))


def _bits(as_rare: int, all_told: int) -> float:
    """The surprise in bits; this purchase counts itself, so a short history never surprises much.

    An ordinary purchase surprises by b bits in at most one of 2 ** b cases, whatever the habit.
    """
    return -log2((1 + as_rare) / (1 + all_told))


def _rounded(rarities: Iterable[tuple[Compared, float]], policy: MisfitPolicy) -> dict[str, float]:
    """Weigh each rarity; none counts beyond its limit, and rounding hides what floats lose."""
    weighed = {
        name: round(policy.weights[name] * min(bits, policy.most_bits), 6)
        for name, bits in rarities
    }
    return {name: bits for name, bits in weighed.items() if bits > 0}


def _misfit(at: int, rarities: Mapping[str, float]) -> Misfit:
    names = sorted(rarities, key=lambda name: (-rarities[name], name))
    return Misfit(at, round(sum(rarities.values()), 6), f"misfit:{'+'.join(names)}")


def _in_order(misfit: Misfit, basket: Basket) -> tuple[float, str]:
    """The one that fits least comes last; among equals what they are decides, not their place."""
    return misfit.score, repr(basket.articles[misfit.line])
