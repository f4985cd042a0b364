"""Tells whoever watches a conversation that something happened in it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

CHANGES = "changes"
"""The name under which whoever follows the change feed watches; no conversation has it."""

News = Literal["log", "thinking", "state", "closing"]


class Bus(Protocol):
    """Carries news of conversations to their watchers. News may be lost: the log is the truth."""

    async def tell(self, conversation: str, news: News) -> None:
        """Tell the watchers of one conversation; an empty name tells all of them."""

    def watch(self, conversation: str) -> AbstractContextManager[asyncio.Queue[News]]:
        """Give a queue of the news from now on."""

    def watchers(self, conversation: str) -> int:
        """Give how many watch a conversation here."""


class LocalBus:
    """The bus of one process."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[asyncio.Queue[News]]] = defaultdict(set)

    async def tell(self, conversation: str, news: News) -> None:
        """Tell every watcher here."""
        told = (
            [self._watchers.get(conversation, set())] if conversation else self._watchers.values()
        )
        for watchers in list(told):
            for watcher in list(watchers):
                watcher.put_nowait(news)

    @contextmanager
    def watch(self, conversation: str) -> Iterator[asyncio.Queue[News]]:
        """Watch until the block ends."""
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._watchers[conversation].add(queue)
        try:
            yield queue
        finally:
            self._watchers[conversation].discard(queue)
            if not self._watchers[conversation]:
                del self._watchers[conversation]

    def watchers(self, conversation: str) -> int:
        """Give how many watch a conversation here."""
        return len(self._watchers.get(conversation, ()))
