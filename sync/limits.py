"""One limit for all who call a CRM: each reserves its moment ahead (GCRA), so that nobody collides.

The arrival times are kept in this process, or in Redis for all processes, under one protocol.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from logging import getLogger
from time import time
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sync.errors import QuotaExhaustedError

type Sleep = Callable[[float], Awaitable[None]]

_LOG = getLogger(__name__)
_LONGEST = 10.0  # seconds that a turn is waited for inside a push; then the work is given back
_KEPT_FOR_WISHES = 0.1  # of a day's budget
_REMEMBERED = timedelta(days=1)  # what a CRM told of its limit; every answer tells it again
_ANOTHER_RATE = -3


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in so many seconds, of which `burst` may be made at once.

    In any window of `seconds` there are never more than `calls`, the burst among them. `per_day`
    is the budget of a day in UTC, 0 for none; its last tenth is for wishes. Where it `listens`, the
    CRM's own figure takes the place of `calls` as soon as an answer has told it. The share that is
    `spared` is room for calls that are late on their way: a CRM counts them where they arrive.
    """

    calls: int
    seconds: float
    burst: int = 5
    per_day: int = 0
    listens: bool = False
    spared: float = 0.0

    @property
    def gap(self) -> float:
        """Seconds between two calls, such that the burst and the rest fit into the window."""
        return self.seconds / max(self.calls * (1 - self.spared) - self.burst, 1)

    @property
    def tolerance(self) -> float:
        """Seconds that calls may be ahead of their even times."""
        return self.gap * (self.burst - 1)


class Limiter(Protocol):
    """Gives turns."""

    async def turn(self, *, cost: int = 1, urgent: bool = False) -> None:
        """Wait for one's moment; the turn is taken by it.

        :raises QuotaExhaustedError: it is too far away to wait for.
        """

    async def hold(self, wait: timedelta) -> None:
        """Let nobody go before so long, as the CRM asked."""

    async def allowed(self, calls: int) -> None:
        """Believe the CRM about how many calls a window takes, where the rate listens."""

    async def left_today(self, calls: int) -> None:
        """Believe the CRM about how many calls are left today."""


class LocalLimiter:
    """Keeps the arrival times in this process."""

    def __init__(
        self, rate: Rate, now: Callable[[], float] = time, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._rate = rate
        self._now, self._sleep = now, sleep
        self._next = 0.0
        self._day, self._used = "", 0

    async def turn(self, *, cost: int = 1, urgent: bool = False) -> None:
        """Wait for one's moment."""
        self._spend(cost, urgent=urgent)
        now, rate = self._now(), self._rate
        even = max(self._next, now)
        wait = even - rate.tolerance - now
        if wait > _LONGEST:
            self._used -= cost
            raise _too_far(wait)
        self._next = even + rate.gap * cost
        if wait > 0:
            await self._sleep(wait)

    async def hold(self, wait: timedelta) -> None:
        """Let nobody go before so long."""
        self._hold(wait.total_seconds())

    async def allowed(self, calls: int) -> None:
        """Believe the CRM; calls at a quicker pace have to leave the window first."""
        before = self._rate
        if not before.listens or calls == before.calls:
            return
        self._rate = replace(before, calls=calls)
        if calls < before.calls:
            self._hold(before.seconds)

    async def left_today(self, calls: int) -> None:
        """Believe the CRM."""
        self._spend(0, urgent=True)
        self._used = max(self._used, self._rate.per_day - calls)

    def _hold(self, seconds: float) -> None:
        self._next = max(self._next, self._now() + seconds + self._rate.tolerance)

    def _spend(self, cost: int, *, urgent: bool) -> None:
        if not self._rate.per_day:
            return
        day = _day(self._now())
        if day != self._day:
            self._day, self._used = day, 0
        if self._used + cost > _budget(self._rate, urgent=urgent):
            raise _used_up(self._now())
        self._used += cost


# One script, one round trip, on the clock of Redis: the turn is taken, or refused as too far.
# KEYS next, day prefix, calls that the CRM told. ARGV gap, tolerance, cost, longest, budget, calls or 0.
# Gives what to wait in seconds; or -1 and the day's budget is used up, -2 and the wait is too long, or
# -3 and the calls that a window takes by now, for which the gap is another.
_TURN = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local gap, tolerance, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local longest, budget, calls = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local told = calls > 0 and tonumber(redis.call('GET', KEYS[3])) or calls
if told ~= calls then return {'-3', tostring(told)} end
local day = KEYS[2] .. math.floor(now / 86400)
if budget > 0 and tonumber(redis.call('GET', day) or '0') + cost > budget then
  return {'-1', '0'}
end
local even = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = even - tolerance - now
if wait > longest then return {'-2', tostring(wait)} end
local after = even + gap * cost
redis.call('SET', KEYS[1], string.format('%.6f', after), 'PX', math.ceil((after - now + 60) * 1000))
if budget > 0 then
  redis.call('INCRBY', day, cost)
  redis.call('EXPIRE', day, 172800)
end
return {'0', string.format('%.6f', math.max(wait, 0))}
"""
_HOLD = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local till = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now + tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.6f', till), 'PX', math.ceil((till - now + 60) * 1000))
"""
_USED = """
local clock = redis.call('TIME')
local day = KEYS[1] .. math.floor(clock[1] / 86400)
if tonumber(redis.call('GET', day) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', day, ARGV[1], 'EX', 172800)
end
"""


class RedisLimiter:
    """Keeps the arrival times in Redis, for every process; while it is away, each has its own.

    Reserving instead of asking again costs one command a turn, and is fair between processes.
    """

    def __init__(self, redis: Redis, name: str, rate: Rate, sleep: Sleep = asyncio.sleep) -> None:
        self._redis, self._sleep = redis, sleep
        self._next, self._day = f"askfirst:limit:{name}", f"askfirst:quota:{name}:"
        self._calls = f"askfirst:calls:{name}"
        self._rate = rate
        self._alone = LocalLimiter(rate)
        self._said = False
        self._turn = redis.register_script(_TURN)
        self._hold = redis.register_script(_HOLD)
        self._used = redis.register_script(_USED)

    async def turn(self, *, cost: int = 1, urgent: bool = False) -> None:
        """Wait for one's moment."""
        try:
            while (verdict := await self._reserve(cost, urgent=urgent))[0] == _ANOTHER_RATE:
                self._rate = replace(self._rate, calls=int(verdict[1]))
                await self._alone.allowed(self._rate.calls)
        except (RedisError, OSError):
            self._tell()
            await self._alone.turn(cost=cost, urgent=urgent)
            return
        self._said = False
        match verdict:
            case (-1, _):
                raise _used_up(time())
            case (-2, wait):
                raise _too_far(wait)
        await self._sleep(verdict[1])

    async def _reserve(self, cost: int, *, urgent: bool) -> tuple[int, float]:
        rate = self._rate
        budget = _budget(rate, urgent=urgent) if rate.per_day else 0
        calls = rate.calls if rate.listens else 0
        keys = (self._next, self._day, self._calls)
        asked = (rate.gap, rate.tolerance, cost, _LONGEST, budget, calls)
        verdict, told = await self._turn(keys=keys, args=asked)
        return int(verdict), float(told)

    async def hold(self, wait: timedelta) -> None:
        """Let nobody go before so long."""
        await self._alone.hold(wait)
        try:
            until = wait.total_seconds() + self._rate.tolerance
            await self._hold(keys=[self._next], args=[until])
        except (RedisError, OSError):
            self._tell()

    async def allowed(self, calls: int) -> None:
        """Believe the CRM, and let every process know."""
        before = self._rate
        if not before.listens or calls == before.calls:
            return
        self._rate = replace(before, calls=calls)
        await self._alone.allowed(calls)
        try:
            await self._redis.set(self._calls, calls, ex=_REMEMBERED)
        except (RedisError, OSError):
            self._tell()
        if calls < before.calls:
            await self.hold(timedelta(seconds=before.seconds))

    async def left_today(self, calls: int) -> None:
        """Believe the CRM."""
        if not self._rate.per_day:
            return
        await self._alone.left_today(calls)
        try:
            await self._used(keys=[self._day], args=[self._rate.per_day - calls])
        except (RedisError, OSError):
            self._tell()

    def _tell(self) -> None:
        if not self._said:
            _LOG.warning("Redis cannot be reached; each process keeps the CRM's limit by itself.")
        self._said = True


@asynccontextmanager
async def open_limiter(
    redis_url: str, name: str, rate: Rate, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Limiter]:
    """Give the limiter of a CRM, shared through Redis where there is a URL."""
    if not redis_url:
        yield LocalLimiter(rate, sleep=sleep)
        return
    async with Redis.from_url(redis_url) as redis:
        yield RedisLimiter(redis, name, rate, sleep)


def _budget(rate: Rate, *, urgent: bool) -> int:
    return rate.per_day if urgent else rate.per_day - int(rate.per_day * _KEPT_FOR_WISHES)


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _too_far(wait: float) -> QuotaExhaustedError:
    message = "Its limit is used up for the moment; it goes on by itself."
    return QuotaExhaustedError(message, wait=timedelta(seconds=wait))


def _used_up(now: float) -> QuotaExhaustedError:
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wait = midnight + timedelta(days=1) - datetime.fromtimestamp(now, UTC)
    message = "Its budget of calls for today is used up; it goes on after midnight UTC."
    return QuotaExhaustedError(message, wait=wait)
