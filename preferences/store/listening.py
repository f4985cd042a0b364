"""Hears PostgreSQL tell of a commit that leaves something to be told: a trigger of the outbox rings."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg

from preferences.errors import UnavailableError

CHANNEL = "askfirst_outbox"
_ALIVE = 30.0  # seconds between looks whether the connection still stands


async def listen(url: str, ring: Callable[[], None]) -> None:
    """Ring once now, and at every commit that marks the outbox, until the connection is lost.

    :raises UnavailableError: it cannot be made, or is lost: listen again in a moment.
    """
    lost = asyncio.Event()
    try:
        connection = await asyncpg.connect(url)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *_: ring())
            ring()
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _ALIVE)
                    break
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        pass
    message = "PostgreSQL cannot be listened to; the outbox is looked at often instead."
    raise UnavailableError(message)
