"""Opens the store alone, for verbs that ask no CRM."""

import asyncio
from collections.abc import Awaitable, Callable

from preferences.settings import Settings
from preferences.store.engine import Store, open_own_store


def with_store(settings: Settings, work: Callable[[Store], Awaitable[int]]) -> int:
    """Do something with the store, and give the exit code."""

    async def do() -> int:
        async with open_own_store(settings) as store:
            return await work(store)

    return asyncio.run(do())
