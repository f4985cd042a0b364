"""What each wish means for the advertising of a CRM."""

from dataclasses import replace
from typing import Any

import pytest

from preferences.profile import Profile, SuppressionEntry, as_json
from sync.marketing import permissions
from tests.preferences.test_profile import ANSWER, LEFT_ALONE, NOW, profile
from tests.sync.contacts import FOR_A_WHILE, NEWS, NO_EMAIL

TOPIC = SuppressionEntry("category", "pets", "shopper", "pet_died", since=NOW)


def words(whole: Profile, purpose: str = "send_news") -> dict[str, Any]:
    return {name: one.word for name, one in permissions(as_json(whole), purpose).items()}


def wants(value: str, *, polarity: str = "wants", kind: str = "declared") -> Profile:
    answer = replace(
        ANSWER,
        question="channel_preference",
        value=value,
        kind=kind,
        about=None,
        detail={"polarity": polarity},
    )
    return replace(profile(), answers=(answer,))


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (profile(), {}),
        (replace(profile(), suppressions=(LEFT_ALONE,)), {"email": "leave", "sms": "leave"}),
        (replace(profile(), suppressions=(NO_EMAIL,)), {"email": "leave"}),
        (replace(profile(), suppressions=(FOR_A_WHILE,)), {}),
        (replace(profile(), suppressions=(TOPIC,)), {}),
        (replace(profile(), erased=True), {"email": "leave", "sms": "leave"}),
        (wants("none"), {"email": "leave", "sms": "leave"}),
        (wants("email"), {}),
        (wants("sms", polarity="does_not_want"), {"sms": "leave"}),
        (wants("none", polarity="does_not_want"), {}),
        (wants("none", kind="imported"), {}),
    ],
)
def test_a_wish_is_a_farewell_only_where_it_is_meant_for_good(
    whole: Profile, expected: dict[str, str]
) -> None:
    assert words(whole) == expected


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("given", "subscribe"),
        ("withdrawn", "withdraw"),
        ("refused", "withdraw"),
        ("objected", "withdraw"),
        ("expired", "withdraw"),
    ],
)
def test_a_permission_counts_for_its_own_purpose_alone(state: str, word: str) -> None:
    whole = replace(profile(), consents={"send_news": replace(NEWS, state=state)})

    assert words(whole) == {"email": word, "sms": word}
    assert words(whole, "") == words(whole, "another") == {}


def test_what_is_not_wanted_wins_over_a_permission_and_the_proof_is_given() -> None:
    given = {"send_news": NEWS}
    whole = replace(profile(), consents=given, suppressions=(NO_EMAIL,))

    found = permissions(as_json(whole), "send_news")

    assert (found["email"].word, found["sms"].word) == ("leave", "subscribe")
    assert found["sms"].event == "event-9"
