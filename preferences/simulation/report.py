"""Adds the years of many simulated shoppers up to figures."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from preferences.conversation import Decision
from preferences.simulation.judging import Judged, share
from preferences.simulation.life import Year
from preferences.simulation.orders import Truth

_OUTCOMES = ("answered", "skipped", "declined", "ignored")
_WEARY = ("declined", "ignored", "withdrawn")
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_TOP = 8


@dataclass
class Report:
    """What came of all of them; `asks` counts shoppers by how many questions they were asked."""

    orders: int = 0
    asks: Counter[int] = field(default_factory=Counter)
    outcomes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    shoppers: Counter[str] = field(default_factory=Counter)
    decisions: int = 0
    silences: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    judged: Judged = field(default_factory=Judged)
    misfits: Counter[Truth] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    channels: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    invitations: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)

    def add(self, year: Year) -> None:
        """Add a shopper's year; a question that nobody touched until its end was ignored."""
        questions = [asked for asked in year.asked if asked.kind == "question"]
        invited = [asked for asked in year.asked if asked.kind == "invite"]
        self.invitations.update(asked.outcome or "ignored" for asked in invited)
        self.fates.update(year.fates)
        for place, asked in zip(year.places, year.asked, strict=True):
            if asked.kind == "question":
                self.channels[place][asked.outcome or "ignored"] += 1
        self.orders += year.orders
        self.shoppers[year.archetype] += 1
        self.asks[len(questions)] += 1
        self.outcomes[year.archetype].update(asked.outcome or "ignored" for asked in questions)
        self._add_decisions(year.decisions)
        self.judged += year.judged
        self.misfits += year.misfits
        self.breaches.update(year.breaches)

    def figures(self) -> Iterator[dict[str, Any]]:
        """Give the figures, one record after the other."""
        yield {"name": "asks_per_shopper", **self._asks()}
        yield {"name": "answers", **_answers(self.all_outcomes)}
        for archetype in sorted(self.outcomes):
            yield {
                "name": "answers",
                "archetype": archetype,
                "shoppers": self.shoppers[archetype],
                **_answers(self.outcomes[archetype]),
            }
        for channel in sorted(self.channels):
            yield {"name": "answers", "channel": channel, **_answers(self.channels[channel])}
        yield {"name": "silence", **self._silence()}
        yield {"name": "befell", **dict(sorted(self.fates.items()))}
        yield {"name": "invitations", **self._invited()}
        yield {"name": "caps_exceeded", "value": self.breaches.total(), **self.breaches}
        yield {"name": "misfit_candidates", **self._candidates()}
        for judged in self.judged.figures():
            yield {"name": "misfit_lines", **judged}

    @property
    def all_outcomes(self) -> Counter[str]:
        """What came of every question, whoever was asked."""
        return sum(self.outcomes.values(), Counter())

    def _add_decisions(self, decisions: tuple[Decision, ...]) -> None:
        self.decisions += len(decisions)
        for decision in decisions:
            if decision.question is None:
                self.silent += 1
                self.silences.update({reason.code for reason in decision.reasons})

    def _asks(self) -> dict[str, Any]:
        shoppers, questions = self.asks.total(), sum(n * count for n, count in self.asks.items())
        in_order = list(chain.from_iterable(repeat(n, self.asks[n]) for n in sorted(self.asks)))
        return {
            "shoppers": shoppers,
            "mean": share(questions, shoppers),
            **{name: in_order[int(at * (shoppers - 1))] for name, at in _QUANTILES.items()},
            "most": in_order[-1],
            "never_asked": share(self.asks[0], shoppers),
        }

    def _silence(self) -> dict[str, Any]:
        return {
            "decisions": self.decisions,
            "share": share(self.silent, self.decisions),
            "reasons": {
                code: share(count, self.silent) for code, count in self.silences.most_common(_TOP)
            },
        }

    def _invited(self) -> dict[str, Any]:
        offered = self.invitations.total()
        return {
            "offered": offered,
            "share_of_shoppers": share(offered, self.asks.total()),
            "accepted": share(self.invitations["answered"], offered),
            "declined": share(self.invitations["declined"], offered),
        }

    def _candidates(self) -> dict[str, Any]:
        """Tell of the orders that became an occasion, each once, and of which of them were worth it."""
        occasions = self.misfits.total()
        return {
            "orders": self.orders,
            "candidates": occasions,
            "share_of_orders": share(occasions, self.orders),
            "precision": share(occasions - self.misfits["self"], occasions),
        }


def _answers(outcomes: Counter[str]) -> dict[str, Any]:
    asked = outcomes.total()
    weary = sum(outcomes[outcome] for outcome in _WEARY)
    return {
        "asked": asked,
        **{outcome: share(outcomes[outcome], asked) for outcome in _OUTCOMES},
        "fatigue": share(weary, asked),
    }
