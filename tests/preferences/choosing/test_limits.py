from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.catalogue import Catalogue
from preferences.choosing import choose
from preferences.choosing.account import sentence
from preferences.choosing.decision import STAGES, decide
from preferences.choosing.inputs import inputs_from_json, inputs_of
from preferences.conversation import (
    Asked,
    Candidate,
    Consent,
    Decision,
    Held,
    Outcome,
    State,
    Suppression,
)
from preferences.errors import BadInputError
from preferences.policy import Policy
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
    a_question,
    a_state,
    was_asked,
)

MOMENT = Suppression("all", "", "sensitive_moment")
DEEP = {
    f"level_{level}": a_question(f"level_{level}", "confirm", "yes", "no", depth=level)
    for level in (2, 3)
}
DELICATE = a_question("delicate", "confirm", "yes", "no", sensitivity="delicate")
SHELF = a_question("shelf", "confirm", "yes", "no", category="pets")
QUESTIONS = {**CATALOGUE.questions, **DEEP, "delicate": DELICATE, "shelf": SHELF}
SHOP = CATALOGUE.model_copy(update={"questions": QUESTIONS})

# One thing of each stage that speaks against asking, as it stands in a state.
AGAINST: Mapping[str, Mapping[str, Any]] = {
    "safety": {"suppressions": (MOMENT,)},
    "wish": {"suppressions": (STOPPED,)},
    "consent": {"consents": {PURPOSE: Consent("event-1", "objected")}},
    "fatigue": {"asked": (was_asked("answered", DAY),)},
    "value": {"held": (Held("gift_or_self", NOW - DAY, DRESS.purchase, DRESS.sku),)},
}


def ready(**changes: Any) -> State:
    return a_state(**{"consents": GIVEN, "candidates": (a_candidate(),)} | changes)


def decided(
    state: State, trigger: str = "opened", policy: Policy = POLICY, shop: Catalogue = SHOP
) -> Decision:
    return choose(trigger, state, shop, policy)


def with_limits(**changes: Any) -> Policy:
    return POLICY.model_copy(update=changes)


def was(question: str, outcome: Outcome | None, ago: timedelta, *, here: bool = False) -> Asked:
    return Asked("question", question, PURPOSE, NOW - ago, outcome, here)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


# The order of precedence


@pytest.mark.parametrize("stage", AGAINST)
def test_each_stage_by_itself_keeps_it_silent(stage: str) -> None:
    decision = decided(ready(**AGAINST[stage]))

    assert decision.question is None
    assert {reason.stage for reason in decision.reasons} == {stage}


@pytest.mark.parametrize(("heavier", "lighter"), list(combinations(AGAINST, 2)))
def test_of_two_stages_the_weightier_is_named_first_and_neither_is_lost(
    heavier: str, lighter: str
) -> None:
    both = {**AGAINST[lighter], **AGAINST[heavier]}
    both["suppressions"] = tuple(
        held for stage in (lighter, heavier) for held in AGAINST[stage].get("suppressions", ())
    )

    decision = decided(ready(**both))

    assert decision.question is None
    assert list(dict.fromkeys(reason.stage for reason in decision.reasons)) == [heavier, lighter]


def test_no_worth_outweighs_a_wish() -> None:
    dear = POLICY.worth.model_copy(update={"threshold": -1000.0})

    assert decided(ready(suppressions=(STOPPED,)), policy=with_limits(worth=dear)).question is None


# What an answer is worth


def test_of_two_questions_the_one_of_more_worth_is_asked_and_the_other_is_told() -> None:
    newer = a_candidate("newer", question="motive")

    decision = decided(ready(candidates=(newer, a_candidate("older", at=NOW - HOUR))))

    assert decision.candidate == "older"
    assert codes(decision) == ["outweighed"]
    asked, other = sorted(decision.weighed, key=lambda found: -found.score)
    assert (asked.candidate, asked.reasons) == ("older", ())
    assert asked.score > other.score > POLICY.worth.threshold


def test_one_trigger_is_two_questions_or_silence_as_each_shopper_is_and_each_says_why() -> None:
    same = (a_candidate(), a_candidate("other", question="motive"))
    told = Held("gift_or_self", NOW - DAY, DRESS.purchase, DRESS.sku)

    new = decided(ready(candidates=same))
    known = decided(ready(candidates=same, held=(told,)))
    stopped = decided(ready(candidates=same, suppressions=(STOPPED,)))

    assert {new.trigger, known.trigger, stopped.trigger} == {"opened"}
    assert (new.question, codes(new)) == ("gift_or_self", ["outweighed"])
    assert (known.question, codes(known)) == ("motive", ["known_already"])
    assert (stopped.question, codes(stopped)) == (None, ["shopper_said_stop"])


def test_whom_the_shop_may_be_losing_is_asked_nothing_and_the_log_says_so() -> None:
    decision = decided(ready(suppressions=(Suppression("all", "", "churn"),)))

    assert decision.question is None
    assert [(one.code, one.stage) for one in decision.reasons] == [("churn", "safety")]
    assert sentence("churn") == "The shop may be losing them: help is due, and no question."


def test_asking_nothing_wins_where_an_answer_changes_little() -> None:
    old = a_candidate(question="motive", at=NOW - 90 * DAY)

    decision = decided(ready(candidates=(old,)))

    assert (decision.question, codes(decision)) == (None, ["not_worth_it"])


OCCASIONS = sorted(POLICY.worth.occasions.keys() - {"other"})


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_whatever_is_noticed_can_be_switched_off_by_itself(occasion: str) -> None:
    held = POLICY.worth.occasions
    off = {**held, occasion: held[occasion].model_copy(update={"weight": 0.0})}
    policy = with_limits(worth=POLICY.worth.model_copy(update={"occasions": off}))

    for other in OCCASIONS:
        state = ready(candidates=(replace(a_candidate(), reason=other),))
        # what is delicate and not about a purchase that does not fit is never the first question
        state = replace(state, asked=(was("motive", "answered", 60 * DAY),))

        assert decided(state).question == "gift_or_self"
        assert (decided(state, policy=policy).question is None) is (other == occasion)


@pytest.mark.parametrize(("ago", "asks"), [(364 * DAY, False), (366 * DAY, True)])
def test_what_is_known_is_not_asked_before_its_half_life(ago: timedelta, *, asks: bool) -> None:
    state = ready(candidates=(a_candidate(question="motive"),), held=(Held("motive", NOW - ago),))

    decision = decided(state)

    assert (decision.question is not None) is asks
    assert codes(decision) == ([] if asks else ["known_already"])


def test_an_answer_about_one_purchase_says_nothing_of_another() -> None:
    known = Held("gift_or_self", NOW - DAY, "order-0", "D-0")

    assert decided(ready(held=(known,))).question == "gift_or_self"


def test_a_misfit_of_whatever_kind_is_a_misfit() -> None:
    found = replace(a_candidate(), reason="misfit:price+size")

    assert decided(ready(candidates=(found,))).weighed == decided(ready()).weighed


def test_every_question_lately_makes_the_next_one_dearer() -> None:
    costs = [
        decided(ready(asked=asked)).weighed[0].cost
        for asked in ((), (was("a", "answered", 9 * DAY),), (was("a", "ignored", 9 * DAY),))
    ]

    assert costs == sorted(costs)
    assert len({*costs}) == 3


def test_a_decision_tells_who_what_when_where_and_in_which_words() -> None:
    decision = decided(ready(head="person", channel="whatsapp", locale="de"))

    assert (decision.shopper, decision.at, decision.channel) == ("person", NOW, "whatsapp")
    assert (decision.version, decision.locale, decision.give) == (
        SHOP.questions["gift_or_self"].version,
        "de",
        "option",
    )


# Budgets, rests, depth


@pytest.mark.parametrize(
    ("limits", "ago", "code"),
    [
        ({"questions_per_day": 1}, DAY - MINUTE, "day_budget_used"),
        ({"questions_per_week": 1}, 7 * DAY - MINUTE, "week_budget_used"),
        ({"questions_per_month": 1}, 30 * DAY - MINUTE, "month_budget_used"),
    ],
)
def test_a_budget_counts_every_channel_to_the_minute(
    limits: dict[str, int], ago: timedelta, code: str
) -> None:
    none = {f"questions_per_{span}": 99 for span in ("day", "week", "month")}
    policy = with_limits(**none | {"days_between_questions": 0} | limits)

    just_before = decided(ready(asked=(was("motive", "answered", ago),)), policy=policy)
    afterwards = decided(ready(asked=(was("motive", "answered", ago + MINUTE),)), policy=policy)

    assert codes(just_before) == [code]
    assert afterwards.question == "gift_or_self"


def test_days_lie_between_two_questions_whatever_the_budgets_leave() -> None:
    many = {f"questions_per_{span}": 99 for span in ("day", "week", "month")}
    policy = with_limits(days_between_questions=3, **many)

    soon = decided(ready(asked=(was("motive", "answered", 3 * DAY - MINUTE),)), policy=policy)
    later = decided(ready(asked=(was("motive", "answered", 3 * DAY),)), policy=policy)

    assert (codes(soon), later.question) == (["asked_recently"], "gift_or_self")


def test_a_delicate_question_has_a_budget_of_its_own() -> None:
    twice = (was("gift_or_self", "answered", 9 * DAY), was("gift_or_self", "answered", 29 * DAY))
    others = tuple(replace(asked, question="motive") for asked in twice)

    assert codes(decided(ready(asked=twice))) == ["delicate_budget_used"]
    assert decided(ready(asked=others)).question == "gift_or_self"


def test_a_delicate_question_is_never_the_first_but_about_a_purchase_that_does_not_fit() -> None:
    found = a_candidate(question="delicate")
    other = replace(found, reason="welcome")
    answered = (was("motive", "answered", 40 * DAY),)

    assert decided(ready(candidates=(found,))).question == "delicate"
    assert codes(decided(ready(candidates=(other,)))) == ["delicate_too_soon"]
    assert decided(ready(candidates=(other,), asked=answered)).question == "delicate"


@pytest.mark.parametrize(
    ("level", "answers", "last", "code"),
    [
        (2, 0, 20, "depth_not_earned"),
        (2, 1, 20, None),
        (2, 1, 366, "no_recent_contact"),
        (3, 2, 20, "depth_not_earned"),
        (3, 3, 20, None),
        (3, 3, 91, "no_recent_contact"),
    ],
)
def test_a_level_is_earned_by_answers_and_a_contact_not_long_ago(
    level: int, answers: int, last: int, code: str | None
) -> None:
    asked = tuple(was("motive", "answered", (last + n) * DAY) for n in range(answers))
    found = a_candidate(question=f"level_{level}")

    decision = decided(ready(candidates=(found,), asked=asked))

    assert codes(decision) == ([code] if code else [])


def test_what_nobody_knew_is_not_asked_again_soon_unless_about_another_purchase() -> None:
    found = a_candidate(question="motive")
    asked = (was("motive", "dont_know", 179 * DAY),)

    assert codes(decided(ready(candidates=(found,), asked=asked))) == ["was_dont_know"]


def test_a_question_that_is_open_elsewhere_is_one_and_left_long_enough_it_is_ignored() -> None:
    open_one = was("motive", None, HOUR)
    left = was("gift_or_self", None, 13 * HOUR)

    assert codes(decided(ready(asked=(open_one,))))[0] == "question_open_elsewhere"
    assert "was_ignored" in codes(decided(ready(asked=(left,))))
    assert "question_open_elsewhere" not in codes(decided(ready(asked=(left,))))


def test_what_is_open_elsewhere_but_is_no_question_does_not_matter() -> None:
    assert decided(ready(asked=(was_asked(None, HOUR, kind="erase"),))).question is not None


# The moment


@pytest.mark.parametrize(
    ("hour", "zone", "quiet"),
    [
        (12, "", False),
        (19, "", False),
        (20, "", True),  # nine in the evening where the shop is
        (5, "", True),
        (7, "", False),
        (12, "Asia/Tokyo", True),
        (20, "America/New_York", False),
        (20, "Nowhere/Town", True),
        (12, "../etc/passwd", False),
    ],
)
def test_who_is_not_there_is_left_in_peace_at_night_where_they_are(
    hour: int, zone: str, *, quiet: bool
) -> None:
    state = ready(now=NOW.replace(hour=hour), zone=zone)

    decision = decided(state, "purchased")

    assert codes(decision) == (["quiet_hours"] if quiet else [])


def test_who_is_there_may_be_asked_at_any_hour() -> None:
    night = NOW.replace(hour=23)

    assert decided(ready(now=night), "opened").question is not None
    assert decided(ready(now=night, seen_at=night - MINUTE), "purchased").question is not None
    assert decided(ready(now=night, seen_at=night - 31 * MINUTE), "purchased").question is None


def test_hours_of_the_day_may_be_quiet_too() -> None:
    hours = POLICY.quiet_hours.model_copy(update={"start": 12, "end": 14, "zone": "UTC"})

    assert codes(decided(ready(), "purchased", with_limits(quiet_hours=hours))) == ["quiet_hours"]


def test_an_event_that_the_policy_does_not_name_is_no_occasion_to_speak_first() -> None:
    assert codes(decided(ready(), "delivered")) == ["nobody_there"]
    assert decided(ready(seen_at=NOW), "delivered").question is not None


# Kinds of goods


@pytest.mark.parametrize(
    ("category", "silent"),
    [
        ("pets", True),
        ("Pets", True),
        ("pets/cats", True),
        ("Pets > Cats", True),
        ("petshop", False),
    ],
)
def test_a_product_of_a_silenced_kind_is_not_asked_about(category: str, *, silent: bool) -> None:
    state = ready(
        candidates=(replace(a_candidate(), category=category),),
        suppressions=(Suppression("category", "pets", "sensitive_moment"),),
    )

    decision = decided(state)

    assert codes(decision) == (["sensitive_moment"] if silent else [])
    assert all(reason.stage == "safety" for reason in decision.reasons)


def test_a_question_about_a_silenced_kind_is_not_asked_either() -> None:
    state = ready(
        candidates=(a_candidate(question="shelf"),),
        suppressions=(Suppression("category", "pets", "shopper_muted"),),
    )

    assert [(one.code, one.stage) for one in decided(state).reasons] == [("shopper_muted", "wish")]


def test_a_question_that_pauses_is_asked_of_nobody() -> None:
    assert codes(decided(ready(paused=frozenset({"gift_or_self"})))) == ["question_paused"]


# Modes


def test_who_only_observes_decides_and_says_nothing() -> None:
    decision = decided(ready(), policy=with_limits(mode="observe"))

    assert (decision.question, decision.candidate, decision.arm) == (None, None, "observe")
    assert codes(decision) == ["not_said"]
    assert decision.weighed[0].score > POLICY.worth.threshold


def test_a_pilot_asks_its_part_of_the_shoppers_and_always_the_same() -> None:
    pilot = with_limits(mode="pilot", pilot_percent=20)

    def asked(policy: Policy) -> set[str]:
        people = [f"person-{number}" for number in range(1000)]
        return {name for name in people if decided(ready(head=name), policy=policy).question}

    chosen = asked(pilot)

    assert 150 < len(chosen) < 250
    assert chosen == asked(pilot)
    assert chosen < asked(with_limits(mode="pilot", pilot_percent=40))
    assert asked(with_limits(mode="pilot", pilot_percent=0)) == set()


# Made again


def test_inputs_that_cannot_be_read_are_refused_with_the_remedy() -> None:
    with pytest.raises(BadInputError, match="of another release"):
        inputs_from_json({"trigger": "opened"})


@pytest.mark.parametrize(("code", "said"), [("quiet_hours", "late"), ("the law", "“the law”")])
def test_a_reason_is_said_in_a_sentence(code: str, said: str) -> None:
    assert said in sentence(code)


OUTCOMES: tuple[Outcome | None, ...] = (
    None,
    "answered",
    "declined",
    "skipped",
    "dont_know",
    "not_relevant",
    "already_sorted",
    "unclear",
    "ignored",
    "dismissed",
    "withdrawn",
    "sensitive",
)
AGES = st.integers(0, 400 * 24).map(lambda hours: timedelta(hours=hours))
EARLIER = st.builds(
    Asked,
    kind=st.sampled_from(["question", "question", "consent", "confirm", "erase"]),
    question=st.sampled_from([*QUESTIONS, PURPOSE]),
    purpose=st.just(PURPOSE),
    at=AGES.map(lambda ago: NOW - ago),
    outcome=st.sampled_from(OUTCOMES),
    here=st.booleans(),
)
FOUND = st.builds(
    Candidate,
    id=st.uuids().map(str),
    question=st.sampled_from([*QUESTIONS, "question_of_last_year"]),
    about=st.just(DRESS),
    reason=st.sampled_from(["misfit", "misfit:size", "welcome", "follow_up", "surprise"]),
    at=AGES.map(lambda ago: NOW - ago),
    category=st.sampled_from(["", "pets", "clothes"]),
)
WISHES = st.builds(
    Suppression,
    scope=st.sampled_from(["channel", "topic", "category"]),
    target=st.sampled_from(["web", "sms", "motive", PURPOSE, "pets", "toys"]),
    reason=st.sampled_from(["shopper_muted", "sensitive_moment"]),
)
MOMENTS = st.builds(
    a_state,
    now=st.just(NOW),
    head=st.sampled_from(["ann", "bob", "cleo"]),
    asked=st.lists(EARLIER, max_size=6).map(tuple),
    candidates=st.lists(FOUND, max_size=4).map(tuple),
    suppressions=st.lists(WISHES, max_size=1).map(tuple),
    held=st.lists(
        st.builds(Held, st.sampled_from([*QUESTIONS]), AGES.map(lambda ago: NOW - ago)), max_size=3
    ).map(tuple),
    seen_at=st.sampled_from([None, NOW, NOW - DAY]),
    zone=st.sampled_from(["", "Asia/Tokyo", "UTC"]),
    paused=st.sampled_from([frozenset(), frozenset({"motive"})]),
)
TRIGGERS = st.sampled_from(["opened", "purchased", "consent_given", "delivered"])
LIMITS = st.builds(
    with_limits,
    days_between_questions=st.sampled_from([0, 2, 7]),
    questions_per_conversation=st.integers(0, 3),
    questions_per_day=st.integers(0, 2),
    questions_per_week=st.integers(0, 3),
    questions_per_month=st.integers(0, 5),
    mode=st.sampled_from(["on", "on", "pilot", "observe"]),
)


def within(asked: list[Asked], span: timedelta) -> int:
    return sum(NOW - one.at < span for one in asked)


@given(MOMENTS, TRIGGERS, LIMITS)
def test_whatever_was_before_no_cap_is_passed_and_no_depth_is_skipped(
    state: State, trigger: str, policy: Policy
) -> None:
    decision = decided(state, trigger, policy)

    if decision.question is None:
        assert decision.reasons
        return
    asked, question = [one for one in state.asked if one.kind == "question"], decision.question
    assert sum(one.here for one in asked) < policy.questions_per_conversation
    assert within(asked, DAY) < policy.questions_per_day
    assert within(asked, 7 * DAY) < policy.questions_per_week
    assert within(asked, 30 * DAY) < policy.questions_per_month
    assert not within(asked, policy.days_between_questions * DAY)
    answers = sum(one.outcome == "answered" for one in asked)
    assert answers >= {1: 0, 2: 1, 3: 3}[SHOP.questions[question].depth]
    same = [one for one in asked if one.question == question]
    assert not within([one for one in same if one.outcome == "declined"], 180 * DAY)
    assert not within([one for one in same if one.outcome in {"skipped", "ignored"}], 30 * DAY)
    assert question not in state.paused
    assert decision.arm in {"on", "pilot"}
    about = ("topic", question), ("topic", PURPOSE), ("channel", "web")
    assert not {*about} & {(one.scope, one.target) for one in state.suppressions}
    known = [one.at for one in state.held if one.question == question]
    assert question == "gift_or_self" or all(NOW - at >= 365 * DAY for at in known)


@given(MOMENTS, TRIGGERS, LIMITS)
def test_a_decision_made_again_by_its_inputs_is_the_same(
    state: State, trigger: str, policy: Policy
) -> None:
    first = decided(state, trigger, policy)

    assert decide(inputs_from_json(first.inputs), policy) == first
    assert inputs_from_json(first.inputs) == inputs_of(trigger, state, SHOP)


@given(MOMENTS, TRIGGERS, LIMITS)
def test_whatever_falls_is_told_with_its_reason_in_the_order_of_precedence(
    state: State, trigger: str, policy: Policy
) -> None:
    decision = decided(state, trigger, policy)

    ranks = [STAGES.index(reason.stage) for reason in decision.reasons]
    assert ranks == sorted(ranks)
    assert len(decision.weighed) == len(state.candidates)
    fell = [found for found in decision.weighed if found.candidate != decision.candidate]
    assert all(found.reasons for found in fell)
    assert all(
        "“" not in sentence(one.code) or one.code == "shopper_muted" for one in decision.reasons
    )


@given(MOMENTS, TRIGGERS, LIMITS, st.sampled_from([STOPPED, MOMENT]))
def test_nothing_is_asked_while_somebody_wants_to_be_left_alone(
    state: State, trigger: str, policy: Policy, forbids: Suppression
) -> None:
    assert decided(replace(state, suppressions=(forbids,)), trigger, policy).question is None
