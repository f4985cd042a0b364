"""In order per shopper, in parallel across shoppers: says who has to be served, not with what.

The messages themselves are in the store, so a queue can lose everything and nothing is lost.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

logger = logging.getLogger(__name__)

Serve = Callable[[str], Awaitable[None]]


class Queue(Protocol):
    """Whoever is put into it is served soon, by one process and one task at a time."""

    async def put(self, shopper: str) -> None:
        """See to it that everything this shopper has sent by now is answered."""


class LocalQueue:
    """The queue of one process."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._joined: dict[str, list[asyncio.Future[None]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def put(self, shopper: str) -> None:
        """Have the shopper served, after what is under way for them."""
        self.join(shopper)

    def join(self, shopper: str) -> asyncio.Future[None]:
        """Have the shopper served; the future is done when a pass that began after now is."""
        served = asyncio.get_running_loop().create_future()
        if shopper in self._joined:
            self._joined[shopper].append(served)
        else:
            self._joined[shopper] = [served]
            running = asyncio.create_task(self._run(shopper))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return served

    async def _run(self, shopper: str) -> None:
        try:
            while joined := self._joined[shopper]:
                self._joined[shopper] = []
                try:
                    await self._serve(shopper)
                except Exception as error:  # noqa: BLE001 the store knows whom to take up again
                    name = type(error).__name__
                    logger.error("A shopper could not be served (%s); it is tried again.", name)  # noqa: TRY400 a traceback may quote what was said
                for served in joined:
                    served.set_result(None)
        finally:
            del self._joined[shopper]

    async def close(self) -> None:
        """Break off what is under way; the store knows that it is unanswered."""
        for running in list(self._running):
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


@asynccontextmanager
async def open_local_queue(serve: Serve) -> AsyncIterator[LocalQueue]:
    """Open the queue of one process."""
    queue = LocalQueue(serve)
    try:
        yield queue
    finally:
        await queue.close()
