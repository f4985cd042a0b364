from pathlib import Path
from typing import Any

import pytest
import yaml

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError
from preferences.policy import Condition, load_older_policy, load_policy

LIMITS = read_yaml(HERE / "policy.yml")


def test_the_limits_that_come_with_it_are_those_that_were_promised() -> None:
    policy = load_policy()

    assert policy.questions_per_conversation == 2
    assert policy.days_between_questions == 7
    assert policy.days_after_decline == 180
    assert policy.quiet_after_ignored == 2


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (LIMITS | {"quiet_after_ignored": 0}, "quiet_after_ignored: Input should be greater"),
        (LIMITS | {"hurry": 1}, "hurry: Extra inputs are not permitted."),
        (LIMITS | {"misfit": LIMITS["misfit"] | {"least_bits": 0}}, "misfit.least_bits: Input"),
        (LIMITS | {"misfit": LIMITS["misfit"] | {"weights": {}}}, "misfit.weights: Value error"),
        ({"version": 1}, "mode: Field required."),
        (LIMITS | {"mode": True}, "mode: Input should be 'observe', 'pilot' or 'on'"),
        (
            LIMITS | {"quiet_hours": LIMITS["quiet_hours"] | {"zone": "Berlin"}},
            "quiet_hours.zone: Value error, is no time zone",
        ),
        (LIMITS | {"depth": {2: LIMITS["depth"][2]}}, "depth: Value error, has to say"),
        (LIMITS | {"worth": LIMITS["worth"] | {"uses": {}}}, "worth: Value error, uses has no"),
    ],
)
def test_a_limit_that_is_wrong_is_named(
    tmp_path: Path, limits: dict[str, Any], complaint: str
) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(yaml.safe_dump(limits))

    with pytest.raises(CatalogueError) as raised:
        load_policy(tmp_path)

    assert f"{file}: {complaint}" in str(raised.value)


def test_two_policies_have_one_hash_only_if_every_limit_is_the_same() -> None:
    policy = load_policy()

    assert policy.sha256 == load_policy().sha256
    assert policy.sha256 != policy.model_copy(update={"quiet_days": 1}).sha256


def test_a_weight_is_in_the_hash_like_any_limit() -> None:
    """A decision names it: two that decide otherwise must not have one name."""
    policy = load_policy()
    dearer = policy.worth.costs.model_copy(update={"asked": 0.06})
    worth = policy.worth.model_copy(update={"costs": dearer})
    misfit = policy.misfit.model_copy(update={"least_bits": 2.5})
    condition = {"size_fit": Condition(orders=2)}
    others = ({"worth": worth}, {"misfit": misfit}, {"conditions": condition})

    hashes = {policy.model_copy(update=one).sha256 for one in ({}, *others)}

    assert len(hashes) == 4


def test_a_copy_with_another_limit_has_another_hash_though_the_first_was_asked_for() -> None:
    first = load_policy()
    before = first.sha256

    assert first.model_copy(update={"quiet_days": first.quiet_days + 1}).sha256 != before
    assert first.model_copy().sha256 == before == load_policy().sha256


def test_of_what_was_not_known_then_an_older_page_has_limits_of_today_and_no_entries(
    tmp_path: Path,
) -> None:
    """Nothing was decided by them then: a condition of today would make another decision of it."""
    lacking = ("conditions", "contradicted", "experiments")
    page = {name: limit for name, limit in LIMITS.items() if name not in lacking}
    (tmp_path / "policy.yml").write_text(yaml.safe_dump(page | {"version": 5}))
    today = load_policy().model_copy(
        update={"conditions": {"size_fit": Condition(places=frozenset({"DE-BE"}))}}
    )

    older, whole = load_older_policy(tmp_path, today)

    assert not whole
    assert (older.conditions, older.experiments) == ({}, ())
    assert older.contradicted == today.contradicted
