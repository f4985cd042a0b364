from dataclasses import replace
from pathlib import Path

import pytest

from sync.comparing import Drift, drift, same
from sync.fields import Before
from tests.sync.pages import mapping
from tests.sync.test_fields import GIVEN, MAIL, QUESTION, STOP, WITHDRAWN, body

OURS = Before(told=True, fields=frozenset({"for_whom", "email"}))


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (None, ""),
        ("Gift", "gift "),
        (True, "true"),
        (["b", "a"], "a;b"),
        ("b;a", "a;b"),
        ("2026-01-01T01:01:01Z", "1767229261000"),
        (1767229261000, "2026-01-01T01:01:01+00:00"),
        ("2026-01-01", "2026-01-01"),
    ],
)
def test_a_value_is_the_same_in_whatever_form(expected: object, found: object) -> None:
    assert same(expected, found)
    assert same(found, expected)


@pytest.mark.parametrize(
    ("expected", "found"), [("a", "b"), (None, "b"), ("a", None), (["a"], "b")]
)
def test_another_value_is_not(expected: object, found: object) -> None:
    assert not same(expected, found)


def test_what_differs_is_drift_and_what_was_taken_back_must_be_gone(tmp_path: Path) -> None:
    crm = mapping(tmp_path, QUESTION, MAIL, STOP)

    right = {"for_whom": "gift", "email": "ANA@shop.example", "leave_alone": "false", "own": "x"}
    assert drift(crm, body(), OURS, right) == []
    assert drift(crm, body(), OURS, right | {"for_whom": None}) == [Drift("for_whom", "gift", None)]
    taken_back = body(consents=[GIVEN, replace(WITHDRAWN)])
    assert drift(crm, taken_back, OURS, right) == [Drift("for_whom", None, "gift")]


def test_what_the_crm_may_keep_is_no_drift(tmp_path: Path) -> None:
    once = MAIL | {"when_null": "fill_empty"}
    theirs = QUESTION | {"conflict": "crm"}
    crm = mapping(tmp_path, once, theirs)
    held = {"email": "other@crm.example", "for_whom": "self"}

    assert drift(crm, body(), Before(told=True), held) == []
    assert drift(crm, body(), OURS, held) == [Drift("for_whom", "gift", "self")]
