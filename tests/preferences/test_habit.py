import json
from collections import Counter
from dataclasses import replace
from itertools import chain
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from preferences.habit import (
    Article,
    Basket,
    Habit,
    habit_as_json,
    habit_from_json,
    habit_of,
    together,
)
from tests.preferences.purchases import baskets


@given(st.lists(baskets))
def test_a_habit_counts_each_line_once_and_each_order_once(orders: list[Basket]) -> None:
    habit = habit_of(orders)

    lines = list(chain.from_iterable(order.articles for order in orders))
    assert (habit.orders, habit.articles) == (len(orders), len(lines))
    assert habit.marked == sum(order.marked for order in orders)
    assert habit.audiences == Counter(line.audience for line in lines if line.audience)
    assert habit.categories == Counter(line.category for line in lines if line.category)
    assert habit.in_orders("audience") == _in_orders(orders, "audience")
    assert habit.in_orders("category") == _in_orders(orders, "category")
    assert habit.quantities == Counter(line.quantity for line in lines)
    assert habit.recipients == Counter(order.recipient for order in orders if order.recipient)
    sizes = Counter((line.category, line.size) for line in lines if line.size)
    assert sizes == {
        (name, size): n for name in habit.sizes for size, n in habit.sizes[name].items()
    }


def _in_orders(orders: list[Basket], trait: str) -> Counter[str]:
    told = [{getattr(line, trait) for line in order.articles} - {""} for order in orders]
    return Counter(chain.from_iterable(told))


@given(st.lists(baskets, max_size=6))
def test_every_price_up_to_many_is_kept_by_its_category(orders: list[Basket]) -> None:
    prices = habit_of(orders).prices

    lines = list(chain.from_iterable(order.articles for order in orders))
    for category, kept in prices.items():
        paid = [line.price for line in lines if line.category == category and line.price]
        assert list(kept) == sorted(paid)


@given(st.lists(baskets), st.randoms(use_true_random=False))
def test_it_is_all_one_in_which_order_the_orders_arrive(orders: list[Basket], dice: Random) -> None:
    shuffled = sorted(orders, key=lambda _: dice.random())

    assert habit_of(shuffled) == habit_of(orders)


@given(st.lists(baskets), st.lists(baskets))
def test_adding_orders_one_at_a_time_is_the_same_as_counting_them_all(
    earlier: list[Basket], later: list[Basket]
) -> None:
    habit = habit_of(earlier)
    before = habit_as_json(habit)
    grown = habit
    for order in later:
        grown = habit_from_json(json.loads(json.dumps(habit_as_json(grown.after(order)))))

    assert grown == habit_of([*earlier, *later])
    assert habit_as_json(habit) == before


def test_what_the_shop_does_not_tell_is_not_counted() -> None:
    habit = Habit().after(Basket((Article(), Article(price=0.0))))

    assert (habit.orders, habit.articles) == (1, 2)
    assert not any((habit.audiences, habit.categories, habit.recipients, habit.sizes, habit.prices))


def test_a_long_list_of_prices_is_thinned_around_the_same_middle() -> None:
    orders = [Basket((Article("shirts", price=float(price)),)) for price in range(1, 130)]

    kept = habit_of(orders).prices["shirts"]

    assert len(kept) <= 64
    assert list(kept) == sorted(kept)
    assert kept[0] < 20
    assert kept[-1] > 110


@given(st.lists(baskets, max_size=6), st.lists(baskets, max_size=6))
def test_a_person_of_two_shoppers_has_the_habit_of_both(
    ones: list[Basket], others: list[Basket]
) -> None:
    both = together([habit_of(ones), habit_of(others)])

    assert habit_of([*ones, *others]) in (both, replace(both, ordered={}))


@given(st.lists(baskets, max_size=60), baskets)
def test_an_order_that_may_come_late_ends_in_the_same_habit(
    orders: list[Basket], late: Basket
) -> None:
    habit = habit_of(orders)

    if habit.takes_in_any_order(late):
        assert habit.after(late) == habit_of([late, *orders])


def test_beyond_so_many_prices_of_a_category_the_sequence_matters() -> None:
    habit = habit_of([Basket((Article("tea", price=float(n)),)) for n in range(1, 65)])

    assert not habit.takes_in_any_order(Basket((Article("tea", price=9.0),)))
    assert not habit.takes_in_any_order(Basket((Article("", price=9.0),)))
    assert habit.takes_in_any_order(Basket((Article("tea"), Article("hats", price=9.0))))
    assert len(together([habit, habit, habit]).prices["tea"]) == 48
