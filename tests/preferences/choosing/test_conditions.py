"""A question that has a condition is asked where it holds; what is not known does not hold."""

from dataclasses import replace
from typing import Any

import pytest

from preferences.choosing import choose
from preferences.choosing.account import sentence
from preferences.choosing.decision import decide
from preferences.choosing.inputs import inputs_from_json
from preferences.conversation import Buying, Consent, Decision
from preferences.policy import Condition, Policy
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    GIVEN,
    HOUR,
    NOW,
    POLICY,
    a_candidate,
    a_state,
    was_asked,
)

LAGOS = {"zone": "Africa/Lagos"}  # NOW is Sunday, one o'clock in the afternoon there, as ever
BOUGHT = Buying(3, NOW - 400 * DAY, NOW - 10 * DAY, "beans", ("home", "Pets > Cats"))
MAY_LOOK = {**GIVEN, "good_moment": Consent("event-2", "given")}
AT_ONE = tuple(was_asked("answered", day * DAY) for day in (40, 50, 60, 70, 80))  # and at noon UTC


def with_condition(**condition: Any) -> Policy:
    return POLICY.model_copy(update={"conditions": {"gift_or_self": Condition(**condition)}})


def decided(policy: Policy, trigger: str = "opened", **known: Any) -> Decision:
    state = a_state(**{"consents": GIVEN, "candidates": (a_candidate(),)} | known)
    return choose(trigger, state, CATALOGUE, policy)


HOLDS: list[tuple[dict[str, Any], dict[str, Any], str, dict[str, Any], str]] = [
    ({"answers": {"motive": ["price", "habit"]}}, {"profile": {"motive": "taste,price"}},
     "profile_unknown", {"profile": {"motive": "taste"}}, "not_this_profile"),
    ({"orders": 3}, {"buying": BOUGHT},
     "history_unknown", {"buying": replace(BOUGHT, orders=2)}, "not_this_history"),
    ({"first_days": 365}, {"buying": BOUGHT},
     "history_unknown", {"buying": replace(BOUGHT, first_at=NOW - DAY)}, "not_this_history"),
    ({"last_days": 10}, {"buying": BOUGHT},
     "history_unknown", {"buying": replace(BOUGHT, last_at=NOW - 11 * DAY)}, "not_this_history"),
    ({"categories": ["pets"]}, {"buying": BOUGHT},
     "history_unknown", {"buying": replace(BOUGHT, categories=("home",))}, "not_this_history"),
    ({"favourites": ["beans"]}, {"buying": BOUGHT},
     "history_unknown", {"buying": replace(BOUGHT, favourite="cup")}, "not_this_history"),
    ({"entries": ["gift_guide"]}, {"entry": "gift_guide"},
     "entry_unknown", {"entry": "sale"}, "not_this_entry"),
    ({"places": ["DE-BE"]}, {"place": "DE-BE"},
     "place_unknown", {"place": "DE-HH"}, "not_this_place"),
    ({"weather": ["rain", "snow"]}, {"weather": "rain"},
     "weather_unknown", {"weather": "sun"}, "not_this_weather"),
    ({"weekdays": ["sat", "sun"]}, LAGOS,
     "time_unknown", {"zone": "Pacific/Kiritimati"}, "not_this_time"),  # it is Monday there
    ({"hours": [13, 14]}, LAGOS,
     "time_unknown", {"zone": "UTC"}, "not_this_time"),
    ({"hours": [22, 14]}, LAGOS,
     "time_unknown", {"zone": "Asia/Tokyo"}, "not_this_time"),
    ({"good_hours": True}, {"consents": MAY_LOOK, "asked": AT_ONE, **LAGOS},
     "time_unknown",
     {"consents": MAY_LOOK, "asked": AT_ONE, "now": NOW + 3 * HOUR, **LAGOS}, "not_their_hour"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "fits", "unknown", "other", "unfit"), HOLDS)
def test_what_is_not_known_or_not_so_keeps_it_silent(
    condition: dict[str, Any],
    fits: dict[str, Any],
    unknown: str,
    other: dict[str, Any],
    unfit: str,
) -> None:
    policy = with_condition(**condition)

    asked, dark, wrong = decided(policy, **fits), decided(policy), decided(policy, **other)

    assert asked.question == "gift_or_self"
    for decision, code in ((dark, unknown), (wrong, unfit)):
        assert decision.question is None
        assert [reason.code for reason in decision.reasons] == [code]
        assert sentence(code) not in sentence("another")
    for decision in (asked, dark, wrong):
        assert decide(inputs_from_json(decision.inputs), policy) == decision


def test_no_condition_asks_for_nothing_to_be_known() -> None:
    policy = with_condition()

    assert decided(policy).question == "gift_or_self"


def test_a_condition_of_one_question_is_none_of_another() -> None:
    policy = with_condition(places=["DE-BE"])

    assert decided(policy, candidates=(a_candidate(question="motive"),)).question == "motive"


def test_of_the_answers_a_decision_keeps_those_alone_that_a_condition_looks_at() -> None:
    policy = with_condition(answers={"motive": ["price"]})

    decision = decided(policy, profile={"motive": "price", "channel": "sms"})

    assert decision.inputs["profile"] == {"motive": "price"}
    assert "profile" not in decided(POLICY, profile={"motive": "price"}).inputs


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"consents": GIVEN}, "they did not permit it"),
        ({"zone": ""}, "their own clock is not known"),
        ({"zone": "Nowhere/Town"}, "there is no such clock"),
        ({"asked": AT_ONE[1:]}, "they answered too seldom"),
    ],
)
def test_good_hours_are_learned_under_permission_by_their_own_clock_and_from_answers_enough(
    known: dict[str, Any], why: str
) -> None:
    whole = {"consents": MAY_LOOK, "asked": AT_ONE, "now": NOW + 5 * HOUR, **LAGOS}

    assert decided(POLICY, "purchased", **whole).question is None
    assert decided(POLICY, "purchased", **whole | known).question == "gift_or_self", why
    assert decided(with_condition(good_hours=True), **whole | known).question is None, why


@pytest.mark.parametrize(
    ("later", "asks"), [(-3, False), (-2, True), (0, True), (2, True), (3, False)]
)
def test_who_is_not_there_is_asked_about_the_hours_at_which_they_answered(
    later: int, *, asks: bool
) -> None:
    known = {"consents": MAY_LOOK, "asked": AT_ONE, "now": NOW + later * HOUR, **LAGOS}

    away = decided(POLICY, "purchased", **known)

    assert [reason.code for reason in away.reasons] == ([] if asks else ["not_their_hour"])
    assert decided(POLICY, "opened", **known).question == "gift_or_self"


def test_a_shop_may_hold_that_it_is_night_for_whose_clock_is_not_known() -> None:
    hours = POLICY.quiet_hours.model_copy(update={"zone": None})
    policy = POLICY.model_copy(update={"quiet_hours": hours})

    assert [one.code for one in decided(policy, "purchased").reasons] == ["quiet_hours"]
    assert decided(policy, "purchased", **LAGOS).question == "gift_or_self"
    assert decided(policy, "opened").question == "gift_or_self"
