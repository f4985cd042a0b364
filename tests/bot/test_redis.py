"""Against a real Redis (TEST_REDIS_URL): each test has a namespace of its own."""

import asyncio
import os
from asyncio import Queue
from collections.abc import AsyncIterator, Awaitable, Callable
from secrets import token_hex

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAwayError
from redis.exceptions import RedisError

from bot.bus import News
from bot.limits import Rate, RedisLimiter
from bot.redis import connect, open_redis_bus, open_redis_queue

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = connect(URL)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        pytest.skip(f"no Redis at TEST_REDIS_URL ({type(error).__name__})")
    yield client
    await client.aclose()


@pytest.fixture
async def namespace(redis: Redis) -> AsyncIterator[str]:
    name = f"askfirst-test-{token_hex(4)}"
    yield name
    left = [key async for key in redis.scan_iter(f"{name}:*")]
    if left:
        await redis.delete(*left)


@pytest.fixture
async def away() -> AsyncIterator[Redis]:
    client = connect(NOWHERE)
    yield client
    await client.aclose()


class Gateway:
    """Serves when it is let, and remembers whom; two at once for one shopper are a failure."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.began: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, shopper: str) -> None:
        self.began.append(shopper)
        await self.open.wait()
        self.served.append(shopper)


async def until(true: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Look again and again; whoever waits in vain fails."""
    for _ in range(400):
        found = true()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.02)
    pytest.fail("waited in vain")


async def heard(watcher: Queue[News], news: News) -> None:
    assert await asyncio.wait_for(watcher.get(), 3) == news


# The queue


async def test_whoever_is_put_in_is_served_and_then_forgotten(redis: Redis, namespace: str) -> None:
    gateway = Gateway()
    shoppers = [f"shopper-{n}" for n in range(30)]
    async with open_redis_queue(redis, namespace, gateway.serve) as queue:
        for shopper in shoppers:
            await queue.put(shopper)
        await until(lambda: set(gateway.served) == set(shoppers))

        async def forgotten() -> bool:
            streams = [key async for key in redis.scan_iter(f"{namespace}:turns:*")]
            return not any([await redis.xlen(stream) for stream in streams])

        await until(forgotten)


async def test_what_was_put_in_before_anybody_served_is_served(
    redis: Redis, namespace: str
) -> None:
    async with open_redis_queue(redis, namespace, Gateway().serve) as early:
        pass
    await early.put("a")
    gateway = Gateway()

    async with open_redis_queue(redis, namespace, gateway.serve):
        await until(lambda: gateway.served == ["a"])


async def test_two_gateways_share_the_work_and_no_shopper_is_served_by_both(
    redis: Redis, namespace: str
) -> None:
    one, two = Gateway(), Gateway()
    shoppers = [f"shopper-{n}" for n in range(60)]
    async with (
        open_redis_queue(redis, namespace, one.serve) as first,
        open_redis_queue(redis, namespace, two.serve) as second,
    ):
        await until(lambda: len(first._held) == len(second._held) == 8)
        for shopper in shoppers:
            await first.put(shopper)
        await until(lambda: set(one.served + two.served) == set(shoppers))

    assert one.served
    assert two.served
    assert not set(one.served) & set(two.served)


async def test_what_a_gateway_did_not_finish_is_served_by_the_next(
    redis: Redis, namespace: str
) -> None:
    stuck, next_one = Gateway(), Gateway()
    stuck.open.clear()
    async with open_redis_queue(redis, namespace, stuck.serve) as queue:
        await queue.put("a")
        await until(lambda: stuck.began == ["a"])

    async with open_redis_queue(redis, namespace, next_one.serve):
        await until(lambda: next_one.served == ["a"])

    assert stuck.served == []


async def test_a_gateway_that_goes_away_leaves_its_part_to_the_others(
    redis: Redis, namespace: str
) -> None:
    stays = Gateway()
    async with open_redis_queue(redis, namespace, Gateway().serve) as leaving:
        await until(lambda: len(leaving._held) == 16)

    async with open_redis_queue(redis, namespace, stays.serve) as queue:
        await until(lambda: len(queue._held) == 16)
        await queue.put("a")
        await until(lambda: stays.served == ["a"])
    assert not [key async for key in redis.scan_iter(f"{namespace}:lease:*")]


async def test_a_gateway_whose_leases_were_lost_takes_them_again(
    redis: Redis, namespace: str
) -> None:
    gateway = Gateway()
    async with open_redis_queue(redis, namespace, gateway.serve) as queue:
        await until(lambda: len(queue._held) == 16)
        await redis.delete(*[key async for key in redis.scan_iter(f"{namespace}:*")])

        await queue.put("a")

        await until(lambda: gateway.served == ["a"])


async def test_a_shopper_who_is_put_in_while_redis_is_away_waits_and_nothing_breaks(
    away: Redis, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_redis_queue(away, namespace, Gateway().serve) as queue:
        await queue.put("shopper-4711")
        await asyncio.sleep(0.05)

    assert "Redis cannot be reached (ConnectionError); a shopper has to wait." in caplog.text
    assert "4711" not in caplog.text


class Stumbling(Redis):
    """Loses its connection once, just when a shard was taken."""

    stumbled = False

    async def xgroup_create(self, *args: object, **more: object) -> bool:
        if not self.stumbled:
            self.stumbled = True
            raise RedisAwayError
        return await super().xgroup_create(*args, **more)


async def test_a_shard_is_served_though_redis_was_away_when_it_was_taken(
    redis: Redis, namespace: str
) -> None:
    gateway = Gateway()
    stumbling = Stumbling(connection_pool=redis.connection_pool)
    shoppers = [f"shopper-{n}" for n in range(64)]
    async with open_redis_queue(stumbling, namespace, gateway.serve) as queue:
        for shopper in shoppers:
            await queue.put(shopper)

        await until(lambda: set(gateway.served) == set(shoppers))


async def test_a_queue_that_is_closed_at_once_leaves_no_task_behind(
    redis: Redis, namespace: str
) -> None:
    before = asyncio.all_tasks()

    for pause in (0, 0.001, 0.01):
        async with (
            asyncio.timeout(5),
            open_redis_queue(redis, namespace, Gateway().serve),
            open_redis_queue(redis, namespace, Gateway().serve),
        ):
            await asyncio.sleep(pause)

    assert asyncio.all_tasks() == before


# The bus


async def test_news_reach_the_watchers_of_every_gateway_once(redis: Redis, namespace: str) -> None:
    async with (
        open_redis_bus(redis, namespace) as here,
        open_redis_bus(redis, namespace) as there,
    ):
        await _listening(redis, f"{namespace}:news", 2)
        with here.watch("talk") as near, there.watch("talk") as far, there.watch("other") as other:
            await here.tell("talk", "thinking")
            await heard(near, "thinking")
            await heard(far, "thinking")

            await there.tell("", "state")
            for watcher in (near, far, other):
                await heard(watcher, "state")
            await asyncio.sleep(0.05)
            assert near.empty()
            assert far.empty()
            assert (here.watchers("talk"), there.watchers("other")) == (1, 1)


async def test_deployments_on_one_redis_do_not_hear_each_other(
    redis: Redis, namespace: str
) -> None:
    async with (
        open_redis_bus(redis, namespace) as ours,
        open_redis_bus(redis, f"{namespace}-other") as theirs,
    ):
        await _listening(redis, f"{namespace}:news", 1)
        await _listening(redis, f"{namespace}-other:news", 1)
        with theirs.watch("talk") as watcher:
            await ours.tell("talk", "log")
            await asyncio.sleep(0.1)

            assert watcher.empty()


async def test_news_of_this_gateway_are_told_here_though_redis_is_away(
    away: Redis, namespace: str
) -> None:
    async with open_redis_bus(away, namespace) as bus:
        with bus.watch("talk") as watcher:
            await bus.tell("talk", "log")

            await heard(watcher, "log")


async def _listening(redis: Redis, channel: str, gateways: int) -> None:
    async def subscribed() -> bool:
        return (await redis.pubsub_numsub(channel))[0][1] == gateways

    await until(subscribed)


# Limits


async def test_a_rate_holds_over_all_gateways(redis: Redis, namespace: str) -> None:
    one, two = RedisLimiter(redis, namespace), RedisLimiter(redis, namespace)
    rate = Rate(per_minute=20, burst=3)

    waits = [await limiter.wait("a", rate) for limiter in (one, two, one, two)]

    assert waits[:3] == [0, 0, 0]
    assert 2.5 < waits[3] <= 3
    assert await one.wait("b", rate) == 0
    (key,) = [key async for key in redis.scan_iter(f"{namespace}:limit:a")]
    assert 0 < await redis.pttl(key) <= 10_001


async def test_many_at_once_pass_no_more_than_the_burst(redis: Redis, namespace: str) -> None:
    limiter = RedisLimiter(redis, namespace)

    waits = await asyncio.gather(*(limiter.wait("a", Rate(6, 5)) for _ in range(20)))

    assert sum(wait == 0 for wait in waits) == 5


async def test_after_the_wait_it_may_be_done_again(redis: Redis, namespace: str) -> None:
    limiter, rate = RedisLimiter(redis, namespace), Rate(per_minute=600, burst=1)
    await limiter.wait("a", rate)

    await asyncio.sleep(await limiter.wait("a", rate) + 0.01)

    assert await limiter.wait("a", rate) == 0


async def test_no_limit_is_no_limit(redis: Redis, namespace: str) -> None:
    limiter = RedisLimiter(redis, namespace)

    assert [await limiter.wait("a", Rate(0, 1)) for _ in range(5)] == [0] * 5


async def test_while_redis_is_away_each_gateway_counts_for_itself(
    away: Redis, namespace: str
) -> None:
    limiter = RedisLimiter(away, namespace)
    once = Rate(per_minute=1, burst=1)

    assert await limiter.wait("a", once) == 0
    assert await limiter.wait("a", once) > 0
