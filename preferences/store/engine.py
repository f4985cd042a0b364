"""Opens the store and hands out transactions; the only place that knows which database it is."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event, literal, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import UnavailableError, UnmigratedError
from preferences.settings import Settings
from preferences.store.journal import Journal
from preferences.store.remembering import RememberingSession, remembered
from preferences.store.sqlite import Writers, connect_sqlite
from preferences.store.vault import Vault, lost_keys, open_vault

_DRIVERS = {"sqlite://": "sqlite+aiosqlite://", "postgresql://": "postgresql+asyncpg://"}

# PostgreSQL's classes of errors that pass: no connection, no access or database (yet), a deadlock,
# no room, shutting down, a broken disk. asyncpg gives most of them no closer type.
_AWAY = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
_MISSING = frozenset({"42P01", "42703"})  # a table, a column
_UNMIGRATED = (
    "The preference store has no tables of this version yet; make them by `alembic upgrade head`,"
    " or start Askfirst by `make run`, which does it first."
)

VAULT = "vault"
_SEALED = (
    text("SELECT 1 FROM identity WHERE sealed_value IS NOT NULL LIMIT 1"),
    text("SELECT 1 FROM message WHERE sealed_text <> '' LIMIT 1"),
)
_WIPING = "wiping"
_WIPE_MILLISECONDS = 200


def vault_of(session: AsyncSession) -> Vault:
    """Give the vault of the store that the session belongs to."""
    vault: Vault = session.info[VAULT]
    return vault


def wipe_after(session: AsyncSession) -> None:
    """Have what this transaction deletes gone from SQLite's log too, once it is committed."""
    session.info[_WIPING] = True


class Store:
    """The preference store, open. `begin` is the only way in: a transaction that ends with it."""

    def __init__(self, engine: AsyncEngine, vault: Vault, journal: Journal) -> None:
        self.vault = vault
        self.journal = journal
        self._engine = engine
        self._reading = engine.execution_options(readonly=True)
        self._writers = Writers() if engine.dialect.name == "sqlite" else None

    @asynccontextmanager
    async def begin(self, *, readonly: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session that commits at the end, or rolls back and raises.

        A writer takes SQLite's lock at once, so that two never deadlock half-way, and after those
        of this process that came before; a reader takes none, and each of its queries sees what is
        committed by then.

        :raises UnmigratedError: the database has not the tables yet.
        :raises UnavailableError: the database is away or full, or somebody else deleted a row
            that was to be changed: nothing was stored.
        """
        engine = self._reading if readonly else self._engine
        try:
            info = {VAULT: self.vault}
            async with (
                self._turn(readonly=readonly),
                AsyncSession(
                    engine, sync_session_class=RememberingSession, expire_on_commit=False, info=info
                ) as session,
            ):
                yield session
                if not readonly:
                    await self._commit(session)
            if _WIPING in session.info:
                await self.wipe()
        except StaleDataError as error:
            message = "What was to be changed was deleted meanwhile; try again in a moment."
            raise UnavailableError(message) from error
        except (DBAPIError, OSError) as error:
            if isinstance(error, DBAPIError):
                if _is_unmigrated(error):
                    raise UnmigratedError(_UNMIGRATED) from error
                if not _is_away(error):
                    raise
            message = "The preference store cannot be reached; try again in a moment."
            raise UnavailableError(message) from error

    def _turn(self, *, readonly: bool) -> AbstractAsyncContextManager[None]:
        return nullcontext() if readonly or self._writers is None else self._writers.turn()

    async def wipe(self) -> None:
        """Empty SQLite's log into its file, as far as nobody is reading: what was deleted is gone.

        It is tried again by the daily sweep, so it waits for nobody.
        """
        if self._engine.dialect.name != "sqlite":
            return
        async with self._reading.connect() as connection:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={_WIPE_MILLISECONDS}")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            await connection.exec_driver_sql("PRAGMA busy_timeout=5000")

    async def _commit(self, session: AsyncSession) -> None:
        """Write what must outlive the database down outside of it, then commit."""
        await session.flush()
        if entries := await remembered(session, self.vault):
            await self.journal.write(entries)
        await session.commit()

    async def ping(self) -> None:
        """See whether the store can be reached and has its tables.

        :raises UnmigratedError: they are not there (yet).
        :raises UnavailableError: it cannot be reached.
        """
        async with self.begin(readonly=True) as session:
            await session.exec(select(literal(1)).select_from(table("shopper")).limit(1))


@asynccontextmanager
async def open_store(
    url: str, vault: Vault, journal: Journal | None = None
) -> AsyncIterator[Store]:
    """Open `sqlite:////file` or `postgresql://...` (already migrated), and close it afterwards.

    Without a journal nothing outlives a restored backup: a deployment opens its store by
    `open_own_store`.
    """
    engine = create_engine(url)
    try:
        yield Store(engine, vault, journal or Journal(None))
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_own_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the store of a deployment, with its keys and its journal.

    :raises SettingsError: the keys cannot be read or, at the first start, not be written.
    """
    vault = await own_vault(settings)
    async with open_store(settings.database, vault, Journal(settings.own_journal)) as store:
        yield store


async def own_vault(settings: Settings) -> Vault:
    """Open the vault of a deployment; keys are made only where nothing was sealed with others.

    :raises SettingsError: the keys are gone, cannot be read or, at the first start, not be written.
    """
    is_first = settings.keys_file is None and not settings.keys.exists()
    if is_first and await _holds_something_sealed(settings.database):
        raise lost_keys(settings.keys)
    return open_vault(settings)


async def _holds_something_sealed(url: str) -> bool:
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            found = [(await connection.execute(query)).first() for query in _SEALED]
            return any(found)
    except (DBAPIError, OSError):
        return False  # there are no tables yet, or whoever opens the store will say why not
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


def _is_unmigrated(error: DBAPIError) -> bool:
    """Whether a table or a column is missing; SQLite tells that by its sentence alone."""
    if getattr(error.orig, "sqlstate", None) in _MISSING:
        return True
    return str(error.orig).startswith(("no such table", "no such column"))


def _is_away(error: DBAPIError) -> bool:
    """Whether trying again may help: the connection is gone, or the database refuses for now."""
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    return str(getattr(error.orig, "sqlstate", ""))[:2] in _AWAY
