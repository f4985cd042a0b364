"""How Alembic reaches the store: by the URL given to it, else by the settings."""

import asyncio
from typing import Any

import sqlalchemy
from alembic import context
from sqlalchemy import Connection, event
from sqlmodel import SQLModel

from preferences.settings import load_settings
from preferences.store import tables
from preferences.store.engine import create_engine, tune_sqlite
from preferences.store.vault import open_vault


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
    event.listen(engine, "connect", _loosen)
    try:
        with engine.begin() as connection:
            _run(connection)
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                message = f"Rows of {broken[0][0]} refer to nothing; restore a backup, try again."
                raise RuntimeError(message)
    finally:
        engine.dispose()


def _loosen(connection: Any, _record: object) -> None:
    """Let a table be dropped for its successor, to which others already refer by name."""
    connection.execute("PRAGMA foreign_keys=OFF")


async def _migrate_postgresql(url: str) -> None:
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


assert tables, "importing them is what fills the metadata"  # noqa: S101
url = context.config.attributes.get("url")
if not url:
    settings = load_settings()
    url = settings.database
    context.config.attributes["vault"] = open_vault(settings)
if url.startswith("sqlite"):
    _migrate_sqlite(url)
else:
    asyncio.run(_migrate_postgresql(url))
