"""WooCommerce's webhooks, in the shape of WooCommerce."""

from decimal import Decimal
from typing import Any

import pytest

from preferences.store.tables import PurchaseLineRow, PurchaseRow, QuarantineRow, ShopperRow
from tests.bot.conftest import Start
from tests.bot.orders.conftest import Platform, woo_order

NOTHING = (200, "acknowledged, nothing to keep\n")
KEPT = (200, "kept\n")
LATER = "2026-01-02T10:00:00"


async def test_an_order_is_kept_with_all_that_is_read_of_it(woocommerce: Platform) -> None:
    assert await woocommerce.sends("order.created", woo_order()) == KEPT

    (row,) = await woocommerce.rows(PurchaseRow)
    (line,) = await woocommerce.rows(PurchaseLineRow)
    assert (row.source, row.external_id, row.ships_elsewhere) == ("woocommerce", "1", False)
    assert row.placed_at.isoformat() == "2026-01-01T10:00:00+00:00"
    assert (line.sku, line.title, line.quantity) == ("hat", "Hat \u2013 Size: M", 2)
    assert (Decimal(str(line.price)), line.currency, line.size) == (Decimal("19.9"), "EUR", "m")


async def test_the_ping_on_saving_is_answered_and_nothing_is_kept(woocommerce: Platform) -> None:
    assert await woocommerce.sends("", b"webhook_id=4711", secret="nobody's") == NOTHING
    assert await woocommerce.rows(QuarantineRow) == []


@pytest.mark.parametrize("body", [b"webhook_id=4711&id=1", b"webhook_id=x", b"", b"{}"])
async def test_whatever_else_is_not_signed_is_refused(woocommerce: Platform, body: bytes) -> None:
    assert (await woocommerce.sends("order.created", body, secret="nobody's"))[0] == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "failed"}, "cancelled"),
        ({"status": "refunded"}, "refunded"),
        ({"refunds": [{"id": 1, "total": "-41.80"}]}, "refunded"),
        ({"refunds": [{"id": 1, "total": "-1.80"}]}, "placed"),
        ({"status": "completed"}, "placed"),
        ({"status": "delivered"}, "delivered"),
    ],
)
async def test_a_change_is_heeded_before_or_after_the_order(
    woocommerce: Platform, change: dict[str, Any], status: str
) -> None:
    changed = woo_order(date_modified_gmt=LATER, **change)
    other = woo_order(id=2)

    await woocommerce.sends("order.updated", changed)
    await woocommerce.sends("order.created", woo_order())
    await woocommerce.sends("order.created", other)
    await woocommerce.sends("order.updated", changed | {"id": 2})

    assert [row.status for row in await woocommerce.rows(PurchaseRow)] == [status] * 2


async def test_a_deleted_order_is_no_purchase_until_it_is_restored(woocommerce: Platform) -> None:
    await woocommerce.sends("order.created", woo_order())

    assert await woocommerce.sends("order.deleted", {"id": 1}) == KEPT
    assert await woocommerce.left() == {}

    await woocommerce.sends("order.restored", woo_order(date_modified_gmt="2099-01-01T00:00:00"))
    assert await woocommerce.left() == {"hat": 2}


@pytest.mark.parametrize(
    "nothing",
    [{"status": "pending"}, {"status": "checkout-draft"}, {"customer_id": 0, "billing": {}}],
)
async def test_what_is_not_paid_or_of_nobody_is_not_kept(
    woocommerce: Platform, nothing: dict[str, Any]
) -> None:
    assert await woocommerce.sends("order.created", woo_order(**nothing)) == NOTHING
    assert await woocommerce.rows(ShopperRow) == []


async def test_a_topic_that_tells_no_order_is_acknowledged(woocommerce: Platform) -> None:
    assert await woocommerce.sends("product.updated", {"id": 1}) == NOTHING


async def test_what_cannot_be_read_is_kept_aside_and_the_webhook_stays_on(
    woocommerce: Platform,
) -> None:
    status, text = await woocommerce.sends("order.created", woo_order(line_items="none"))

    assert (status, "kept aside" in text) == (202, True)
    assert len(await woocommerce.rows(QuarantineRow)) == 1


async def test_the_old_secret_is_taken_while_it_is_set(start: Start) -> None:
    async with start(woocommerce_secret="new", woocommerce_old_secret="old") as gateway:
        woocommerce = Platform(gateway, "woocommerce")
        for secret in ("new", "old"):
            assert await woocommerce.sends("order.created", woo_order(), secret=secret) == KEPT
