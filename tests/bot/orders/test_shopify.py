"""Shopify's webhooks, in the shape of Shopify."""

import asyncio
import logging
from typing import Any

import pytest

from bot.parts import CLOCK, SETTINGS, STORE
from preferences.store.requests import redact_some
from preferences.store.shoppers import shopper_named
from preferences.store.tables import (
    PrivacyRequestRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
    ShopperRow,
    SuppressionRow,
)
from tests.bot.conftest import Start
from tests.bot.orders.conftest import Platform, shopify_order, signed

NOTHING = (200, "acknowledged, nothing to keep\n")
KEPT = (200, "kept\n")
LATER = "2026-01-02T10:00:00-05:00"
REFUND: dict[str, Any] = {
    "id": 9,
    "order_id": 1,
    "created_at": LATER,
    "refund_line_items": [{"line_item_id": 11, "quantity": 2}],
}


def test_the_signature_is_that_of_the_known_vector() -> None:
    # RFC 4231, case 2: 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843
    vector = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
    assert signed("Jefe", b"what do ya want for nothing?") == vector


async def test_an_order_is_kept_with_all_that_is_read_of_it(shopify: Platform) -> None:
    body = shopify_order(
        note_attributes=[{"name": "Gift message", "value": "For my mother"}],
        billing_address={"address1": "1 Main St", "city": "Ulm"},
        shipping_address={"address1": "2 Main St", "city": "Ulm"},
    )

    assert await shopify.sends("orders/create", body) == KEPT

    (row,) = await shopify.rows(PurchaseRow)
    assert (row.gift_message, row.gift_wrap, row.ships_elsewhere) == (True, False, True)
    assert await shopify.left() == {"hat": 3, "product:5": 1}


@pytest.mark.parametrize(
    ("field", "marks"),
    [
        ({"note_attributes": [{"name": "gift_wrap", "value": "yes"}]}, (True, False)),
        ({"note_attributes": [{"name": "gift_wrap", "value": "no"}, "odd", {}]}, (False, False)),
        ({"note_attributes": {}}, (False, False)),
    ],
)
async def test_a_gift_mark_is_known_by_its_name(
    shopify: Platform, field: dict[str, Any], marks: tuple[bool, bool]
) -> None:
    assert await shopify.sends("orders/create", shopify_order(**field)) == KEPT

    (row,) = await shopify.rows(PurchaseRow)
    assert (row.gift_wrap, row.gift_message) == marks


@pytest.mark.parametrize(
    "nothing", [{"test": True}, {"customer": None}, {"customer": None, "email": "no address"}]
)
async def test_tests_and_orders_of_nobody_are_not_kept(
    shopify: Platform, nothing: dict[str, Any]
) -> None:
    assert await shopify.sends("orders/create", shopify_order(**nothing)) == NOTHING
    assert await shopify.rows(PurchaseRow) == []
    assert await shopify.rows(ShopperRow) == []


async def test_a_guest_is_known_by_the_email(shopify: Platform) -> None:
    guest = shopify_order(customer=None, email="A@b.example")

    assert await shopify.sends("orders/create", guest) == KEPT
    assert await shopper_named(shopify.gateway.app[STORE], "email", "a@b.example")


@pytest.mark.parametrize("first", ["orders/create", "refunds/create", "orders/updated"])
async def test_a_refund_counts_once_wherever_it_is_told(shopify: Platform, first: str) -> None:
    lines = shopify_order()["line_items"]
    edited = [lines[0] | {"current_quantity": 1}, lines[1] | {"current_quantity": 1}]
    told = {
        "orders/create": shopify_order(),
        "refunds/create": REFUND,
        "orders/updated": shopify_order(updated_at=LATER, line_items=edited, refunds=[REFUND]),
    }

    for topic in (first, *told):
        assert await shopify.sends(topic, told[topic]) == KEPT

    assert await shopify.left() == {"hat": 1, "product:5": 1}


@pytest.mark.parametrize(
    ("over", "status"),
    [
        ({"cancelled_at": LATER}, "cancelled"),
        ({"financial_status": "voided"}, "cancelled"),
        ({"financial_status": "refunded"}, "refunded"),
    ],
)
async def test_what_is_over_is_no_purchase_even_if_the_order_comes_late(
    shopify: Platform, over: dict[str, Any], status: str
) -> None:
    await shopify.sends("orders/cancelled", shopify_order(updated_at=LATER, **over))
    await shopify.sends("orders/create", shopify_order())

    assert [row.status for row in await shopify.rows(PurchaseRow)] == [status]
    assert await shopify.left() == {}


async def test_a_delivery_is_noted(shopify: Platform) -> None:
    sent = {"order_id": 1, "updated_at": LATER, "shipment_status": "in_transit"}
    await shopify.sends("orders/create", shopify_order())

    assert await shopify.sends("fulfillments/update", sent) == NOTHING
    assert (
        await shopify.sends("fulfillments/update", sent | {"shipment_status": "delivered"}) == KEPT
    )

    assert [row.status for row in await shopify.rows(PurchaseRow)] == ["delivered"]


@pytest.mark.parametrize("topic", ["orders/edited", "customers/update", "draft_orders/create"])
async def test_a_topic_that_tells_no_order_is_acknowledged(shopify: Platform, topic: str) -> None:
    assert await shopify.sends(topic, {"id": 1}) == NOTHING


async def test_what_cannot_be_read_is_kept_aside_and_acknowledged(shopify: Platform) -> None:
    status, text = await shopify.sends("orders/create", b'{"id": 1, "customer": {"id": 7}}')

    assert (status, "kept aside" in text) == (202, True)
    assert len(await shopify.rows(QuarantineRow)) == 1


@pytest.mark.parametrize("path", ["orders", "products", "privacy"])
@pytest.mark.parametrize("topic", ["orders/create", "customers/redact", "shop/redact"])
async def test_what_is_not_signed_is_refused(shopify: Platform, path: str, topic: str) -> None:
    status, _ = await shopify.sends(topic, shopify_order(), secret="another", path=path)

    assert status == 401
    assert await shopify.rows(PurchaseRow) == await shopify.rows(QuarantineRow) == []
    assert await shopify.rows(PrivacyRequestRow) == []


async def test_the_old_secret_is_taken_while_it_is_set(start: Start) -> None:
    async with start(shopify_secret="new", shopify_old_secret="old") as gateway:
        shopify = Platform(gateway, "shopify")
        for number, secret in enumerate(("new", "old")):
            assert await shopify.sends("", shopify_order(id=number), secret=secret) == KEPT
        assert (await shopify.sends("", shopify_order(), secret=""))[0] == 401


async def test_a_shopper_is_deleted_where_shopify_asks_for_it(shopify: Platform) -> None:
    await shopify.sends("orders/create", shopify_order())
    wish = {"customer": {"id": 7, "email": "no address"}, "orders_to_redact": [1, 2]}

    for _ in range(2):
        assert await shopify.sends("customers/redact", wish, path="privacy") == (200, "done\n")

    assert await shopify.rows(PurchaseRow) == []
    assert {row.reason for row in await shopify.rows(SuppressionRow)} == {"shopper_erased"}
    assert await shopify.sends("orders/create", shopify_order()) == NOTHING


async def test_a_request_for_data_is_recorded_and_told_once_without_a_name(
    shopify: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    await shopify.sends("orders/create", shopify_order())
    shopper = await shopper_named(shopify.gateway.app[STORE], "customer", "7")
    wish = {"customer": {"id": 7, "email": "kanari@b.example"}, "orders_requested": [1]}

    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert await shopify.sends("customers/data_request", wish) == (200, "done\n")
        await shopify.sends("customers/data_request", {"customer": {"id": 8}})

    told = [line for line in caplog.messages if "preferences export" in line]
    assert len(told) == 1
    assert shopper in told[0]
    assert "kanari" not in caplog.text
    recorded = await shopify.rows(PrivacyRequestRow)
    assert sorted((row.kind, row.shopper_id or "") for row in recorded) == [
        ("data", ""),
        ("data", shopper),
    ]


async def test_a_shop_that_leaves_has_everything_of_it_deleted(shopify: Platform) -> None:
    app = shopify.gateway.app
    for number in range(3):
        await shopify.sends("", shopify_order(id=number, customer={"id": number}))
    await shopify.sends("refunds/create", REFUND | {"order_id": 99})
    leaving = {"shop_domain": "demo.example"}

    assert await shopify.sends("shop/redact", leaving, path="privacy") == (200, "done\n")
    while await redact_some(app[STORE], app[SETTINGS].destinations, app[CLOCK](), most=2):
        pass

    assert await shopify.rows(PurchaseRow) == await shopify.rows(PurchaseNoteRow) == []
    (request,) = await shopify.rows(PrivacyRequestRow)
    assert request.done_at is not None


async def test_a_burst_is_answered_and_each_order_is_kept_once(shopify: Platform) -> None:
    """More at a time than there are customers: those of one and the same customer meet."""
    bodies = [shopify_order(id=number, customer={"id": number % 10}) for number in range(500)]
    door = asyncio.Semaphore(20)

    async def send(body: dict[str, Any]) -> int:
        async with door:
            return (await shopify.sends("orders/create", body))[0]

    statuses = await asyncio.gather(*(send(body) for body in [*bodies, *bodies]))

    assert statuses == [200] * 1000
    kept = sorted(int(row.external_id) for row in await shopify.rows(PurchaseRow))
    assert kept == list(range(500))
