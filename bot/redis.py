"""What several gateways share by Redis: who is served by whom, and news of conversations.

Redis never holds anything a shopper said, only names; all of it may be lost at any moment.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import partial
from hashlib import sha256
from secrets import token_hex
from time import time
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from bot.background import background
from bot.bus import LocalBus, News
from bot.queue import LocalQueue, Serve

logger = logging.getLogger(__name__)

_SHARDS = 16
_LEASE_MS = 10_000
_GROUP = _WORKER = "gateway"
_RENEW = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return 0"""
_RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0"""


def connect(url: str) -> Redis:
    """Open a pool that waits for a connection instead of failing when all are in use."""
    pool = BlockingConnectionPool.from_url(url, max_connections=50, decode_responses=True)
    return Redis.from_pool(pool)


def namespace_of(database: str) -> str:
    """Give what the keys of a deployment begin with: those of one database are one deployment."""
    return f"askfirst:{sha256(database.encode()).hexdigest()[:8]}"


class RedisBus:
    """The bus of many processes: news go round by Redis, and to the watchers here at once."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._news = f"{namespace}:news"
        self._here = LocalBus()
        self._name = token_hex(8)

    async def tell(self, conversation: str, news: News) -> None:
        """Tell the watchers here, and those of the other gateways if Redis is there."""
        await self._here.tell(conversation, news)
        with suppress(RedisError, OSError):
            await self._redis.publish(self._news, f"{self._name} {news} {conversation}")

    def watch(self, conversation: str) -> AbstractContextManager[asyncio.Queue[News]]:
        """Watch until the block ends."""
        return self._here.watch(conversation)

    def watchers(self, conversation: str) -> int:
        """Give how many watch a conversation here."""
        return self._here.watchers(conversation)

    async def listen(self) -> None:
        """Pass on what other gateways tell; runs until cancelled, through outages of Redis."""
        while True:
            with suppress(RedisError, OSError):
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._news)
                    async for message in pubsub.listen():
                        await self._pass_on(message)
            await asyncio.sleep(1)

    async def _pass_on(self, message: dict[str, str]) -> None:
        if message["type"] != "message":
            return
        name, news, conversation = message["data"].split(" ", 2)
        if name != self._name:
            await self._here.tell(conversation, cast("News", news))


class RedisQueue:
    """The queue of many processes: a shopper's shard is served by whoever holds its lease."""

    def __init__(self, redis: Redis, namespace: str, serve: Serve) -> None:
        self._redis = redis
        self._namespace = namespace
        self._gateways = f"{namespace}:gateways"
        self._here = LocalQueue(serve)
        self._name = token_hex(8)
        self._held: dict[int, asyncio.Task[None]] = {}

    async def put(self, shopper: str) -> None:
        """Have the shopper served by the gateway that holds their shard.

        Without Redis nothing happens now; the sweep over the store finds them later.
        """
        shard = int.from_bytes(sha256(shopper.encode()).digest()[:2]) % _SHARDS
        try:
            await self._redis.xadd(self._stream(shard), {"shopper": shopper})
        except (RedisError, OSError) as error:
            logger.warning(
                "Redis cannot be reached (%s); a shopper has to wait.", type(error).__name__
            )

    async def keep_leases(self) -> None:
        """Hold a fair share of the shards; runs until cancelled, through outages of Redis."""
        try:
            while True:
                try:
                    await self._share()
                except (RedisError, OSError) as error:
                    logger.warning("Redis cannot be reached (%s).", type(error).__name__)
                    await self._drop(set(self._held))
                await asyncio.sleep(_LEASE_MS / 5000)
        finally:
            await self._drop(set(self._held))
            await self._here.close()
            with suppress(RedisError, OSError):
                await self._redis.zrem(self._gateways, self._name)

    async def _share(self) -> None:
        now = time()
        await self._redis.zadd(self._gateways, {self._name: now})
        await self._redis.zremrangebyscore(self._gateways, 0, now - _LEASE_MS / 1000)
        fair = -(-_SHARDS // max(1, await self._redis.zcard(self._gateways)))
        lost = {shard for shard in self._held if not await self._renew(shard)}
        surplus = set(sorted(set(self._held) - lost)[fair:])
        await self._drop(lost | surplus)
        for shard in range(_SHARDS):
            if len(self._held) < fair and shard not in self._held and await self._take(shard):
                self._held[shard] = asyncio.create_task(self._work(shard))

    async def _take(self, shard: int) -> bool:
        return bool(await self._redis.set(self._lease(shard), self._name, nx=True, px=_LEASE_MS))

    async def _renew(self, shard: int) -> bool:
        return bool(
            await self._redis.eval(_RENEW, 1, self._lease(shard), self._name, str(_LEASE_MS))
        )

    async def _drop(self, shards: set[int]) -> None:
        for shard in shards:
            working = self._held.pop(shard)
            working.cancel()
            await asyncio.wait({working})
            with suppress(RedisError, OSError):
                await self._redis.eval(_RELEASE, 1, self._lease(shard), self._name)

    async def _work(self, shard: int) -> None:
        """Serve a shard: first what an earlier holder read and did not finish, then the new."""
        stream, last, ready = self._stream(shard), "0", False
        while True:
            try:
                ready = ready or await self._make_group(stream)
                read = await self._redis.xreadgroup(
                    _GROUP, _WORKER, {stream: last}, count=64, block=2000
                )
            except (RedisError, OSError):
                await asyncio.sleep(1)
                continue
            entries = _entries(read)
            for entry, fields in entries:
                served = self._here.join(fields["shopper"])
                served.add_done_callback(partial(self._finish, stream, entry))
            last = entries[-1][0] if entries and last != ">" else ">"

    async def _make_group(self, stream: str) -> bool:
        with suppress(ResponseError):  # it is there already
            await self._redis.xgroup_create(stream, _GROUP, id="0", mkstream=True)
        return True

    def _stream(self, shard: int) -> str:
        return f"{self._namespace}:turns:{shard}"

    def _lease(self, shard: int) -> str:
        return f"{self._namespace}:lease:{shard}"

    def _finish(self, stream: str, entry: str, _served: object) -> None:
        asyncio.get_running_loop().create_task(self._acknowledge(stream, entry))

    async def _acknowledge(self, stream: str, entry: str) -> None:
        with suppress(RedisError, OSError):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(stream, _GROUP, entry)
                pipe.xdel(stream, entry)
                await pipe.execute()


def _entries(read: object) -> list[tuple[str, dict[str, str]]]:
    """The entries of the one stream that was read, as redis-py gives them (its types say less)."""
    streams = cast("list[tuple[str, list[tuple[str, dict[str, str]]]]]", read)
    return streams[0][1] if streams else []


@asynccontextmanager
async def open_redis_bus(redis: Redis, namespace: str) -> AsyncIterator[RedisBus]:
    """Open the bus of many processes; `namespace` keeps deployments apart."""
    bus = RedisBus(redis, namespace)
    async with background(bus.listen()):
        yield bus


@asynccontextmanager
async def open_redis_queue(redis: Redis, namespace: str, serve: Serve) -> AsyncIterator[RedisQueue]:
    """Open the queue of many processes; `namespace` keeps deployments apart."""
    queue = RedisQueue(redis, namespace, serve)
    async with background(queue.keep_leases()):
        yield queue
