"""Wakes the worker after a commit: rung by Redis or by PostgreSQL; where neither is, it looks often."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from logging import getLogger

from redis.asyncio import Redis
from redis.exceptions import RedisError

from preferences.errors import SettingsError, UnavailableError
from preferences.store.listening import listen
from preferences.store.outbox import BELL

OFTEN = 0.5  # seconds between looks when nobody rings
SELDOM = 5.0  # when somebody does: a ring may be lost, and what was put off falls due
_LOG = getLogger(__name__)


class Bell:
    """Counts its rings, so that one between looking and waiting is not missed.

    `patience` is how many seconds to wait for a ring before looking anyway.
    """

    def __init__(self) -> None:
        self.count = 0
        self.patience = OFTEN
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits."""
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, heard: int) -> None:
        """Wait for a ring after the first `heard` ones, at most as long as patience lasts."""
        if heard == self.count:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), self.patience)


@asynccontextmanager
async def open_bell(redis_url: str, database_url: str = "") -> AsyncIterator[Bell]:
    """Give a bell that Redis rings, or else PostgreSQL, as long as it can be reached.

    With neither nobody rings.

    :raises SettingsError: the URL cannot be read.
    """
    bell = Bell()
    if redis_url:
        async with _redis(redis_url) as redis, _listening(_listen(bell, redis)):
            yield bell
    elif database_url.startswith("postgresql://"):
        async with _listening(_listen_to_database(bell, database_url)):
            yield bell
    else:
        yield bell


@asynccontextmanager
async def _listening(ears: Coroutine[None, None, None]) -> AsyncIterator[None]:
    listening = asyncio.create_task(ears)
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.wait({listening})


async def _listen_to_database(bell: Bell, url: str) -> None:
    known_away = False

    def ring() -> None:
        nonlocal known_away
        bell.patience, known_away = SELDOM, False
        bell.ring()

    while True:
        try:
            await listen(url, ring)
        except UnavailableError as error:
            bell.patience = OFTEN
            if not known_away:
                _LOG.warning("%s", error)
            known_away = True
        await asyncio.sleep(OFTEN)


def _redis(url: str) -> Redis:
    try:
        return Redis.from_url(url)
    except ValueError as error:
        message = f"ASKFIRST_REDIS_URL cannot be read ({error}); as in redis://127.0.0.1:6379/0."
        raise SettingsError(message) from None


async def _listen(bell: Bell, redis: Redis) -> None:
    known_away = False
    while True:
        try:
            async with redis.pubsub() as channel:
                await channel.subscribe(BELL)
                async for _ in channel.listen():  # the first tells that we are subscribed
                    bell.patience, known_away = SELDOM, False
                    bell.ring()
        except (RedisError, OSError):
            bell.patience = OFTEN
            if not known_away:
                _LOG.warning("Redis cannot be reached; the outbox is looked at often instead.")
            known_away = True
        await asyncio.sleep(OFTEN)
