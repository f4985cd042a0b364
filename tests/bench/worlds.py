"""What is measured: a world of servers that can be started, and talks with it, seen by a shopper."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tests.bench.processes import Running


class Talk(Protocol):
    """One conversation."""

    async def say(self, text: str) -> float:
        """Send words, and give the seconds until their reply is here."""

    async def press(self) -> float:
        """Press the next button, and give the seconds until its reply is here."""


class Open(Protocol):
    """A world that answers."""

    @property
    def running(self) -> Running:
        """Its processes."""

    def talks(self, count: int) -> AbstractAsyncContextManager[Sequence[Talk]]:
        """Begin conversations, each ready for its first words or button."""


class World(Protocol):
    """One side of the comparison."""

    @property
    def name(self) -> str:
        """What a person who waits is told."""

    @property
    def templates(self) -> tuple[str, ...]:
        """Sentences that make sense here."""

    @property
    def presses(self) -> int:
        """How many buttons a conversation has, one after another."""

    async def prepare(self) -> None:
        """Build what a start needs and what is not measured: projects, models."""

    def start(self) -> AbstractAsyncContextManager[tuple[Open, Mapping[str, float]]]:
        """Start it, wait until it is ready, and give the seconds that each sign of life took."""
