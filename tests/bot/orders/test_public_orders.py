"""Orders of public projects through a gateway that runs: skipped where their folder is not beside us."""

import json
from random import Random
from typing import Any

import pytest

from preferences.store.tables import PurchaseRow
from tests.bot.channels.test_conformance import FIXTURES, told_orders
from tests.bot.conftest import Gateway
from tests.bot.orders.conftest import Platform

pytestmark = pytest.mark.skipif(not told_orders(), reason=f"the folder {FIXTURES} is missing")

_KEPT = ("purchase", "order_update")
TAKEN = (200, 202)  # kept, or kept aside since it cannot be read
_TOPICS = {
    ("shopify", "purchase"): "orders/create",
    ("shopify", "order_update"): "orders/updated",
    ("shopify", "ignored"): "orders/cancelled",
    ("shopify", "none"): "orders/create",
    ("shopify", None): "customers/update",
    ("woocommerce", "purchase"): "order.created",
}


def bodies() -> list[tuple[str, str, Any, str | None]]:
    """Give platform, topic, body and what event it is, of each."""
    found = []
    for one in told_orders():
        source = "shopify" if "shopify" in one["file"] else "woocommerce"
        event = one["expect"].get("event")
        body = json.loads((FIXTURES / one["file"]).read_bytes())
        if event in _KEPT:
            body |= {"test": False}  # no shop's order is one, and what is one is not kept
        found.append((source, _TOPICS[source, event], body, event))
    return found


async def test_all_of_them_twice_and_shuffled_leave_each_order_once(gateway: Gateway) -> None:
    reports = bodies() * 2
    Random(7).shuffle(reports)
    for source, topic, body, _ in reports:
        status, _text = await Platform(gateway, source).sends(topic, body)
        assert status in TAKEN, topic

    kept = await Platform(gateway, "shopify").rows(PurchaseRow)
    orders = {(source, str(body["id"])) for source, _, body, event in bodies() if event in _KEPT}
    assert sorted((row.source, row.external_id) for row in kept) == sorted(orders)
