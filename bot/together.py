"""Does together what comes at the same time: while one lot is under way the next one gathers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any


class Together[Item, Result]:
    """Hands over items in lots and gives each giver what came of theirs.

    Nothing waits for company: whoever comes alone is a lot of one.
    """

    def __init__(
        self, do: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]], most: int
    ) -> None:
        """Take what does a lot of so many at most: one result, or error, for each item."""
        self._do = do
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Have an item done.

        :raises Exception: what doing it, or the whole lot, failed with.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Finish what was given."""
        if self._running is not None:
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(self._most, len(self._waiting))
                await self._finish([self._waiting.popleft() for _ in range(count)])
        finally:
            self._running = None

    async def _finish(self, lot: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._do([item for item, _ in lot])
        except Exception as error:  # noqa: BLE001 it is raised to everybody whose lot it was
            results = [error] * len(lot)
        for (_, done), result in zip(lot, results, strict=True):
            if done.cancelled():
                continue
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)


async def all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at the same time, to its end whatever fails.

    :raises Exception: the first that failed failed with it.
    """
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
