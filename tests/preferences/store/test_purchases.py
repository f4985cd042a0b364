import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from preferences.purchases import Line, Product, Purchase
from preferences.store.purchases import keep_aside, keep_product
from preferences.store.tables import (
    CandidateRow,
    ProductRow,
    PurchaseLineRow,
    PurchaseRow,
    QuarantineRow,
    ShopperRow,
)
from tests.preferences.scenes import HOUR, MINUTE, NOW
from tests.preferences.store.shop import Shop

ORDER = Purchase(
    "shopify", "order-1", "4711", NOW, (Line("dress", "Dress", 1), Line("hat", "Hat", 2))
)
HAT = Product("hat", "Hat", "clothes", "men", NOW)


async def test_an_order_is_kept_with_its_articles(shop: Shop) -> None:
    kept = await shop.gets_order(ORDER)

    (row,) = await shop.rows(PurchaseRow)
    lines = sorted(await shop.rows(PurchaseLineRow), key=lambda line: line.position)
    assert (row.source, row.external_id, row.shopper_id) == ("shopify", "order-1", kept.shopper)
    assert (row.placed_at, row.received_at) == (NOW, NOW)
    assert [(line.sku, line.title, line.quantity) for line in lines] == [
        ("dress", "Dress", 1),
        ("hat", "Hat", 2),
    ]


async def test_an_order_that_is_reported_again_is_kept_once_and_no_occasion_twice(
    shop: Shop,
) -> None:
    await shop.has_a_habit("4711")

    first = await shop.gets_order(ORDER)
    again = await shop.gets_order(ORDER)

    assert (first.candidate, again.candidate) == (True, False)
    assert first.shopper == again.shopper
    assert len(await shop.rows(CandidateRow)) == 1
    assert len(await shop.rows(PurchaseRow)) == 2


async def test_an_order_that_is_reported_many_times_at_once_is_kept_once(shop: Shop) -> None:
    await shop.has_a_habit("4711")

    kept = await asyncio.gather(*(shop.gets_order(ORDER) for _ in range(5)))

    assert sum(one.candidate for one in kept) == 1
    assert len(await shop.rows(PurchaseRow)) == 2


async def test_the_same_number_from_another_platform_is_another_order(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    await shop.gets_order(replace(ORDER, source="woocommerce"))

    assert len(await shop.rows(PurchaseRow)) == 2


async def test_what_does_not_fit_a_habit_is_worth_a_question_while_it_is_fresh(shop: Shop) -> None:
    await shop.has_a_habit("4711")

    kept = await shop.gets_order(ORDER)

    (candidate,) = await shop.rows(CandidateRow)
    assert kept.candidate
    assert (candidate.shopper_id, candidate.question_id) == (kept.shopper, "gift_or_self")
    assert candidate.about == {"purchase": "order-1", "sku": "dress", "product": "Dress"}
    assert candidate.expires_at == NOW + 48 * HOUR
    assert candidate.reason.startswith("misfit:")


@pytest.mark.parametrize(("age", "odd"), [(48 * HOUR, True), (48 * HOUR + MINUTE, False)])
async def test_an_order_that_arrives_late_is_no_occasion(
    shop: Shop, age: timedelta, *, odd: bool
) -> None:
    await shop.has_a_habit("4711")

    kept = await shop.gets_order(replace(ORDER, placed_at=NOW - age))

    assert kept.candidate == odd


async def test_orders_may_arrive_in_any_order(shop: Shop) -> None:
    await shop.shelves("shirt", "men")
    await shop.shelves("dress", "women")
    shirt = (Line("shirt", "Shirt", 1),)

    before = await shop.gets_order(ORDER)
    for number in range(30):
        early = NOW - (99 + number) * HOUR
        await shop.gets_order(Purchase("shopify", f"early-{number}", "4711", early, shirt))
    after = await shop.gets_order(replace(ORDER, external_id="order-2"))

    assert not before.candidate  # nothing was known of a habit then
    assert after.candidate


async def test_a_product_that_the_feed_does_not_tell_of_is_no_occasion(shop: Shop) -> None:
    await shop.has_a_habit("4711")

    kept = await shop.sells("4711", "order-1", "mystery")

    assert not kept.candidate


async def test_a_first_purchase_is_no_occasion(shop: Shop) -> None:
    await shop.shelves("dress", "women")

    assert not (await shop.sells("4711", "order-1", "dress")).candidate


async def test_an_occasion_that_came_by_order_is_asked_about_for_two_days(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await shop.has_a_habit("4711")
    await shop.gets_order(ORDER)

    shop.waits(48 * HOUR)

    assert not [reply for reply in await shop.sees(talk, "opened") if reply["ask"]]


async def test_the_feed_of_a_product_is_kept(shop: Shop) -> None:
    await keep_product(shop.store, HAT)

    (row,) = await shop.rows(ProductRow)
    assert (row.sku, row.title, row.category, row.audience) == ("hat", "Hat", "clothes", "men")


@pytest.mark.parametrize(
    ("age", "title"), [(-MINUTE, "Cap"), (timedelta(0), "Cap"), (MINUTE, "Hat")]
)
async def test_an_older_report_of_a_product_never_replaces_a_newer_one(
    shop: Shop, age: timedelta, title: str
) -> None:
    await keep_product(shop.store, HAT)

    await keep_product(shop.store, replace(HAT, title="Cap", updated_at=NOW - age))

    assert [row.title for row in await shop.rows(ProductRow)] == [title]


async def test_what_cannot_be_read_is_kept_aside_once(shop: Shop) -> None:
    for body in ("{", "{ again"):
        await keep_aside(
            shop.store,
            source="shopify",
            topic="orders/create",
            delivery="delivery-1",
            body=body,
            problem="body: is not JSON",
            now=NOW,
        )

    (row,) = await shop.rows(QuarantineRow)
    assert (shop.reads(row, "body"), row.problem, row.delivery_id) == (
        "{",
        "body: is not JSON",
        "delivery-1",
    )


async def test_a_guest_of_the_order_becomes_a_shopper_of_the_shop_once(shop: Shop) -> None:
    await shop.sells("4711", "order-1", "hat")
    await shop.sells("4711", "order-2", "hat")

    assert len(await shop.rows(ShopperRow)) == 1
