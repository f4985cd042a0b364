"""What many tests need: a migrated, empty store of their own, on SQLite and on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import copyfile
from typing import Any

import asyncpg
import pytest
from alembic import command
from hypothesis import HealthCheck, settings
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel

from preferences.store import engine, tables
from preferences.store.engine import Store, open_store
from preferences.store.migrate import alembic_config
from tests.vaults import VAULT

assert tables, "importing them is what fills the metadata"

# How long an example takes is asserted nowhere: a machine that has much to do breaks no test.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

ADMIN = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Have the engines of all tests share the statements that SQLAlchemy compiled for one of them.

    Every test has an engine of its own. Each would compile its statements anew, and as SQLAlchemy
    keeps those of a hundred dialects for each table, all tests together would fill memory until its
    tidying up takes seconds, in which a writer waits for its turn in vain.
    """
    compiled: dict[type, Any] = {}
    make = engine.create_async_engine

    def sharing(*args: Any, **kwargs: Any) -> AsyncEngine:
        made = make(*args, query_cache_size=10_000, **kwargs)
        kind, own = type(made.dialect), made.sync_engine._compiled_cache
        made.sync_engine._compiled_cache = compiled.setdefault(kind, own)
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine, "create_async_engine", sharing)
        patched.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patched.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        yield


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
def emptied_postgresql(postgresql_template: str) -> Iterator[Callable[[], str]]:
    """Empties a database that is one for the whole run, and gives its URL.

    That takes a tenth of what a new one takes, and by a connection that stays, a hundredth.
    """
    newest_first = reversed(SQLModel.metadata.sorted_tables)
    emptying = "; ".join(str(table.delete()) for table in newest_first)
    with (
        contextmanager(_fresh)(postgresql_template) as url,
        asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner,
    ):
        connection = runner.run(asyncpg.connect(url))
        past_the_guards = "SET session_replication_role = replica"
        runner.run(connection.execute(past_the_guards))

        def empty() -> str:
            runner.run(connection.execute(emptying))
            return url

        yield empty
        runner.run(connection.close())


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is migrated and empty, once for each database that is supported."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{copyfile(template, tmp_path / 'askfirst.db')}"
    empty: Callable[[], str] = request.getfixturevalue("emptied_postgresql")
    return empty()


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
    # No test cuts the power of the server, so none waits for its disk.
    _administer(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
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
