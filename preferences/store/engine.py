"""Opens the store and hands out transactions; the only place that knows which database it is."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event, literal, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import UnavailableError
from preferences.store.sqlite import connect_sqlite

# PostgreSQL's classes of connection failures, lack of resources, and operator's intervention.
_AWAY = frozenset({"08", "53", "57"})
_DRIVERS = {"sqlite://": "sqlite+aiosqlite://", "postgresql://": "postgresql+asyncpg://"}

# PostgreSQL's classes of errors that pass: no connection, no access or database (yet), a deadlock,
# no room, shutting down, a broken disk. asyncpg gives most of them no closer type.
_AWAY = frozenset({"08", "28", "3D", "40", "53", "57", "58"})


class Store:
    """The preference store, open. `begin` is the only way in: a transaction that ends with it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(readonly=True)

    @asynccontextmanager
    async def begin(self, *, readonly: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session that commits at the end, or rolls back and raises.

        A writer takes SQLite's lock at once, so that two never deadlock half-way; a reader takes
        none, and each of its queries sees what is committed by then.

        :raises UnavailableError: the database is away or full: nothing was stored.
        """
        engine = self._reading if readonly else self._engine
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session:
                yield session
                if not readonly:
                    await session.commit()
        except (DBAPIError, OSError) as error:
            if isinstance(error, DBAPIError) and not _is_away(error):
                raise
            message = "The preference store cannot be reached; try again in a moment."
            raise UnavailableError(message) from error

    async def ping(self) -> None:
        """See whether the store can be reached and has its tables.

        :raises UnavailableError: it cannot, or they are not there (yet).
        """
        try:
            async with self.begin(readonly=True) as session:
                await session.exec(select(literal(1)).select_from(table("shopper")).limit(1))
        except ProgrammingError as error:
            message = "The preference store has no tables yet; start Askfirst by `make run`."
            raise UnavailableError(message) from error


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open `sqlite:////file` or `postgresql://...` (already migrated), and close it afterwards."""
    engine = create_engine(url)
    try:
        yield Store(engine)
    finally:
        await engine.dispose()


def create_engine(url: str) -> AsyncEngine:
    """Make the engine for a URL without a driver, tuned for many small transactions.

    Its errors do not quote what was to be stored.
    """
    for plain, driver in _DRIVERS.items():
        if url.startswith(plain):
            url = url.replace(plain, driver, 1)
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # it logs what it stores
    if url.startswith("sqlite"):
        file = make_url(url).database or ":memory:"
        engine = create_async_engine(
            url, async_creator=partial(connect_sqlite, file), hide_parameters=True
        )
        tune_sqlite(engine.sync_engine)
        return engine
    return create_async_engine(url, pool_size=10, max_overflow=10, hide_parameters=True)


def tune_sqlite(engine: Engine) -> None:
    """Have every connection made ready for several writers and a power cut."""
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was acknowledged survives a power cut
        "foreign_keys=ON",
        "secure_delete=ON",
        "busy_timeout=5000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("readonly", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _is_away(error: DBAPIError) -> bool:
    """Whether trying again may help: the connection is gone, or the database refuses for now."""
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    return str(getattr(error.orig, "sqlstate", ""))[:2] in _AWAY
