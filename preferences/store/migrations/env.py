"""How Alembic reaches the store: by the URL given to it, else by the settings."""

import asyncio

import sqlalchemy
from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from preferences.settings import load_settings
from preferences.store import tables
from preferences.store.engine import create_engine, tune_sqlite


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _migrate_sqlite(url: str) -> None:
    """Without the driver's thread, which would complain of a file that cannot be opened."""
    engine = sqlalchemy.create_engine(url)
    tune_sqlite(engine)
    try:
        with engine.begin() as connection:
            _run(connection)
    finally:
        engine.dispose()


async def _migrate_postgresql(url: str) -> None:
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


assert tables, "importing them is what fills the metadata"  # noqa: S101
url = context.config.attributes.get("url") or load_settings().database
if url.startswith("sqlite"):
    _migrate_sqlite(url)
else:
    asyncio.run(_migrate_postgresql(url))
