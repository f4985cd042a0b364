from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.habit import Article, Basket, Habit, habit_of
from preferences.misfit import is_fresh, misfit_in
from preferences.policy import load_policy
from tests.preferences.purchases import DRESS, NOW, SHIRT, an_order, baskets, other

POLICY = load_policy().misfit
histories = st.lists(baskets, min_size=1, max_size=12)
MEN = habit_of([an_order()] * 12)


def test_a_dress_after_shirts_for_men_is_worth_the_question() -> None:
    odd = misfit_in(an_order(SHIRT, DRESS), MEN, POLICY)

    assert odd is not None
    assert odd.line == 1
    assert odd.score >= POLICY.least_bits
    assert odd.reason == "misfit:audience+category"


def test_five_articles_for_one_audience_are_enough_to_see_another_one() -> None:
    shirt, dress = Article(audience="men"), Article(audience="women")

    seen = [misfit_in(Basket((dress,)), habit_of([Basket((shirt,))] * n), POLICY) for n in (4, 5)]

    assert [odd is not None for odd in seen] == [False, True]
    assert seen[1] is not None
    assert seen[1].reason == "misfit:audience"


@pytest.mark.parametrize(
    ("order", "name"),
    [
        (an_order(other(SHIRT, category="tea")), "category"),
        (an_order(other(SHIRT, size="XS")), "size"),
        (an_order(other(SHIRT, price=590.0)), "price"),
        (an_order(other(SHIRT, price=5.9)), "price"),
        (an_order(other(SHIRT, quantity=10)), "quantity"),
        (an_order(recipient="somewhere else"), "recipient"),
        (an_order(marked=True), "gift"),
    ],
)
def test_whatever_else_is_new_is_noticed_but_not_enough_alone(order: Basket, name: str) -> None:
    eager = POLICY.model_copy(update={"least_bits": 0.1})

    odd = misfit_in(order, MEN, eager)

    assert misfit_in(order, MEN, POLICY) is None
    assert odd is not None
    assert odd.reason == f"misfit:{name}"


@pytest.mark.parametrize("marked", [False, True])
def test_signs_of_a_gift_add_up(*, marked: bool) -> None:
    order = an_order(other(SHIRT, category="scent"), recipient="somewhere else", marked=marked)

    odd = misfit_in(order, MEN, POLICY)

    assert odd is not None
    signs = {"category", "recipient", "gift"} if marked else {"category", "recipient"}
    assert set(odd.reason.removeprefix("misfit:").split("+")) == signs


def test_a_household_that_buys_for_all_is_no_occasion() -> None:
    toys = Article("toys", "children", "", 20.0)
    habit = habit_of([an_order(), an_order(DRESS), an_order(toys)] * 3)

    assert misfit_in(an_order(SHIRT, DRESS, toys), habit, POLICY) is None


def test_who_often_buys_something_new_is_not_odd_in_doing_it_again() -> None:
    habit = habit_of(an_order(Article(f"category {n}")) for n in range(30))

    eager = POLICY.model_copy(update={"least_bits": 0.1})
    assert misfit_in(an_order(Article("category 31")), habit, eager) is None


def test_audiences_that_are_not_compared_tell_nothing() -> None:
    habit = habit_of([an_order(other(SHIRT, audience="pets"))] * 12)

    assert misfit_in(an_order(other(SHIRT, audience="home")), habit, POLICY) is None
    assert misfit_in(an_order(), habit, POLICY) is None


def test_a_price_is_compared_only_with_enough_prices_of_its_category() -> None:
    habit = habit_of([*[an_order()] * 4, *[an_order(other(SHIRT, price=None))] * 8])
    eager = POLICY.model_copy(update={"least_bits": 0.1})

    assert misfit_in(an_order(other(SHIRT, price=590.0)), habit, eager) is None


@given(st.lists(baskets), baskets)
def test_without_enough_of_a_history_nothing_is_odd(history: list[Basket], order: Basket) -> None:
    habit = habit_of(history)
    strict = POLICY.model_copy(update={"least_articles": habit.articles + 1, "least_bits": 0.1})

    assert misfit_in(order, habit, strict) is None


@given(histories, baskets, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(
    history: list[Basket], order: Basket, dice: Random
) -> None:
    lines = tuple(sorted(order.articles, key=lambda _: dice.random()))
    shuffled = replace(order, articles=lines)
    habit = habit_of(history)

    one, same = misfit_in(order, habit, POLICY), misfit_in(shuffled, habit, POLICY)

    assert (one is None) == (same is None)
    if one is not None and same is not None:
        assert order.articles[one.line] == lines[same.line]
        assert (one.score, one.reason) == (same.score, same.reason)


@given(histories, baskets, st.sampled_from([0.01, 0.25, 1.1, 3.0, 100.0]))
def test_another_currency_changes_nothing(
    history: list[Basket], order: Basket, rate: float
) -> None:
    def in_it(basket: Basket) -> Basket:
        lines = [replace(line, price=line.price and line.price * rate) for line in basket.articles]
        return replace(basket, articles=tuple(lines))

    there = habit_of(in_it(past) for past in history)

    one, same = misfit_in(order, habit_of(history), POLICY), misfit_in(in_it(order), there, POLICY)

    assert (one and one.score) == (same and same.score)
    assert (one and one.reason) == (same and same.reason)


@given(baskets, st.integers(1, 40))
def test_the_same_order_again_is_never_odd(order: Basket, times: int) -> None:
    eager = POLICY.model_copy(update={"least_bits": 0.001, "least_articles": 1})
    single = replace(order, articles=order.articles[:1])

    assert misfit_in(single, habit_of([single] * times), eager) is None
    assert misfit_in(order, habit_of([order] * times), POLICY) is None


def test_one_thing_for_another_in_every_order_is_the_habit() -> None:
    order = an_order(SHIRT, SHIRT, SHIRT, SHIRT, other(DRESS, audience="children"))

    assert misfit_in(order, habit_of([order] * 12), POLICY) is None


@given(histories, baskets)
def test_only_the_audience_is_ever_enough_alone(history: list[Basket], order: Basket) -> None:
    odd = misfit_in(order, habit_of(history), POLICY)

    assert odd is None or odd.reason == "misfit:audience" or "+" in odd.reason


def test_nobody_is_known_at_first() -> None:
    assert misfit_in(an_order(DRESS), Habit(), POLICY) is None


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (48 * 60, True), (48 * 60 + 1, False)])
def test_an_order_is_fresh_until_its_last_hour_is_over(minutes: int, *, fresh: bool) -> None:
    assert is_fresh(NOW - timedelta(minutes=minutes), NOW, POLICY) == fresh
