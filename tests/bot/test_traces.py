"""What a gateway leaves outside the store: keys in Redis (TEST_REDIS_URL) and lines in its log."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.redis import connect, namespace_of
from preferences.store.tables import MessageRow, ShopperRow
from preferences.understanding import Guess
from tests.bot.conftest import FakeRasa, Start
from tests.preferences.store.shop import Shop

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
CUSTOMER = "kanari-4711"


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = connect(URL)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        pytest.skip(f"no Redis at TEST_REDIS_URL ({type(error).__name__})")
    yield client
    await client.aclose()


async def everything(redis: Redis, namespace: str) -> dict[str, str]:
    """Each key that a deployment has in Redis, with what is under it."""
    held = {}
    async for key in redis.scan_iter(f"{namespace}:*"):
        match await redis.type(key):
            case "stream":
                held[key] = str(await redis.xrange(key))
            case "zset":
                held[key] = str(await redis.zrange(key, 0, -1))
            case "string":
                held[key] = str(await redis.get(key))
            case kind:
                held[key] = f"unknown to this test: {kind}"
    return held


async def answered(shop: Shop) -> None:
    """Wait until every message is; the rows of a turn that is over say so."""
    async with asyncio.timeout(30):
        while any(row.message_id and not row.answered_at for row in await shop.rows(MessageRow)):  # noqa: ASYNC110  (the store tells nobody)
            await asyncio.sleep(0.05)


async def test_after_a_deletion_neither_redis_nor_the_log_holds_anything_of_the_person(
    redis: Redis, start: Start, rasa: FakeRasa, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rasa.taught["forget me, says kanari"] = (Guess("erase_data", 0.9),)
    shop = Shop(rasa.store)
    async with start(redis_url=URL) as gateway:
        await gateway.has_bought(CUSTOMER, "dress")
        broken = {"id": 1, "customer": {"id": CUSTOMER}, "line_items": "kanari"}
        await gateway.report("/v1/orders/shopify", broken)
        page = await gateway.page(CUSTOMER)
        for text in ("hello, kanari here", "forget me, says kanari", "yes"):
            await page.say(kind="text", text=text)
            await answered(shop)
        (shopper,) = await shop.rows(ShopperRow)
        assert not [
            row for row in await shop.rows(MessageRow) if row.sealed_text and row.message_id
        ]
        namespace = namespace_of(gateway.settings.database)
        async with asyncio.timeout(30):
            while True:  # a turn is taken out of its stream just after it is over
                held = await everything(redis, namespace)
                if shopper.id not in str(held):
                    break
                await asyncio.sleep(0.05)

    assert held, "the gateway was seen at work there"
    assert "unknown" not in str(held)
    for trace in ("kanari", "forget me"):
        assert trace not in str(held)
        assert trace not in caplog.text
    for name in ("shopper", "4711"):
        assert name not in str([*held.values()])
