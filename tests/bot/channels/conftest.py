"""A gateway between a platform and a Rasa server, both stand-ins that remember.

On PostgreSQL its queue, limits and news go by a real Redis, as where several gateways share them.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession
from redis.exceptions import RedisError
from sqlmodel import SQLModel, col, select

from bot.parts import QUEUE
from bot.redis import connect, namespace_of
from preferences.store.engine import Store
from preferences.store.naming import tell_names
from preferences.store.shoppers import find_shopper
from preferences.store.tables import ConversationRow, DispatchRow
from tests.bot.channels.bodies import PHONE
from tests.bot.channels.platform import SETTINGS, Platform
from tests.bot.conftest import FakeRasa, Gateway, Start, assistant, served
from tests.preferences.scenes import NOW

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@dataclass
class Line:
    """All three: the platform, the gateway that it reports to, and what both stand on."""

    platform: Platform
    gateway: Gateway
    store: Store

    @property
    def rasa(self) -> FakeRasa:
        return self.gateway.rasa

    async def receives(self, count: int) -> list[str]:
        """Wait until so many messages were delivered, and give their texts."""
        await until(lambda: len(self.platform.delivered) >= count)
        return self.platform.texts

    async def rows[Kind: SQLModel](self, table: type[Kind]) -> list[Kind]:
        async with self.store.begin(readonly=True) as session:
            return list((await session.exec(select(table))).all())

    async def dispatches(self) -> list[DispatchRow]:
        query = select(DispatchRow).order_by(col(DispatchRow.created_at))
        async with self.store.begin(readonly=True) as session:
            return list((await session.exec(query)).all())

    async def ends_as(self, *states: str) -> list[DispatchRow]:
        """Wait until the messages stand so."""
        async with asyncio.timeout(10):
            while [row.state for row in await self.dispatches()] != list(states):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return await self.dispatches()

    async def named(self, kind: str, value: str) -> str | None:
        async with self.store.begin(readonly=True) as session:
            return await find_shopper(session, kind, value)

    async def conversation(self) -> ConversationRow:
        (row,) = await self.rows(ConversationRow)
        return row

    async def is_a_customer(self, phone: str = PHONE, customer: str = "4711") -> None:
        """Whoever has the number bought shirts for men and then a dress: there is something to ask."""
        for days in range(30, 230, 30):
            await self.gateway.has_bought(customer, "shirt", days_ago=days)
        await self.gateway.has_bought(customer, "dress")
        await tell_names(self.store, [("customer", customer), ("phone", f"+{phone}")], NOW)

    async def looks_again(self) -> None:
        """Have everybody served who is known."""
        for row in await self.rows(ConversationRow):
            await self.gateway.app[QUEUE].put(row.shopper_id)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 others set it, and they tell nobody
            await asyncio.sleep(0.005)


Dial = Callable[..., Any]


@pytest.fixture
async def redis_url(store_url: str) -> AsyncIterator[str]:
    """Where the gateway's Redis is; nothing on SQLite, whose queue is in the process."""
    if store_url.startswith("sqlite"):
        yield ""
        return
    async with connect(REDIS) as redis:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            pytest.skip(f"no Redis at TEST_REDIS_URL ({type(error).__name__})")
        yield REDIS
        left = [key async for key in redis.scan_iter(f"{namespace_of(store_url)}:*")]
        if left:
            await redis.delete(*left)


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with ClientSession() as http:
        yield Platform(http)


@pytest.fixture
def dial(start: Start, platform: Platform, store: Store, redis_url: str) -> Dial:
    """Open a line whose gateway has settings of its own."""
    assistant()  # read once, before anything is waited for

    @asynccontextmanager
    async def dialling(**overrides: Any) -> AsyncIterator[Line]:
        async with (
            served(platform.app()) as url,
            start(**{**SETTINGS, **_here(url, redis_url), **overrides}) as gateway,
        ):
            platform.gateway = gateway.url
            yield Line(platform, gateway, store)

    return dialling


def _here(url: str, redis_url: str) -> dict[str, str]:
    return {"meta_url": url, "twilio_url": url, "redis_url": redis_url}


@pytest.fixture
async def line(dial: Dial) -> AsyncIterator[Line]:
    async with dial() as opened:
        yield opened
