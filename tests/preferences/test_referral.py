"""Who may be asked to bring a friend, and the words of it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError
from preferences.referral import (
    Standing,
    against_inviting,
    code_of,
    load_referral,
    parts_of,
    share_ways,
    signals_of,
)
from tests.preferences.scenes import DAY, NOW

PAGE = read_yaml(HERE / "referral.yml")
OPEN = load_referral().model_copy(update={"enabled": True})
GLAD = Standing(orders=3, good=1)


def against(standing: Standing, now: Any = NOW) -> list[str]:
    return list(against_inviting(standing, OPEN, now))


def test_nobody_is_invited_as_delivered() -> None:
    assert list(against_inviting(GLAD, load_referral(), NOW)) == ["no_referrals"]


@pytest.mark.parametrize(
    ("standing", "signals"),
    [
        (Standing(), []),
        (Standing(orders=2, good=0, praised=0), []),
        (Standing(orders=3), ["regular"]),
        (Standing(orders=30), ["regular"]),
        (Standing(good=2), ["good_experience"]),
        (Standing(praised=5), ["praise"]),
        (Standing(orders=3, good=1), ["regular", "good_experience"]),
        (Standing(orders=3, praised=1), ["regular", "praise"]),
        (Standing(good=1, praised=1), ["good_experience", "praise"]),
        (Standing(orders=3, good=1, praised=1), ["regular", "good_experience", "praise"]),
    ],
)
def test_two_signs_that_rest_on_different_things_are_needed(
    standing: Standing, signals: list[str]
) -> None:
    assert signals_of(standing, OPEN) == signals
    assert ("too_few_signals" in against(standing)) == (len(signals) < 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"silenced": True}, "silenced"),
        ({"bad": True}, "bad_experience"),
        ({"invited_at": NOW - 179 * DAY}, "invited_lately"),
    ],
)
def test_however_glad_somebody_is_these_forbid_it(changes: dict[str, Any], reason: str) -> None:
    assert against(GLAD) == []
    assert against(replace(GLAD, praised=9, **changes)) == [reason]


def test_after_half_a_year_somebody_may_be_invited_again() -> None:
    assert against(replace(GLAD, invited_at=NOW - 180 * DAY)) == []
    assert against(replace(GLAD, invited_at=NOW), NOW + timedelta(days=180)) == []


def test_a_code_is_read_as_it_was_written_in_small_letters_too() -> None:
    code = code_of(b"abcde", f"key.{'0f' * 32}")

    assert len(code) == 14
    assert parts_of(f" {code.lower()} ") == tuple(code.split("-"))
    assert parts_of("nonsense") == ("NONSENSE", "")


def test_it_is_shared_by_link_mail_messengers_and_the_system() -> None:
    ways = share_ways(OPEN, "https://shop.example/friend/A-B?x=1&y=2", "en")

    assert ways["link"] in ways["sheet"]
    encoded = "https%3A%2F%2Fshop.example%2Ffriend%2FA-B%3Fx%3D1%26y%3D2"
    assert ways["messenger"] == f"fb-messenger://share/?link={encoded}"
    for way, start in (
        ("mail", "mailto:?body="),
        ("whatsapp", "https://wa.me/?text="),
        ("sms", "sms:?&body="),
    ):
        assert ways[way].startswith(start)
        assert ways[way].endswith(encoded)
        assert " " not in ways[way]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"link": "http://shop.example/{code}"}, "https address"),
        ({"link": "https://shop.example/"}, "https address"),
        ({"terms": PAGE["terms"] | {"de": ["Nur eins."]}}, "three sentences"),
        ({"terms": PAGE["terms"] | {"de": ["x" * 121, "b", "c"]}}, "three sentences"),
        ({"signals": 1}, "greater than or equal to 2"),
        ({"message": {"en": "{link}"}}, "has no words in es, de"),
    ],
)
def test_a_page_that_is_wrong_is_named(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    (tmp_path / "referral.yml").write_text(yaml.safe_dump(PAGE | changes))

    with pytest.raises(CatalogueError, match=complaint):
        load_referral(tmp_path)
