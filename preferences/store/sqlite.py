"""SQLite, made steady: nobody leaves a connection in the middle of something, and writers take turns."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiosqlite import Connection

_LOCK_SECONDS = 5.0


class Writers:
    """Lets the writers of a process in one by one, in the order in which they came.

    SQLite alone has each of them ask again and again, and the next one is whoever asks at the right
    moment: who is unlucky waits until they are refused, however short the others are.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Be the one that writes.

        :raises TimeoutError: those before are not done in five seconds.
        """
        async with asyncio.timeout(_LOCK_SECONDS):
            await self._one.acquire()
        try:
            yield
        finally:
            self._one.release()


class _File(sqlite3.Connection):
    """Gives its locks back when it is closed.

    SQLite alone keeps a closed connection, and its lock, for as long as one of its cursors is
    referred to, which after an error is as long as somebody holds the traceback.
    """

    def close(self) -> None:
        """Roll back what is open, and close."""
        if self.in_transaction:
            self.rollback()
        super().close()


_QUICK = frozenset({(_File, "cursor"), (sqlite3.Cursor, "fetchall"), (sqlite3.Cursor, "close")})


class SteadyConnection(Connection):
    """Ends each call in its thread before a cancellation is felt.

    Otherwise the thread would go on for a caller that is gone: it might begin a transaction that
    nobody ends, and keep every other writer out. What cannot wait for anybody is done without the
    thread: three of the four calls of a query, each a tenth of what handing it over costs.
    """

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if (type(getattr(fn, "__self__", None)), fn.__name__) in _QUICK:
            return fn(*args, **kwargs)
        execute: Callable[..., Coroutine[Any, Any, Any]] = super()._execute
        return await _to_its_end(execute(fn, *args, **kwargs))


async def connect_sqlite(file: str) -> Connection:
    """Open a file, waiting up to five seconds for another writer whenever one is met."""
    connection = SteadyConnection(
        lambda: _File(file, timeout=_LOCK_SECONDS, check_same_thread=False), 64
    )
    try:
        return await _to_its_end(_opened(connection))
    except asyncio.CancelledError:
        await connection.close()
        raise


async def _opened(connection: Connection) -> Connection:
    return await connection


async def _to_its_end[Result](work: Coroutine[Any, Any, Result]) -> Result:
    """Await work that goes on in a thread; raise a cancellation only when it is done."""
    call = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            await _until_done(call)
        raise


async def _until_done(call: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait({call})
    except asyncio.CancelledError:
        return  # the first one will be raised
