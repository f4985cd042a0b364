from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.choosing import choose
from preferences.conversation import Asked, Candidate, Consent, Decision, Reason, State, Suppression
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    DRESS,
    GIVEN,
    HOUR,
    MINUTE,
    NOW,
    POLICY,
    PURPOSE,
    STOPPED,
    a_candidate,
    a_state,
    an_ask,
    was_asked,
)

# What speaks against any question, the weightiest first, each as it stands in a state.
GUARDS: Mapping[str, Mapping[str, Any]] = {
    "shopper_said_stop": {"suppressions": (STOPPED,)},
    "person_is_talking": {"handed_off": True},
    "question_open": {"ask": an_ask("erase")},
    "conversation_budget_used": {
        "asked": (
            was_asked("answered", 99 * DAY, here=True),
            was_asked("answered", 89 * DAY, here=True),
        )
    },
    "asked_recently": {"asked": (was_asked("ignored", DAY),)},
    "ignored_repeatedly": {
        "asked": (was_asked("ignored", 50 * DAY), was_asked("ignored", 40 * DAY))
    },
}


def decide(state: State) -> Decision:
    return choose("opened", state, CATALOGUE, POLICY)


def ready(**changes: Any) -> State:
    """A moment in which nothing speaks against asking."""
    return a_state(**{"consents": GIVEN, "candidates": (a_candidate(),)} | changes)


def with_guards(*names: str) -> State:
    changes: dict[str, Any] = {}
    for name in names:
        for key, value in GUARDS[name].items():
            both = key == "asked" and key in changes
            changes[key] = changes[key] + value if both else value
    return ready(**changes)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_it_asks_when_nothing_speaks_against_it() -> None:
    decision = decide(ready())

    assert (decision.question, decision.candidate) == ("gift_or_self", "candidate-1")
    assert (decision.reasons, decision.policy_version) == ((), POLICY.version)


@pytest.mark.parametrize("consents", [{}, GIVEN])
def test_a_question_is_chosen_before_it_is_known_whether_it_may_be_kept(
    consents: dict[str, Any],
) -> None:
    assert decide(ready(consents=consents)).question == "gift_or_self"


def test_without_an_occasion_there_is_nothing_to_ask() -> None:
    decision = decide(ready(candidates=()))

    assert (decision.question, codes(decision)) == (None, ["nothing_to_ask"])


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_keeps_it_silent_by_itself_and_is_named(guard: str) -> None:
    decision = decide(with_guards(guard))

    assert (decision.question, decision.candidate) == (None, None)
    assert codes(decision)[0] == guard


@pytest.mark.parametrize(("heavier", "lighter"), list(combinations(GUARDS, 2)))
def test_of_two_guards_the_weightier_is_named_first(heavier: str, lighter: str) -> None:
    decision = decide(with_guards(lighter, heavier))

    assert decision.question is None
    assert [code for code in codes(decision) if code in {heavier, lighter}] == [heavier, lighter]


def test_a_channel_that_the_shopper_left_is_silent_and_the_others_are_not() -> None:
    left = Suppression("channel", "web", "shopper_left_channel")

    assert decide(ready(suppressions=(left,))).question is None
    assert decide(ready(suppressions=(left,), channel="whatsapp")).question == "gift_or_self"


def test_a_topic_that_is_forbidden_does_not_forbid_the_others() -> None:
    topic = Suppression("topic", "health", "shopper_said_so")

    assert decide(ready(suppressions=(topic,))).question == "gift_or_self"


def test_two_questions_in_a_conversation_are_all() -> None:
    here = was_asked("answered", 20 * DAY, here=True)

    assert decide(ready(asked=(here,))).question is not None
    assert decide(ready(asked=(here, here))).question is None


def test_asking_for_permission_or_confirmation_is_no_question_of_the_budget() -> None:
    asked = tuple(
        was_asked("answered", MINUTE, kind=kind, here=True) for kind in ("consent", "erase") * 2
    )

    assert decide(ready(asked=asked)).question == "gift_or_self"


@pytest.mark.parametrize(("ago", "asks"), [(7 * DAY - MINUTE, False), (7 * DAY, True)])
def test_a_week_lies_between_two_questions(ago: timedelta, *, asks: bool) -> None:
    assert (decide(ready(asked=(was_asked("answered", ago),))).question is not None) == asks


@pytest.mark.parametrize(
    ("outcome", "days"),
    [
        ("declined", 180),
        ("not_relevant", 180),
        ("withdrawn", 180),
        ("sensitive", 90),
        ("skipped", 30),
        ("ignored", 30),
        ("unclear", 30),
    ],
)
def test_a_question_rests_as_long_as_what_came_of_it_asks_for(outcome: Any, days: int) -> None:
    just_before = decide(ready(asked=(was_asked(outcome, days * DAY - MINUTE),)))
    afterwards = decide(ready(asked=(was_asked(outcome, days * DAY),)))

    assert just_before.reasons == (Reason(f"was_{outcome}", "gift_or_self"),)
    assert afterwards.question == "gift_or_self"


@pytest.mark.parametrize("outcome", ["answered", "dont_know", "no_preference", "already_sorted"])
def test_a_question_that_was_met_may_come_again_about_another_purchase(outcome: Any) -> None:
    assert decide(ready(asked=(was_asked(outcome, 8 * DAY),))).question == "gift_or_self"


def test_a_refused_permission_lets_every_question_for_its_purpose_rest() -> None:
    refused = was_asked("declined", 179 * DAY, kind="consent")

    decision = decide(ready(consents={}, asked=(refused,)))

    assert decision.reasons == (Reason("was_declined", PURPOSE),)


def test_a_refused_permission_for_something_else_does_not_matter() -> None:
    elsewhere = replace(
        was_asked("declined", DAY, kind="consent"), purpose="other", question="other"
    )

    assert decide(ready(asked=(elsewhere,))).question == "gift_or_self"


def test_it_is_silent_for_ninety_days_after_two_in_a_row_were_ignored() -> None:
    def ignored_twice(last: timedelta) -> State:
        return ready(asked=(was_asked("ignored", last), was_asked("ignored", 200 * DAY)))

    assert decide(ignored_twice(90 * DAY - MINUTE)).reasons == (Reason("ignored_repeatedly"),)
    assert decide(ignored_twice(90 * DAY)).question == "gift_or_self"


def test_one_ignored_question_or_an_answer_in_between_is_no_wish_to_be_left_alone() -> None:
    once = (was_asked("ignored", 40 * DAY),)
    in_between = (*once, was_asked("answered", 35 * DAY), was_asked("ignored", 31 * DAY))

    assert decide(ready(asked=once)).question == "gift_or_self"
    assert decide(ready(asked=in_between)).question == "gift_or_self"


def test_the_newest_occasion_comes_first() -> None:
    older, newer = a_candidate("older", at=NOW - HOUR), a_candidate("newer", at=NOW - MINUTE)

    assert decide(ready(candidates=(older, newer))).candidate == "newer"


def test_an_occasion_that_falls_leaves_the_next_one_and_is_named() -> None:
    gone = Candidate("gone", "question_of_last_year", DRESS, "misfit", NOW)

    decision = decide(ready(candidates=(a_candidate(), gone)))

    assert decision.candidate == "candidate-1"
    assert decision.reasons == (Reason("question_unknown", "question_of_last_year"),)


OUTCOMES = st.sampled_from(
    [None, "answered", "declined", "skipped", "dont_know", "ignored", "unclear", "withdrawn"]
)
ASKS = st.sampled_from(
    [
        ("question", "gift_or_self", PURPOSE),
        ("consent", PURPOSE, PURPOSE),
        ("erase", "erase_data", ""),
    ]
)
EARLIER = st.builds(
    lambda ask, **more: Asked(*ask, **more),
    ASKS,
    at=st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda ago: NOW - ago),
    outcome=OUTCOMES,
    here=st.booleans(),
)
CANDIDATES = st.builds(
    Candidate,
    id=st.sampled_from(["one", "two", "three"]),
    question=st.sampled_from(["gift_or_self", "question_of_last_year"]),
    about=st.just(DRESS),
    reason=st.just("misfit"),
    at=st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda ago: NOW - ago),
)
STATES = st.builds(
    a_state,
    asked=st.lists(EARLIER, max_size=4).map(tuple),
    candidates=st.lists(CANDIDATES, max_size=3).map(tuple),
    consents=st.sampled_from([{}, GIVEN]),
)


@given(STATES, st.sampled_from(["shopper_said_stop", "person_is_talking", "question_open"]))
def test_it_never_asks_while_a_guard_stands(state: State, guard: str) -> None:
    decision = decide(replace(state, **GUARDS[guard]))

    assert decision.question is None
    assert guard in codes(decision)


@given(STATES)
def test_whatever_was_before_it_never_asks_too_soon_or_too_much(state: State) -> None:
    questions = [asked for asked in state.asked if asked.kind == "question"]
    declined = [asked for asked in state.asked if asked.outcome in {"declined", "withdrawn"}]

    decision = decide(state)

    assert (decision.question is None) == (decision.candidate is None)
    if decision.question is None:
        assert decision.reasons
        return
    assert all(NOW - asked.at >= 7 * DAY for asked in questions)
    assert sum(asked.here for asked in questions) < 2
    assert not [
        asked
        for asked in declined
        if asked.question == decision.question and NOW - asked.at < 180 * DAY
    ]


# Topics, kinds of goods, and a browser that objects


@pytest.mark.parametrize(
    ("scope", "target", "silent"),
    [
        ("topic", "gift_or_self", True),
        ("topic", PURPOSE, True),
        ("topic", "motive", False),
        ("category", "clothes", True),
        ("category", "books", False),
        ("channel", "clothes", False),
    ],
)
def test_a_muted_topic_or_category_is_not_asked_about(
    scope: str, target: str, *, silent: bool
) -> None:
    question = CATALOGUE.questions["gift_or_self"].model_copy(update={"category": "clothes"})
    catalogue = CATALOGUE.model_copy(
        update={"questions": {**CATALOGUE.questions, question.id: question}}
    )
    muted = Suppression(scope, target, "shopper_muted")

    decision = choose("opened", ready(suppressions=(muted,)), catalogue, POLICY)

    assert (decision.question is None) is silent
    assert decision.reasons == ((Reason("shopper_muted", "gift_or_self"),) if silent else ())


def test_who_objected_by_their_browser_is_not_asked_for_permission() -> None:
    objected = {PURPOSE: Consent("event-1", "objected")}

    decision = decide(ready(consents=objected))

    assert decision.question is None
    assert decision.reasons == (Reason("was_objected", "gift_or_self"),)


def test_whose_permission_expired_may_be_asked_for_it_anew() -> None:
    expired = {PURPOSE: Consent("event-1", "expired")}

    assert decide(ready(consents=expired)).question == "gift_or_self"
