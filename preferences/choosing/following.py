"""Which questions an order is an occasion for later on: after its delivery, or as somebody's first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from preferences.buying import Bought, Order
from preferences.choosing.suppressions import is_within
from preferences.policy import FollowUpPolicy, WelcomePolicy


@dataclass(frozen=True, slots=True)
class Occasion:
    """A question that is worth weighing from `due_at` until `expires_at`, about a line or nothing."""

    question: str
    reason: str
    due_at: datetime
    expires_at: datetime
    line: Bought | None = None


def follow_up(order: Order, delivered_at: datetime, policy: FollowUpPolicy) -> Occasion | None:
    """Give the question how it went, about the dearest article; None where nothing is left of it."""
    if not order.lines:
        return None
    line = max(order.lines, key=lambda one: (one.article.price or 0.0) * one.article.quantity)
    due = delivered_at + timedelta(days=_days(line, policy))
    until = due + timedelta(days=policy.expires_days)
    return Occasion(policy.question, "follow_up", due, until, line)


def welcome(at: datetime, policy: WelcomePolicy) -> Iterator[Occasion]:
    """Give the questions of the welcome, of which each has its day."""
    until = at + timedelta(days=policy.expires_days)
    for number, question in enumerate(policy.questions):
        due = at + timedelta(days=number * policy.days_between)
        if due < until:
            yield Occasion(question, "welcome", due, until)


def _days(line: Bought, policy: FollowUpPolicy) -> int:
    if line.sku in policy.articles:
        return policy.articles[line.sku]
    category = line.article.category
    fitting = [name for name in policy.categories if is_within(category, name)]
    closest = max(fitting, key=len, default=None)
    return policy.days if closest is None else policy.categories[closest]
