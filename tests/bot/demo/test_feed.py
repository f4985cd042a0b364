"""The demo shop tells its past at every start, as a shop that has just connected would."""

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession, web

from bot.demo.feed import feed, past
from bot.demo.gateway import Gateway, base_url
from bot.demo.shelf import Shelf
from tests.bot.demo.conftest import SHOPIFY_SECRET
from tests.bot.demo.fake_gateway import all_fed

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.mark.usefixtures("running")
async def test_products_come_before_the_orders_that_name_them(gateway):
    await all_fed(gateway)

    topics = [one.headers["X-Shopify-Topic"] for one in gateway.deliveries]
    assert topics == ["products/update"] * 12 + ["orders/create"] * 21


@pytest.mark.usefixtures("running")
async def test_a_product_tells_its_kind_and_whom_it_is_for(gateway):
    await all_fed(gateway)
    (dress,) = [one.body for one in gateway.deliveries if one.body.get("title") == "Linen dress"]

    assert dress["product_type"] == "dresses"
    assert "audience:women" in dress["tags"].split(", ")
    assert dress["variants"][0] == {"id": 70011, "sku": "DRS-LIN-01", "price": "89.00"}


@pytest.mark.usefixtures("running")
async def test_old_orders_are_dated_when_they_were_made_oldest_first(gateway):
    await all_fed(gateway)
    dates = [datetime.fromisoformat(one.body["created_at"]) for one in gateway.of("orders/create")]

    assert dates == sorted(dates)
    assert dates[-1] < datetime.now(UTC)


async def test_a_second_start_repeats_the_same_deliveries():
    shelf = Shelf.read()
    first = [hook.headers("s", NOW)["X-Shopify-Webhook-Id"] for hook in past(shelf, NOW)]
    second = [hook.headers("s", NOW)["X-Shopify-Webhook-Id"] for hook in past(shelf, NOW)]

    assert first == second
    assert len(set(first)) == len(first)


async def test_it_waits_for_a_gateway_that_is_not_ready(gateway, settings, app):
    gateway.answers = [503, 429]
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await asyncio.sleep(0.1)
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    await all_fed(gateway)
    await runner.cleanup()

    assert gateway.answers == []


@pytest.mark.usefixtures("running")
async def test_what_the_gateway_refuses_is_logged_and_the_rest_goes_on(gateway, settings, caplog):
    gateway.refuse["products/update"] = "no products today"
    gateway.deliveries.clear()
    caplog.set_level(logging.INFO)
    async with ClientSession() as session:
        await feed(Gateway(session, base_url(settings), SHOPIFY_SECRET), Shelf.read())

    assert len(gateway.of("orders/create")) >= 21
    assert "refused the webhook with 422" in caplog.text
    assert "21 webhooks delivered, 12 refused" in caplog.text


@pytest.mark.usefixtures("running")
async def test_no_shopper_is_named_in_the_log(gateway, caplog):
    caplog.set_level(logging.DEBUG)
    await all_fed(gateway)

    for shopper in Shelf.read().shoppers.values():
        assert shopper.name not in caplog.text
        assert f"{shopper.key}@" not in caplog.text
