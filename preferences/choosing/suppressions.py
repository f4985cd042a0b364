"""What the shopper, or the moment, forbids: everything, a channel, a topic, a kind of goods."""

from collections.abc import Iterator

from preferences.choosing.inputs import Inputs, Weighable
from preferences.conversation import Reason, Stage, State, Suppression

SAFETY = frozenset({"sensitive_moment", "despair", "complaint", "return", "under_age", "churn"})
"""Reasons of silence that protect the shopper; every other one is a wish."""


def forbidding(state: State | Inputs) -> list[Suppression]:
    """Give the wishes to be left alone that hold in this conversation."""
    return [
        suppression
        for suppression in state.suppressions
        if suppression.scope == "all"
        or (suppression.scope == "channel" and suppression.target == state.channel)
    ]


def against_all(inputs: Inputs) -> Iterator[Reason]:
    """What forbids asking anything here."""
    yield from (Reason(held.reason, "", _stage(held)) for held in forbidding(inputs))
    if inputs.handed_off:
        yield Reason("person_is_talking", "", "wish")
    if inputs.spent:
        yield Reason("messages_used_up", "", "fatigue")


def against_one(inputs: Inputs, weighable: Weighable) -> Iterator[Reason]:
    """What forbids a question by its topic, its category or that of the product in it."""
    traits = weighable.traits
    topics = {weighable.question, traits.purpose if traits else ""}
    categories = [traits.category or "" if traits else "", weighable.category]
    for held in _muting(inputs.suppressions, topics, categories):
        yield Reason(held.reason, weighable.question, _stage(held))


def is_within(category: str, target: str) -> bool:
    """Tell whether a category is the one named, or below it, as `pets/cats` or `Pets > Cats`."""
    path = [part.strip().casefold() for part in category.replace(">", "/").split("/")]
    named = [part.strip().casefold() for part in target.replace(">", "/").split("/")]
    return bool(category and target) and path[: len(named)] == named


def _muting(
    suppressions: tuple[Suppression, ...], topics: set[str], categories: list[str]
) -> list[Suppression]:
    return [
        held
        for held in suppressions
        if (held.scope == "topic" and held.target in topics - {""})
        or (
            held.scope == "category"
            and any(is_within(category, held.target) for category in categories)
        )
    ]


def _stage(held: Suppression) -> Stage:
    return "safety" if held.reason in SAFETY else "wish"
