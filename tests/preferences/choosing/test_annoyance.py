"""A question that annoyed is told apart from one that was left: it costs more, and rests longer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from preferences.choosing import choose
from preferences.choosing.pausing import Reception, has_to_pause
from preferences.conversation import Asked, Decision, Outcome
from preferences.policy import PausingPolicy
from tests.preferences.scenes import (
    CATALOGUE,
    DAY,
    GIVEN,
    HOUR,
    NOW,
    POLICY,
    PURPOSE,
    a_candidate,
    a_state,
)

AS_OF = {"consents": GIVEN, "candidates": (a_candidate(question="motive"),)}


def was(question: str, outcome: Outcome | None, ago: timedelta, **more: Any) -> Asked:
    return Asked("question", question, PURPOSE, NOW - ago, outcome, here=False, **more)


def decided(*asked: Asked) -> Decision:
    return choose("opened", a_state(**AS_OF, asked=asked), CATALOGUE, POLICY)


def codes(*asked: Asked) -> list[str]:
    return [reason.code for reason in decided(*asked).reasons]


def cost(*asked: Asked) -> float:
    return decided(*asked).weighed[0].cost


@pytest.mark.parametrize("by", ["dismissed", "muted", "complained", "stopped"])
def test_what_annoyed_makes_the_next_question_dearer_than_what_was_only_left(by: Any) -> None:
    left = was("channel", "skipped", 9 * DAY)
    more = cost(replace(left, annoyed=by)) - cost(left)

    assert more == pytest.approx(POLICY.worth.costs.annoyed)
    assert more > 0


def test_who_answered_what_they_first_dismissed_did_not_mind() -> None:
    answered = was("channel", "answered", 9 * DAY)

    assert cost(replace(answered, annoyed="dismissed")) == cost(answered)


@pytest.mark.parametrize(
    ("asked", "days", "code"),
    [
        (was("motive", "dismissed", DAY, annoyed="dismissed"), 90, "was_dismissed"),
        (was("motive", None, DAY, annoyed="dismissed"), 90, "was_dismissed"),
        (was("motive", "ignored", DAY, annoyed="dismissed"), 90, "was_dismissed"),
        (was("motive", "ignored", DAY), 30, "was_ignored"),
        (was("motive", None, DAY), 30, "was_ignored"),
    ],
)
def test_what_was_dismissed_rests_longer_than_what_was_ignored(
    asked: Asked, days: int, code: str
) -> None:
    last = replace(asked, at=NOW - days * DAY + HOUR)

    assert codes(last) == [code]
    assert codes(replace(asked, at=NOW - days * DAY)) == []


def test_an_open_question_is_no_dismissal_before_its_time_is_over() -> None:
    assert codes(was("motive", None, HOUR, annoyed="dismissed"))[0] == "question_open_elsewhere"


def test_one_dismissed_and_one_ignored_in_a_row_make_it_quiet() -> None:
    dismissed = was("channel", "dismissed", 40 * DAY, annoyed="dismissed")
    ignored = was("matters", "ignored", 50 * DAY)

    assert codes(dismissed, ignored) == ["ignored_repeatedly"]
    assert codes(dismissed, replace(ignored, outcome="answered")) == []


def test_a_question_that_annoys_too_many_pauses() -> None:
    limits = PausingPolicy(least_asks=10, most_declined=0.4, most_opted_out=0.1, most_annoyed=0.2)

    assert has_to_pause(Reception("motive", 10, 0, 0, 2), limits) is None
    assert has_to_pause(Reception("motive", 10, 0, 0, 3), limits) == "annoyed"
    assert has_to_pause(Reception("motive", 9, 0, 0, 9), limits) is None
