import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import monotonic

import pytest
import redis

from sync.errors import QuotaExhaustedError
from sync.limits import LocalLimiter, Rate, open_limiter

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
FAST = Rate(calls=60, seconds=1, burst=10)


@pytest.fixture(params=["local", "redis"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "local":
        return ""
    try:
        with redis.Redis.from_url(REDIS) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        pytest.skip(f"no Redis at TEST_REDIS_URL ({error})")
    return REDIS


@pytest.fixture
def crm() -> str:
    return token_hex(8)


def most_in(times: list[float], seconds: float) -> int:
    return max(sum(1 for other in times if at <= other < at + seconds) for at in times)


async def test_in_no_window_are_there_more_than_the_limit_and_none_is_wasted(
    url: str, crm: str
) -> None:
    times = list[float]()
    async with open_limiter(url, crm, FAST) as one, open_limiter(url, crm, FAST) as other:

        async def call(many: int, limiter: object) -> None:
            for _ in range(many):
                await limiter.turn()
                times.append(monotonic())

        begun = monotonic()
        second = other if url else one
        await asyncio.gather(*(call(10, limiter) for limiter in (one, second) for _ in range(5)))
        took = monotonic() - begun

    assert most_in(times, 1) <= FAST.calls + 2  # a timer may be late by some milliseconds
    assert took < 1.25 * (100 - FAST.burst) / (FAST.calls - FAST.burst)


async def test_after_a_penalty_nobody_goes_before_its_end(url: str, crm: str) -> None:
    async with open_limiter(url, crm, FAST) as limiter:
        await limiter.hold(timedelta(seconds=0.4))
        begun = monotonic()
        await limiter.turn()

    assert 0.35 < monotonic() - begun < 1


async def test_a_turn_that_is_too_far_is_given_back_and_costs_nothing(url: str, crm: str) -> None:
    async with open_limiter(url, crm, FAST) as limiter:
        await limiter.hold(timedelta(seconds=60))
        with pytest.raises(QuotaExhaustedError) as caught:
            await limiter.turn()

    assert timedelta(seconds=55) < caught.value.wait < timedelta(seconds=62)


async def test_a_budget_ends_at_midnight_and_its_last_tenth_is_for_wishes(
    url: str, crm: str
) -> None:
    async with open_limiter(url, crm, Rate(1000, 1, per_day=20)) as limiter:
        for _ in range(18):
            await limiter.turn()
        with pytest.raises(QuotaExhaustedError, match="today") as caught:
            await limiter.turn()
        for _ in range(2):
            await limiter.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError):
            await limiter.turn(urgent=True)

    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    assert abs(datetime.now(UTC) + caught.value.wait - midnight) < timedelta(seconds=3)


async def test_the_crm_is_believed_about_what_is_left_today(url: str, crm: str) -> None:
    async with open_limiter(url, crm, Rate(1000, 1, per_day=1000)) as limiter:
        await limiter.left_today(1)
        await limiter.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError):
            await limiter.turn(urgent=True)


async def test_without_a_budget_nobody_counts_the_day(url: str, crm: str) -> None:
    async with open_limiter(url, crm, FAST) as limiter:
        await limiter.left_today(0)
        await limiter.turn()


async def test_a_new_day_has_a_new_budget() -> None:
    now = [datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC).timestamp()]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    limiter = LocalLimiter(Rate(1000, 1, per_day=1), clock)
    await limiter.turn(urgent=True)
    with pytest.raises(QuotaExhaustedError):
        await limiter.turn(urgent=True)

    now[0] += 2

    await limiter.turn(urgent=True)


async def test_while_redis_is_away_each_process_keeps_the_limit_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_limiter("redis://127.0.0.1:1/0", "crm", Rate(1000, 1, per_day=2)) as limiter:
        await limiter.hold(timedelta())
        await limiter.left_today(1)
        await limiter.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError):
            await limiter.turn(urgent=True)

    assert caplog.text.count("Redis cannot be reached") == 1
