"""What a shopper said holds until the shop observed otherwise often enough; then they are asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from preferences.choosing.contradicting import Told, contradictions, last_said
from preferences.conversation import Candidate
from preferences.policy import ContradictedPolicy
from tests.preferences.scenes import CATALOGUE, DAY, NOW

POLICY = ContradictedPolicy(times=3, days=180)
SAID = Told("motive", "", "declared", "price", unwanted=False, at=NOW - 60 * DAY)
SEEN = replace(SAID, kind="observed", value="taste", at=NOW - DAY)


def seen(*days: int, **changes: object) -> list[Told]:
    return [replace(SEEN, at=NOW - day * DAY, **changes) for day in days]


def found(*told: Told) -> list[Candidate]:
    return list(contradictions(told, CATALOGUE.questions, POLICY, NOW))


def test_the_third_observation_makes_it_worth_asking_and_names_what_was_said() -> None:
    assert found(SAID, *seen(3, 2)) == []
    [one] = found(SAID, *seen(9, 3, 2))

    assert (one.id, one.question, one.reason) == ("contradicted:motive", "motive", "contradicted")
    assert (one.at, one.said, one.about.sku) == (NOW - 2 * DAY, "price", "")


@pytest.mark.parametrize(
    ("told", "because"),
    [
        (seen(3, 2, 2), "one moment told twice is one observation"),
        (seen(61, 3, 2), "what was so before they said it is no contradiction"),
        (seen(3, 2, 1, value="price"), "it says the same"),
        (seen(3, 2, 1, value="price,habit"), "it holds beside what was said"),
        (seen(3, 2, 1, kind="imported"), "nobody observed it"),
        (seen(3, 2, 1, matter="care"), "it is another matter"),
    ],
)
def test_what_contradicts_nothing_is_no_occasion(told: list[Told], because: str) -> None:
    assert found(SAID, *told) == [], because


def test_what_was_observed_long_ago_says_nothing() -> None:
    old = replace(SAID, at=NOW - 300 * DAY)

    assert found(old, *seen(181, 2, 1)) == []
    assert found(old, *seen(179, 2, 1)) != []


def test_who_says_it_anew_is_contradicted_by_what_comes_after_alone() -> None:
    again = replace(SAID, at=NOW - 2 * DAY)

    assert found(SAID, again, *seen(9, 8, 7, 1)) == []
    assert found(again, SAID, *seen(9, 8, 7, 1)) == []


def test_what_is_not_wanted_is_contradicted_by_that_very_thing() -> None:
    no = replace(SAID, unwanted=True)

    [one] = found(no, *seen(3, 2, 1, value="price"))
    assert one.said == ""
    assert found(no, *seen(3, 2, 1)) == []
    assert found(no, *seen(3, 2, 1, unwanted=True)) == []
    assert found(SAID, *seen(3, 2, 1, value="price", unwanted=True)) != []


def test_what_nobody_said_and_what_is_asked_no_more_is_no_occasion() -> None:
    assert found(*seen(3, 2, 1)) == []
    assert found(*(replace(one, question="gone") for one in (SAID, *seen(3, 2, 1)))) == []


def test_the_last_word_of_the_shopper_is_what_is_known_of_them() -> None:
    later = replace(SAID, value="habit", at=SAID.at + timedelta(hours=1))
    no = replace(SAID, question="channel", unwanted=True)

    assert last_said([later, SAID, no, *seen(1)]) == {"motive": "habit"}
