"""Measures how well a misfit is noticed, against the truth and beside two simpler ways to ask."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from preferences.habit import Habit
from preferences.misfit import misfit_in
from preferences.policy import MisfitPolicy
from preferences.simulation.orders import Order, Truth

METHODS = ("misfit", "category_change", "ask_always")
_ORDINARY: Truth = "self"


@dataclass
class Judged:
    """How many lines there were of each truth, and how many of them each method would ask about.

    Only lines of shoppers with enough of a history are judged, by every method alike: without one
    nothing is ever asked. `early` counts the others.
    """

    lines: Counter[Truth] = field(default_factory=Counter)
    early: int = 0
    asked: dict[str, Counter[Truth]] = field(
        default_factory=lambda: {method: Counter() for method in METHODS}
    )

    def add(self, order: Order, habit: Habit, policy: MisfitPolicy) -> None:
        """Judge every line of an order by itself, by the habit before it."""
        if habit.articles < policy.least_articles:
            self.early += len(order.truths)
            return
        for line, truth in zip(order.basket.articles, order.truths, strict=True):
            alone = replace(order.basket, articles=(line,))
            self.lines[truth] += 1
            self.asked["ask_always"][truth] += 1
            self.asked["category_change"][truth] += line.category not in habit.categories
            self.asked["misfit"][truth] += misfit_in(alone, habit, policy) is not None

    def __add__(self, other: "Judged") -> "Judged":
        both = {method: self.asked[method] + other.asked[method] for method in METHODS}
        return Judged(self.lines + other.lines, self.early + other.early, both)

    def figures(self) -> list[dict[str, Any]]:
        """Give one record for each method."""
        return [{"method": method, **self._figures(self.asked[method])} for method in METHODS]

    def _figures(self, asked: Mapping[Truth, int]) -> dict[str, Any]:
        worth = [truth for truth in get_args(Truth) if truth != _ORDINARY]
        for_others = asked["gift"] + asked["household"]
        return {
            "lines": self.lines.total(),
            "asked": sum(asked.values()),
            "precision": share(_sum(asked, worth), sum(asked.values())),
            "precision_for_others": share(for_others, sum(asked.values())),
            "false_positive_rate": share(asked[_ORDINARY], self.lines[_ORDINARY]),
            "recall": share(_sum(asked, worth), _sum(self.lines, worth)),
            **{f"recall_{truth}": share(asked[truth], self.lines[truth]) for truth in worth},
        }


def share(part: float, whole: float) -> float | None:
    """Give a share, rounded; None where there is nothing to share."""
    return round(part / whole, 4) if whole else None


def _sum(counts: Mapping[Truth, int], truths: Iterable[Truth]) -> int:
    return sum(counts[truth] for truth in truths)
