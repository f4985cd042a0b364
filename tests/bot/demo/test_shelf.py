"""What the demo shop sells, and to whom."""

from pathlib import Path

from bot.demo.shelf import Shelf

STATIC = Path("bot/demo/static")


def test_there_is_something_for_everybody():
    products = Shelf.read().products.values()

    assert {one.audience for one in products} == {"women", "men", "children", "pets", "home"}
    assert len({one.kind for one in products}) >= 5


def test_the_linen_dress_is_a_womens_dress():
    (dress,) = [one for one in Shelf.read().products.values() if one.title == "Linen dress"]

    assert (dress.kind, dress.audience) == ("dresses", "women")


def test_daniel_bought_only_mens_things():
    orders = Shelf.read().shoppers["daniel"].orders

    assert len(orders) >= 5
    assert {one.audience for order in orders for one in order.products} == {"men"}


def test_amira_buys_for_a_household_and_noa_is_new():
    shoppers = Shelf.read().shoppers

    assert len({p.audience for order in shoppers["amira"].orders for p in order.products}) >= 3
    assert shoppers["noa"].orders == ()


def test_no_two_things_share_a_number():
    shelf = Shelf.read()
    orders = [order.id for shopper in shelf.shoppers.values() for order in shopper.orders]

    assert len(set(orders)) == len(orders)
    assert len({one.id for one in shelf.products.values()}) == len(shelf.products)
    assert len({one.id for one in shelf.shoppers.values()}) == len(shelf.shoppers)


def test_every_product_has_a_small_harmless_picture():
    for product in Shelf.read().products.values():
        drawing = (STATIC / f"{product.picture}.svg").read_text()

        assert len(drawing) < 2000
        assert "<script" not in drawing
        assert "style" not in drawing
        assert "href" not in drawing
