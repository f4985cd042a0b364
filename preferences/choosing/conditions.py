"""What a policy demands before one question is asked: what is not known does not hold."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from preferences.choosing.inputs import Inputs, Weighable
from preferences.choosing.moment import good_hours, hour_there
from preferences.choosing.suppressions import is_within
from preferences.conversation import Buying, Reason
from preferences.policy import Condition, Policy

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def against_context(inputs: Inputs, weighable: Weighable, policy: Policy) -> Iterator[Reason]:
    """What speaks against a question by who the shopper is, where they are, and when it is."""
    condition = policy.conditions.get(weighable.question)
    if condition is None:
        return
    for code in (
        *_by_profile(inputs, condition),
        *_by_history(inputs, condition),
        *_by_entry(inputs, condition),
        *_by_surroundings(inputs, condition),
        *_by_time(inputs, condition, policy),
    ):
        yield Reason(code, weighable.question)


def _by_profile(inputs: Inputs, condition: Condition) -> Iterator[str]:
    for question, values in condition.answers.items():
        answer = (inputs.profile or {}).get(question)
        if answer is None:
            yield "profile_unknown"
        elif values.isdisjoint(answer.split(",")):
            yield "not_this_profile"


def _by_history(inputs: Inputs, condition: Condition) -> Iterator[str]:
    if not condition.of_history:
        return
    if inputs.buying is None:
        yield "history_unknown"
    elif not _fits(inputs, inputs.buying, condition):
        yield "not_this_history"


def _fits(inputs: Inputs, buying: Buying, condition: Condition) -> bool:
    wanted, first, last = condition.categories, condition.first_days, condition.last_days
    return (
        buying.orders >= condition.orders
        and (first is None or inputs.age(buying.first_at) >= timedelta(days=first))
        and (last is None or inputs.age(buying.last_at) <= timedelta(days=last))
        and (
            not wanted or any(is_within(one, name) for one in buying.categories for name in wanted)
        )
        and (not condition.favourites or buying.favourite in condition.favourites)
    )


def _by_entry(inputs: Inputs, condition: Condition) -> Iterator[str]:
    if condition.entries and not inputs.entry:
        yield "entry_unknown"
    elif condition.entries and inputs.entry not in condition.entries:
        yield "not_this_entry"


def _by_surroundings(inputs: Inputs, condition: Condition) -> Iterator[str]:
    for what, told, wanted in (
        ("place", inputs.place, condition.places),
        ("weather", inputs.weather, condition.weather),
    ):
        if wanted and not told:
            yield f"{what}_unknown"
        elif wanted and told not in wanted:
            yield f"not_this_{what}"


def _by_time(inputs: Inputs, condition: Condition, policy: Policy) -> Iterator[str]:
    """The hour is that of the shopper's own clock alone: the shop's says nothing of them."""
    if not (condition.weekdays or condition.hours or condition.good_hours):
        return
    hour = hour_there(inputs)
    if hour is None:
        yield "time_unknown"
        return
    if (condition.weekdays and _WEEKDAYS[_there(inputs).weekday()] not in condition.weekdays) or (
        condition.hours is not None and not _is_between(hour, *condition.hours)
    ):
        yield "not_this_time"
    if condition.good_hours:
        good = good_hours(inputs, policy)
        if good is None:
            yield "good_hours_unknown"
        elif hour not in good:
            yield "not_their_hour"


def _is_between(hour: int, start: int, end: int) -> bool:
    return start <= hour < end if start <= end else hour >= start or hour < end


def _there(inputs: Inputs) -> datetime:
    return inputs.now.astimezone(ZoneInfo(inputs.zone))
