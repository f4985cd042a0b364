import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from preferences.errors import SettingsError
from preferences.store.engine import open_store
from preferences.store.outbox import BELL
from sync.bell import OFTEN, SELDOM, Bell, open_bell
from tests.preferences.store.test_outbox import marked
from tests.vaults import VAULT

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(URL) as client:
        try:
            await client.ping()
        except (RedisError, OSError) as error:
            pytest.skip(f"no Redis at TEST_REDIS_URL ({error})")
        yield client


@asynccontextmanager
async def at_once() -> AsyncIterator[None]:
    begun = monotonic()
    yield
    assert monotonic() - begun < 3


async def test_a_ring_wakes_everybody_who_waits() -> None:
    bell = Bell()
    bell.patience = 60
    async with at_once():
        waiting = [asyncio.create_task(bell.wait(bell.count)) for _ in range(2)]
        await asyncio.sleep(0)
        bell.ring()
        await asyncio.gather(*waiting)


async def test_a_ring_before_the_wait_is_not_missed() -> None:
    bell = Bell()
    bell.patience = 60
    heard = bell.count
    bell.ring()

    async with at_once():
        await bell.wait(heard)


async def test_without_a_ring_it_waits_for_as_long_as_its_patience_lasts() -> None:
    bell = Bell()
    bell.patience = 0.2
    begun = monotonic()

    await bell.wait(bell.count)

    assert 0.19 < monotonic() - begun < 3


async def test_without_redis_it_looks_often() -> None:
    async with open_bell("") as bell:
        assert bell.patience == OFTEN


async def test_redis_rings_it_and_then_it_looks_seldom(redis: Redis) -> None:
    async with open_bell(URL) as bell, asyncio.timeout(5):
        while bell.patience != SELDOM:
            await bell.wait(bell.count)
        heard = bell.count
        async with at_once():
            await redis.publish(BELL, "")
            await bell.wait(heard)

        assert bell.count == heard + 1


async def test_while_redis_is_away_it_looks_often_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_bell("redis://127.0.0.1:1/0") as bell:
        await asyncio.sleep(3 * OFTEN)
        assert bell.patience == OFTEN

    assert caplog.text.count("Redis cannot be reached") == 1


async def test_postgresql_rings_it_where_there_is_no_redis(postgresql_url: str) -> None:
    async with open_bell("", postgresql_url) as bell, asyncio.timeout(10):
        while bell.patience != SELDOM:
            await bell.wait(bell.count)
        heard = bell.count
        async with at_once(), open_store(postgresql_url, VAULT) as store:
            await marked(store, "a")
            await bell.wait(heard)

        assert bell.count == heard + 1


async def test_while_postgresql_is_away_it_looks_often_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_bell("", "postgresql://nobody@127.0.0.1:1/none") as bell:
        await asyncio.sleep(3 * OFTEN)
        assert bell.patience == OFTEN

    assert caplog.text.count("PostgreSQL cannot be listened to") == 1


async def test_a_url_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="ASKFIRST_REDIS_URL"):
        async with open_bell("redis://127.0.0.1:port/0"):
            pass
