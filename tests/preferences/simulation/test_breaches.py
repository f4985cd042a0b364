from dataclasses import replace

import pytest

from preferences.conversation import Asked, Outcome
from preferences.simulation.breaches import breaches
from tests.preferences.scenes import DAY, NOW, POLICY

WIDE = POLICY.model_copy(
    update={
        "questions_per_conversation": 99,
        "questions_per_day": 99,
        "questions_per_week": 99,
        "questions_per_month": 99,
        "days_between_questions": 0,
        "days_after_decline": 0,
        "quiet_days": 0,
    }
)


def an_asked(day: float, outcome: Outcome | None = "answered", question: str = "q") -> Asked:
    return Asked("question", question, "p", NOW + day * DAY, outcome, here=True)


@pytest.mark.parametrize(
    ("limit", "log", "name"),
    [
        ({"questions_per_conversation": 1}, [(1, an_asked(0)), (1, an_asked(9))], "conversation"),
        ({"questions_per_day": 1}, [(1, an_asked(0)), (2, an_asked(0.9))], "day"),
        ({"questions_per_week": 1}, [(1, an_asked(0)), (2, an_asked(6.9))], "week"),
        ({"questions_per_month": 1}, [(1, an_asked(0)), (2, an_asked(29))], "month"),
        ({"days_between_questions": 7}, [(1, an_asked(0)), (2, an_asked(6.9))], "rest"),
        ({"days_after_decline": 9}, [(1, an_asked(0, "declined")), (2, an_asked(8))], "declined"),
        (
            {"quiet_days": 90},
            [(1, an_asked(0, None)), (2, an_asked(30, None)), (3, an_asked(100))],
            "ignored",
        ),
    ],
)
def test_each_limit_that_is_exceeded_is_named(
    limit: dict[str, int], log: list[tuple[int, Asked]], name: str
) -> None:
    policy = WIDE.model_copy(update=limit)
    later = [
        (talk, replace(asked, at=asked.at + 90 * n * DAY)) for n, (talk, asked) in enumerate(log)
    ]

    assert breaches(log, policy) == [name]
    assert breaches(log, WIDE) == []
    if name != "conversation":
        assert breaches(later, policy) == []


def test_another_question_may_follow_one_that_was_declined() -> None:
    log = [(1, an_asked(0, "declined", "one")), (2, an_asked(8, question="other"))]

    assert breaches(log, POLICY) == []


def test_whatever_is_asked_in_a_silence_is_named() -> None:
    log = [(1, an_asked(1)), (2, an_asked(20))]

    assert breaches(log, WIDE, [(NOW, NOW + 2 * DAY)]) == ["silence"]
    assert breaches(log, WIDE, [(NOW + 2 * DAY, NOW + 19 * DAY)]) == []


def test_an_invitation_counts_as_a_question() -> None:
    invite = replace(an_asked(3, question="referral"), kind="invite")
    weekly = WIDE.model_copy(update={"questions_per_week": 1})

    assert breaches([(1, an_asked(0)), (2, invite)], weekly) == ["week"]
