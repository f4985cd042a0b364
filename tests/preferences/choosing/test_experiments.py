"""An experiment: who is in which arm for good, what they are asked, and when it is over."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from preferences.choosing import choose, decide
from preferences.choosing.experiments import HELD_OUT, assigned, has_to_stop
from preferences.choosing.inputs import inputs_from_json
from preferences.choosing.pausing import Reception
from preferences.conversation import State
from preferences.dialogue.respond import Assistant
from preferences.policy import Experiment, Policy
from tests.preferences.scenes import (
    CATALOGUE,
    GIVEN,
    NOW,
    POLICY,
    VOICE,
    a_candidate,
    a_state,
    asking,
    opened,
)

SHORT = {"en": "“{product|this}”: a gift?", "es": "¿Un regalo?", "de": "Ein Geschenk?"}


def an_experiment(**changes: Any) -> Experiment:
    page = {
        "id": "wording",
        "question": "gift_or_self",
        "arms": {"control": 40, "short": 40},
        "held_out": 20,
        "asks_per_arm": 100,
        "until": date(2027, 1, 31),
    }
    return Experiment.model_validate(page | changes)


def trying(*experiments: Experiment) -> Policy:
    return POLICY.model_copy(update={"experiments": experiments or (an_experiment(),)})


def somebody_in(arm: str, policy: Policy) -> State:
    """Somebody of that arm, who bought something odd."""
    for number in range(1000):
        found = assigned("gift_or_self", f"shopper-{number}", policy, ())
        if found and found.arm == arm:
            shopper = f"shopper-{number}"
            return a_state(
                shopper=shopper, head=shopper, candidates=(a_candidate(),), consents=GIVEN
            )
    raise AssertionError(arm)


def met(arm: str, asks: int, declined: int, opted_out: int = 0) -> Reception:
    return Reception(arm, asks, declined, opted_out)


def test_everybody_stays_in_one_arm_and_the_shares_are_kept() -> None:
    names = [f"shopper-{number}" for number in range(10_000)]
    arms = [assigned("gift_or_self", name, trying(), ()) for name in names]

    assert arms == [assigned("gift_or_self", name, trying(), ()) for name in names]
    counts = Counter(one.arm for one in arms if one)
    assert counts.keys() == {"control", "short", HELD_OUT}
    assert abs(counts["control"] - 4000) < 200
    assert abs(counts[HELD_OUT] - 2000) < 200


def test_the_arms_of_two_experiments_have_nothing_to_do_with_one_another() -> None:
    both = trying(an_experiment(), an_experiment(id="other", question="matters"))
    pairs = Counter(
        (one.arm, other.arm)
        for number in range(10_000)
        if (one := assigned("gift_or_self", f"s-{number}", both, ()))
        and (other := assigned("matters", f"s-{number}", both, ()))
    )
    assert abs(pairs["short", "short"] - 1600) < 200


def test_a_question_without_an_experiment_is_in_none() -> None:
    assert assigned("matters", "shopper", trying(), ()) is None
    assert assigned("gift_or_self", "shopper", trying(), ("experiment:wording",)) is None


@pytest.mark.parametrize(
    ("arm", "wording"),
    [("control", "Is “Summer dress” a gift"), ("short", "“Summer dress”: a gift?")],
)
def test_each_arm_has_its_wording_and_is_written_down(arm: str, wording: str) -> None:
    policy = trying()
    question = CATALOGUE.questions["gift_or_self"].model_copy(update={"variants": {"short": SHORT}})
    questions = {**CATALOGUE.questions, "gift_or_self": question}
    catalogue = CATALOGUE.model_copy(update={"questions": questions})
    state = somebody_in(arm, policy)

    turn = Assistant(catalogue, VOICE, policy).respond(opened(), state)

    [reply] = asking(turn)
    put = next(record.ask for record in turn.records if hasattr(record, "ask"))
    assert put.experiment == f"wording/{arm}"
    assert (wording in reply.text) or arm == "control"
    assert choose("opened", state, catalogue, policy).experiment == f"wording/{arm}"
    if arm == "control":
        assert reply.text != SHORT["en"]


def test_who_is_held_out_is_not_asked_and_the_log_says_why() -> None:
    policy = trying()
    decision = choose("opened", somebody_in(HELD_OUT, policy), CATALOGUE, policy)

    assert decision.question is None
    assert [(one.code, one.stage) for one in decision.reasons] == [("held_out", "mode")]
    again = decide(inputs_from_json(decision.inputs), policy)
    assert replace(again, inputs=decision.inputs) == decision


def test_once_it_is_stopped_everybody_is_asked_as_before() -> None:
    policy = trying()
    state = replace(somebody_in(HELD_OUT, policy), paused=frozenset({"experiment:wording"}))

    decision = choose("opened", state, CATALOGUE, policy)

    assert (decision.question, decision.experiment) == ("gift_or_self", "")


@pytest.mark.parametrize(
    ("arms", "days", "why"),
    [
        ([], 0, None),
        ([met("control", 100, 10), met("short", 99, 10)], 0, None),
        ([met("control", 100, 10), met("short", 100, 10)], 0, "complete"),
        ([met("control", 60, 3), met("short", 60, 30)], 0, "burden: short"),
        ([met("control", 60, 3), met("short", 60, 3, 27)], 0, "burden: short"),
        ([met("control", 60, 30), met("short", 60, 3)], 0, None),
        ([met("control", 60, 3), met("short", 20, 20)], 0, None),
        ([met("control", 60, 10), met("short", 60, 15)], 0, None),
        ([met("short", 60, 60)], 0, None),
        ([met("control", 5, 0)], 71, "late"),
    ],
)
def test_it_is_over_when_complete_late_or_a_burden(
    arms: list[Reception], days: int, why: str | None
) -> None:
    over = has_to_stop(an_experiment(), arms, NOW + timedelta(days=days))

    assert (over and over[0]) == why
    if over:
        assert over[1].asks == sum(arm.asks for arm in arms)


@pytest.mark.parametrize(
    "changes",
    [
        {"arms": {"short": 80}},
        {"arms": {"control": 40, "short": 50}},
        {"held_out": 100},
        {"asks_per_arm": 0},
    ],
)
def test_one_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_experiment(**changes)


def test_one_question_is_in_one_experiment_at_most() -> None:
    two = [an_experiment().model_dump(), an_experiment(id="again").model_dump()]
    with pytest.raises(ValidationError, match="two experiments"):
        Policy.model_validate(POLICY.model_dump() | {"experiments": two})


def test_the_hash_of_the_limits_knows_of_experiments() -> None:
    assert trying().sha256 != POLICY.sha256
