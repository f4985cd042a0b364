"""How often somebody may do something: a steady rate with a burst (GCRA), here or by Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from time import time
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

_MOST_KEYS = 100_000
_ROUNDING = 1e-6
_GCRA = """
local now = redis.call('time')
now = now[1] + now[2] / 1000000
local due = math.max(tonumber(redis.call('get', KEYS[1]) or 0), now)
local wait = due - now - ARGV[1] * (ARGV[2] - 1)
if wait > 0 then return {tostring(wait), tostring(due - now)} end
due = due + ARGV[1]
redis.call('set', KEYS[1], tostring(due), 'px', math.ceil((due - now) * 1000) + 1000)
return {'0', tostring(due - now)}"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute on the long run, so many at once. A rate of 0 is no limit."""

    per_minute: int
    burst: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of asking: 0 or the seconds to `wait`, how many are `left`, seconds until all are."""

    wait: float
    left: int
    full_in: float


class Limiter(Protocol):
    """Counts what was done under a name."""

    async def wait(self, name: str, rate: Rate) -> float:
        """Give 0 and count it, or the seconds until it may be done, without counting."""

    async def take(self, name: str, rate: Rate) -> Taken:
        """Do the same, and tell what is left. The rate must be one."""


class LocalLimiter:
    """The limiter of one process; the oldest names are forgotten when there are too many."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    async def wait(self, name: str, rate: Rate) -> float:
        """Give 0 and count it, or the seconds until it may be done, without counting."""
        return (await self.take(name, rate)).wait if rate.per_minute else 0.0

    async def take(self, name: str, rate: Rate) -> Taken:
        """Do the same, and tell what is left. The rate must be one."""
        now, step = self._clock(), 60 / rate.per_minute
        due = max(self._due.pop(name, 0.0), now)
        wait = due - now - step * (rate.burst - 1)
        due = self._due[name] = due if wait > 0 else due + step
        if len(self._due) > _MOST_KEYS:
            del self._due[next(iter(self._due))]
        return _taken(wait, due - now, rate)


class RedisLimiter:
    """The limiter of many processes; while Redis is away each of them counts for itself."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace
        self._here = LocalLimiter()

    async def wait(self, name: str, rate: Rate) -> float:
        """Give 0 and count it, or the seconds until it may be done, without counting."""
        return (await self.take(name, rate)).wait if rate.per_minute else 0.0

    async def take(self, name: str, rate: Rate) -> Taken:
        """Do the same, and tell what is left. The rate must be one."""
        key, step = f"{self._namespace}:limit:{name}", str(60 / rate.per_minute)
        try:
            wait, full_in = await self._redis.eval(_GCRA, 1, key, step, str(rate.burst))
        except (RedisError, OSError):
            return await self._here.take(name, rate)
        return _taken(float(wait), float(full_in), rate)


def _taken(wait: float, full_in: float, rate: Rate) -> Taken:
    used = full_in * rate.per_minute / 60
    return Taken(max(wait, 0.0), max(0, floor(rate.burst - used + _ROUNDING)), full_in)
