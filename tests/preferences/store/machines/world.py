"""The store that a state machine plays with, a clock that moves when told to, and how long to play.

Every example makes shoppers of its own, so that one store is enough for all of them.
"""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, settings
from sqlmodel import SQLModel, col, select

from preferences.store.engine import Store
from tests.preferences.scenes import NOW

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
"""A thousand examples of fifty steps, instead of what fits into every run of the tests."""


def playing(examples: int, steps: int) -> settings:
    """Give how long to play in every run of the tests; the thorough profile overrules it."""
    return settings(
        max_examples=1000 if THOROUGH else examples,
        stateful_step_count=50 if THOROUGH else steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],  # so few steps are read as they are
        print_blob=True,
    )


@dataclass
class World:
    """A store, the loop that it lives in, and the time."""

    store: Store
    runner: asyncio.Runner
    now: datetime = NOW
    played: int = 0

    def run[Given](self, doing: Coroutine[None, None, Given]) -> Given:
        return self.runner.run(doing)

    def waits(self, time: timedelta) -> datetime:
        self.now += time
        return self.now

    async def rows[Row: SQLModel](
        self, table: type[Row], column: object, values: object
    ) -> list[Row]:
        """Give the rows of a table whose column has one of these values."""
        query = select(table).where(col(column).in_(values))
        async with self.store.begin(readonly=True) as session:
            return list((await session.exec(query)).all())
