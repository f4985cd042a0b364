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

from preferences.store.engine import Store, open_store
from preferences.store.migrate import alembic_config

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "askfirst.db"
    command.upgrade(alembic_config(f"sqlite:///{file}"), "head")
    return file


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    name = f"askfirst_template_{token_hex(4)}"
    try:
        _administer(f'CREATE DATABASE "{name}"')
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL at TEST_DATABASE_URL ({error})")
    try:
        command.upgrade(alembic_config(_postgresql(name)), "head")
        yield name
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store that is migrated and empty, once for each database that is supported."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        yield f"sqlite:///{copyfile(template, tmp_path / 'askfirst.db')}"
    else:
        yield from _fresh(request.getfixturevalue("postgresql_template"))


@pytest.fixture
def postgresql_url(postgresql_template: str) -> Iterator[str]:
    """The same for what PostgreSQL alone can show: several processes that write at once."""
    yield from _fresh(postgresql_template)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with open_store(store_url) as opened:
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


def _administer(statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(ADMIN, timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
