"""Opens the store and hands out transactions; the only place that knows which database it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import UnavailableError

_DRIVERS = {"sqlite://": "sqlite+aiosqlite://", "postgresql://": "postgresql+asyncpg://"}


class Store:
    """The preference store, open. `begin` is the only way in: a transaction that ends with it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def begin(self, *, readonly: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session that commits at the end, or rolls back and raises.

        A writer takes SQLite's lock at once, so that two never deadlock half-way; a reader needs no
        lock.

        :raises UnavailableError: the database is away or full: nothing was stored.
        """
        options = {"readonly": True} if readonly else {}
        try:
            async with AsyncSession(
                self._engine.execution_options(**options), expire_on_commit=False
            ) as session:
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
        async with self.begin(readonly=True) as session:
            await session.execute(text("SELECT 1 FROM shopper LIMIT 1"))


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open `sqlite:////file` or `postgresql://...` (already migrated), and close it afterwards."""
    engine = create_engine(url)
    try:
        yield Store(engine)
    finally:
        await engine.dispose()


def create_engine(url: str) -> AsyncEngine:
    """Make the engine for a URL without a driver, tuned for many small transactions."""
    for plain, driver in _DRIVERS.items():
        if url.startswith(plain):
            url = url.replace(plain, driver, 1)
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": 5})
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)


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
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _is_away(error: DBAPIError) -> bool:
    """Whether trying again may help: the connection is gone, or the database refuses for now."""
    return error.connection_invalidated or type(error).__name__ in {
        "OperationalError",
        "InterfaceError",
    }
