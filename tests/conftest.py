"""What many tests need: a migrated, empty store of their own, on SQLite and on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from shutil import copyfile

import asyncpg
import pytest
from alembic import command
from sqlmodel import SQLModel

from preferences.store import tables
from preferences.store.engine import Store, open_store
from preferences.store.migrate import alembic_config
from tests.vaults import VAULT

assert tables, "importing them is what fills the metadata"

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "askfirst.db"
    command.upgrade(alembic_config(f"sqlite:///{file}", VAULT), "head")
    return file


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    name = f"askfirst_template_{token_hex(4)}"
    try:
        _administer(f'CREATE DATABASE "{name}"')
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL at TEST_DATABASE_URL ({error})")
    try:
        command.upgrade(alembic_config(_postgresql(name), VAULT), "head")
        yield name
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgresql_database(postgresql_template: str) -> Iterator[str]:
    yield from _fresh(postgresql_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is migrated and empty, once for each database that is supported.

    On PostgreSQL it is one for the whole run: to empty it takes a tenth of what a new one takes.
    """
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{copyfile(template, tmp_path / 'askfirst.db')}"
    url: str = request.getfixturevalue("postgresql_database")
    newest_first = reversed(SQLModel.metadata.sorted_tables)
    emptying = "; ".join(str(table.delete()) for table in newest_first)
    _administer(f"SET session_replication_role = replica; {emptying}", url)  # past the guards
    return url


@pytest.fixture
def postgresql_url(postgresql_template: str) -> Iterator[str]:
    """A new one, for what PostgreSQL alone can show, or what spoils it."""
    yield from _fresh(postgresql_template)


@pytest.fixture
def empty_postgresql_url(postgresql_template: str) -> Iterator[str]:
    """A new one without any table; the template is named so that all skip alike without a server."""
    del postgresql_template
    yield from _fresh("template0")


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("empty_postgresql_url")
        return url
    return f"sqlite:///{tmp_path}/askfirst.db"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url, VAULT) as opened:
        yield opened


def _fresh(template: str) -> Iterator[str]:
    name = f"askfirst_test_{token_hex(4)}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _postgresql(name)
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def _postgresql(name: str) -> str:
    return f"{ADMIN.rpartition('/')[0]}/{name}"


def _administer(statement: str, url: str = ADMIN) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
