import json
from datetime import timedelta

from preferences.buying import (
    Bought,
    Figures,
    Item,
    Order,
    figures_as_json,
    figures_from_json,
    figures_of,
    together,
)
from preferences.habit import Article
from tests.preferences.scenes import DAY, NOW


def bought(sku: str, quantity: int = 1, audience: str = "men", title: str = "") -> Bought:
    return Bought(sku, title or sku.title(), Article("clothes", audience, quantity=quantity))


def order(*lines: Bought, ago: timedelta = DAY, source: str = "web") -> Order:
    return Order(f"{source}-{ago}", source, NOW - ago, NOW - ago, "", False, lines)  # noqa: FBT003


def test_orders_are_counted() -> None:
    figures = figures_of(
        [
            order(bought("hat", 2), bought("shirt", audience=""), ago=3 * DAY),
            order(bought("hat", 1, title="Cap"), ago=DAY, source="pos"),
            order(ago=timedelta(0), source="pos"),
        ]
    )

    assert (figures.orders, figures.pieces) == (2, 4)
    assert (figures.first_at, figures.last_at) == (
        "2026-11-19T12:00:00.000000Z",
        "2026-11-21T12:00:00.000000Z",
    )
    assert figures.favourite == "hat"
    assert (figures.items["hat"].title, figures.items["hat"].orders) == ("Cap", 2)
    assert figures.quantities == {"2": 1, "1": 2}
    assert figures.typical_quantity == 1
    assert (figures.audiences, figures.categories) == ({"men": 3}, {"clothes": 4})
    assert figures.sources == {
        "web": "2026-11-19T12:00:00.000000Z",
        "pos": "2026-11-22T12:00:00.000000Z",
    }


def test_of_no_order_there_is_nothing_to_tell() -> None:
    assert figures_of([]) == Figures() == together([])
    assert (Figures().favourite, Figures().typical_quantity) == (None, None)


def test_a_person_who_is_two_shoppers_is_counted_as_if_they_were_one() -> None:
    one = [order(bought("hat", 2)), order(bought("shirt"), ago=9 * DAY)]
    other = [order(bought("hat", title="Cap"), source="pos", ago=2 * DAY)]

    assert together([figures_of(one), figures_of(other)]) == figures_of([*one, *other])
    assert together([figures_of(other), figures_of(one)]) == figures_of([*one, *other])


def test_figures_are_kept_as_json() -> None:
    figures = figures_of([order(bought("hat", 2))])

    assert figures_from_json(json.loads(json.dumps(figures_as_json(figures)))) == figures


def test_what_is_bought_most_often_is_neither_the_latest_nor_the_most_at_once() -> None:
    often = Item(3, 3, "Beans", "2026-01-01T00:00:00Z")
    much = Item(2, 9, "Cups", "2026-02-01T00:00:00Z")
    latest = Item(2, 9, "Pan", "2026-03-01T00:00:00Z")

    assert Figures(items={"pan": latest, "beans": often, "cups": much}).favourite == "beans"
    assert Figures(items={"pan": latest, "cups": much}).favourite == "pan"
    assert Figures().favourite is None
