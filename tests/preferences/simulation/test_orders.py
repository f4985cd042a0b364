from collections import Counter

from preferences.simulation.orders import draw_orders
from preferences.simulation.people import ARCHETYPES, draw_shopper
from preferences.simulation.shelf import BY_NAME, sizes

SHOPPERS = range(300)


def test_the_same_seed_draws_the_same_orders_and_another_one_others() -> None:
    def drawn(seed: int) -> list[object]:
        people = [draw_shopper(seed, number, 365) for number in range(20)]
        return [draw_orders(shopper, 365, dice) for shopper, dice in people]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_orders_come_oldest_first_within_the_time_and_each_line_has_a_truth() -> None:
    for number in SHOPPERS:
        shopper, dice = draw_shopper(5, number, 100)
        orders = draw_orders(shopper, 100, dice)

        days = [order.day for order in orders]
        assert days == sorted(days)
        assert 0 <= days[0] <= days[-1] < 100
        assert all(len(order.truths) == len(order.basket.articles) >= 1 for order in orders)


def test_whatever_is_bought_is_on_the_shelf_in_its_sizes() -> None:
    for number in SHOPPERS:
        shopper, dice = draw_shopper(5, number, 365)
        for order in draw_orders(shopper, 365, dice):
            for line in order.basket.articles:
                kind = BY_NAME[line.category]
                known = {size for audience in kind.audiences for size in sizes(kind, audience)}
                assert line.audience in {"", *kind.audiences}
                assert line.size in (known or {""})
                assert line.price is not None
                assert line.price >= 1
                assert line.quantity in kind.packs


def test_every_archetype_is_there_about_as_often_as_it_says() -> None:
    people = Counter(draw_shopper(9, number, 365)[0].archetype.name for number in range(2000))

    for kind in ARCHETYPES:
        assert abs(people[kind.name] / 2000 - kind.share) < 0.05
    assert round(sum(kind.share for kind in ARCHETYPES), 6) == 1
