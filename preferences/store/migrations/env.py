"""How Alembic reaches the store: by the URL given to it, else by the settings."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from preferences.settings import load_settings
from preferences.store import tables
from preferences.store.engine import create_engine


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect(url: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


assert tables, "importing them is what fills the metadata"  # noqa: S101
asyncio.run(_connect(context.config.attributes.get("url") or load_settings().database))
