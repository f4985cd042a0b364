import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from random import Random
from secrets import token_hex
from time import monotonic, time

import pytest
import redis

from sync.errors import QuotaExhaustedError
from sync.limits import Limiter, LocalLimiter, Rate, open_limiter

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
RATE = Rate(calls=9, seconds=5, burst=4)  # four at once, then one a second
_CLOCKS = 0.002  # seconds: Redis counts in microseconds, and both round


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


@dataclass(frozen=True, slots=True)
class Moment:
    """Between these two times a limiter said how many seconds to wait."""

    begun: float
    ended: float
    wait: float = 0.0


class Waits:
    """Limiters of two processes, or the one of a single process; nobody really waits for a turn."""

    def __init__(self, url: str, crm: str) -> None:
        self.url, self.crm = url, crm
        self.seconds = 0.0

    @asynccontextmanager
    async def limiters(self, rate: Rate) -> AsyncIterator[list[Limiter]]:
        async with (
            open_limiter(self.url, self.crm, rate, self._sleep) as one,
            open_limiter(self.url, self.crm, rate, self._sleep) as other,
        ):
            yield [one, other] if self.url else [one]

    async def _sleep(self, seconds: float) -> None:
        self.seconds = seconds

    async def moments(self, limiters: list[Limiter], many: int) -> list[Moment]:
        """Take turns."""
        found = list[Moment]()
        for limiter in islice(cycle(limiters), many):
            self.seconds, before = 0.0, time()
            await limiter.turn()
            found.append(Moment(before, time(), self.seconds))
        return found


@pytest.fixture
def waits(url: str, crm: str) -> Waits:
    return Waits(url, crm)


def are(moments: list[Moment], since: Moment, *due: float) -> bool:
    """Tell whether turns come so many seconds after a moment, and those at once without a wait."""
    return all(
        one.ended + one.wait - since.begun >= seconds - _CLOCKS
        and (one.begun + one.wait - since.ended <= seconds + _CLOCKS if seconds else not one.wait)
        for one, seconds in zip(moments, due, strict=True)
    )


async def test_in_no_window_are_there_more_than_the_limit_and_none_is_wasted(waits: Waits) -> None:
    async with waits.limiters(RATE) as limiters:
        moments = await waits.moments(limiters, 14)

    assert are(moments, moments[0], 0, 0, 0, 0, *range(1, 11))
    times = [one.ended + one.wait for one in moments]
    assert max(sum(at <= one < at + RATE.seconds for one in times) for at in times) <= RATE.calls


async def test_a_turn_is_waited_for(url: str, crm: str) -> None:
    begun = monotonic()
    async with open_limiter(url, crm, Rate(calls=8, seconds=1, burst=3)) as limiter:
        for _ in range(4):
            await limiter.turn()

    assert monotonic() - begun > 0.19  # three at once, then one every fifth of a second


async def test_a_rate_that_listens_becomes_what_the_crm_says_for_every_process(
    waits: Waits,
) -> None:
    async with waits.limiters(replace(RATE, calls=5, listens=True)) as limiters:
        await limiters[0].allowed(RATE.calls)
        moments = await waits.moments(limiters, 8)

    assert are(moments, moments[0], 0, 0, 0, 0, 1, 2, 3, 4)


async def test_what_was_quicker_than_the_crm_now_says_leaves_the_window_first(
    waits: Waits,
) -> None:
    async with waits.limiters(replace(RATE, listens=True)) as limiters:
        await waits.moments(limiters, 4)
        begun = time()
        await limiters[0].allowed(6)
        told = Moment(begun, time())
        moments = await waits.moments(limiters[::-1], 3)

    assert are(moments, told, 5, 7.5, 10)


async def test_a_rate_that_is_set_is_kept_whatever_the_crm_says(waits: Waits) -> None:
    async with waits.limiters(RATE) as limiters:
        await limiters[0].allowed(5)
        moments = await waits.moments(limiters, 6)

    assert are(moments, moments[0], 0, 0, 0, 0, 1, 2)


@pytest.mark.parametrize("calls", [100, 190, 250])
def test_calls_that_are_late_on_their_way_are_not_too_many_where_they_arrive(calls: int) -> None:
    rate = Rate(calls, 10, spared=0.02)
    sent = [max(0.0, place * rate.gap - rate.tolerance) for place in range(4 * calls)]
    late = Random(7)

    arrived = [at + late.uniform(0, 0.02 * rate.seconds) for at in sent]

    most = max(sum(at <= other < at + rate.seconds for other in arrived) for at in arrived)
    assert most <= calls


async def test_after_a_penalty_nobody_goes_before_its_end(waits: Waits) -> None:
    async with waits.limiters(RATE) as limiters:
        begun = time()
        await limiters[0].hold(timedelta(seconds=7))
        told = Moment(begun, time())
        moments = await waits.moments(limiters, 4)

    assert are(moments, told, 7, 8, 9, 10)


async def test_a_turn_that_is_too_far_is_given_back_and_costs_nothing(url: str, crm: str) -> None:
    async with open_limiter(url, crm, RATE) as limiter:
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
    async with open_limiter(url, crm, RATE) as limiter:
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
    rate = Rate(10, 1, per_day=2, listens=True)
    async with open_limiter("redis://127.0.0.1:1/0", "crm", rate) as limiter:
        await limiter.allowed(1000)
        await limiter.hold(timedelta())
        await limiter.left_today(1)
        await limiter.turn(urgent=True)
        with pytest.raises(QuotaExhaustedError):
            await limiter.turn(urgent=True)

    assert caplog.text.count("Redis cannot be reached") == 1
