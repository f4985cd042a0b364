from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from preferences.misfit import is_misfit
from preferences.policy import MisfitPolicy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = MisfitPolicy(
    least_articles=5, rare_share=0.1, fresh_hours=48, audiences=frozenset({"men", "women"})
)
FITTING, ODD, UNTOLD, OTHER = "men", "women", "", "pets"
ENOUGH, FEW, MIXED = {"men": 20}, {"men": 4}, {"men": 9, "women": 1}
FRESH, OLD = timedelta(hours=1), timedelta(hours=49)


@pytest.mark.parametrize(
    ("audience", "habit", "age"),
    list(product((FITTING, ODD, UNTOLD, OTHER), (ENOUGH, FEW, MIXED, {}), (FRESH, OLD))),
)
def test_only_a_fresh_purchase_of_a_rare_audience_against_enough_history_is_odd(
    audience: str, habit: dict[str, int], age: timedelta
) -> None:
    odd = is_misfit(audience, habit, placed_at=NOW - age, now=NOW, policy=POLICY)

    assert odd == (audience == ODD and habit == ENOUGH and age == FRESH)


@pytest.mark.parametrize(("articles", "odd"), [(4, False), (5, True)])
def test_a_habit_takes_five_articles(articles: int, *, odd: bool) -> None:
    habit = {"men": articles}

    assert is_misfit("women", habit, placed_at=NOW, now=NOW, policy=POLICY) == odd


@pytest.mark.parametrize(("women", "odd"), [(2, False), (1, True)])
def test_rare_means_below_the_share(women: int, *, odd: bool) -> None:
    habit = {"men": 20 - women, "women": women}

    assert is_misfit("women", habit, placed_at=NOW, now=NOW, policy=POLICY) == odd


def test_articles_for_audiences_that_are_not_compared_make_no_habit() -> None:
    habit = {"pets": 50, "kitchen": 50, "": 50}

    assert not is_misfit("women", habit, placed_at=NOW, now=NOW, policy=POLICY)


def test_an_order_is_fresh_until_its_last_hour_is_over() -> None:
    at_the_edge = NOW - timedelta(hours=48)

    assert is_misfit("women", ENOUGH, placed_at=at_the_edge, now=NOW, policy=POLICY)
