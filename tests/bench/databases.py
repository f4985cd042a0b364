"""The benchmark's own databases, and the least that each could be asked to do: the baselines."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import asyncpg
from alembic import command

from preferences.store.migrate import alembic_config
from preferences.store.vault import Vault

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
"""A PostgreSQL server where databases may be created."""

AT_ONCE = 8
"""How many ask at the same time where a rate is measured."""

_PROFILES = ("shopper", "identity", "answer", "own_words", "suppression", "consent_event")
"""What profiles are read from."""

_TABLE = "CREATE TABLE bench (id TEXT PRIMARY KEY, body TEXT NOT NULL)"
_BODY = "x" * 200


class Bare(Protocol):
    """Asks a database with nothing of ours in between."""

    async def read(self, shopper: str) -> None:
        """Read one row by its primary key."""

    async def write(self) -> None:
        """Insert one row and commit, as durably as the store does."""

    async def scan(self) -> None:
        """Bring every row that profiles are read from into this process, and drop it."""

    async def size(self) -> int:
        """Give the bytes that the database takes on disk."""


@asynccontextmanager
async def sqlite_database(folder: Path, vault: Vault) -> AsyncIterator[str]:
    """Give the URL of a new one, migrated; it is removed afterwards."""
    file = folder / f"bench-{token_hex(4)}.db"
    url = f"sqlite:///{file}"
    try:
        await asyncio.to_thread(command.upgrade, alembic_config(url, vault), "head")
        yield url
    finally:
        for suffix in ("", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)


@asynccontextmanager
async def postgresql_database(admin: str, vault: Vault) -> AsyncIterator[str]:
    """Give the URL of a new one, migrated; it is dropped afterwards."""
    name = f"askfirst_bench_{token_hex(4)}"
    url = f"{admin.rpartition('/')[0]}/{name}"
    await _administer(admin, f'CREATE DATABASE "{name}"')
    try:
        await asyncio.to_thread(command.upgrade, alembic_config(url, vault), "head")
        yield url
    finally:
        await _administer(admin, f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Bare]:
    """Connect to the database of a store."""
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file, isolation_level=None)) as here:
            for pragma in ("synchronous=FULL", "busy_timeout=5000"):
                here.execute(f"PRAGMA {pragma}")
            here.execute(_TABLE)
            yield _BareSqlite(file, here)
        return
    async with asyncpg.create_pool(url, min_size=AT_ONCE, max_size=AT_ONCE) as there:
        await there.execute(_TABLE)
        yield _BarePostgresql(there)


class _BareSqlite:
    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self._file = file
        self._connection = connection

    async def read(self, shopper: str) -> None:
        self._connection.execute("SELECT * FROM shopper WHERE id = ?", (shopper,)).fetchall()

    async def write(self) -> None:
        self._connection.execute("INSERT INTO bench VALUES (?, ?)", (token_hex(16), _BODY))

    async def scan(self) -> None:
        for table in _PROFILES:
            for _ in self._connection.execute(f"SELECT * FROM {table}"):  # noqa: S608
                pass

    async def size(self) -> int:
        return self._file.stat().st_size


class _BarePostgresql:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def read(self, shopper: str) -> None:
        await self._pool.fetch("SELECT * FROM shopper WHERE id = $1", shopper)

    async def write(self) -> None:
        await self._pool.execute("INSERT INTO bench VALUES ($1, $2)", token_hex(16), _BODY)

    async def scan(self) -> None:
        for table in _PROFILES:
            await self._pool.copy_from_table(table, output=_drop)

    async def size(self) -> int:
        size: int = await self._pool.fetchval("SELECT pg_database_size(current_database())")
        return size


async def _drop(_rows: bytes) -> None:
    """Take rows, and do nothing with them."""


async def _administer(admin: str, statement: str) -> None:
    connection = await asyncpg.connect(admin, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
