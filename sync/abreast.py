"""Asks a CRM several things at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def each[Item, Found](
    items: Iterable[Item], do: Callable[[Item], Awaitable[Found]], at_once: int
) -> list[Found]:
    """Do it for each, a few at once, and give what came of it in their order.

    What goes wrong with one is raised when all have ended: one that is still under way could arrive
    after a newer state.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(item: Item) -> Found:
        async with gate:
            return await do(item)

    results = list[Found]()
    for told in await asyncio.gather(*map(one, items), return_exceptions=True):
        if isinstance(told, BaseException):
            raise told
        results.append(told)
    return results
