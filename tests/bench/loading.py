"""Loads a crowd into an empty, migrated database as quickly as it takes it."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

import asyncpg

from preferences.store.tables import Row
from preferences.store.vault import Vault
from tests.bench.crowd import Crowd, Values, shopper_ids

_BATCH = 2_000

type Step = Callable[[int], object]
"""Is told how many more shoppers are loaded."""


async def load(
    url: str, count: int, vault: Vault, now: datetime, step: Step = bool, more: Sequence[Row] = ()
) -> list[str]:
    """Load shoppers into the database of a URL, and give their ids.

    Indexes and triggers are put aside meanwhile, foreign keys not looked at. Everybody has one each
    of `more` as well.
    """
    ids = shopper_ids(count)
    if url.startswith("sqlite:///"):
        crowd = Crowd(vault, _for_sqlite, now, more)
        file = Path(url.removeprefix("sqlite:///"))
        await asyncio.to_thread(_load_sqlite, file, crowd, ids, step)
    else:
        await _load_postgresql(url, Crowd(vault, _for_postgresql, now, more), ids, step)
    return ids


def _batches(crowd: Crowd, ids: Sequence[str]) -> Iterator[tuple[int, dict[str, list[Values]]]]:
    """Give the rows of some shoppers at a time by table, and how many shoppers they are."""
    for some in batched(enumerate(ids, start=1), _BATCH):
        rows: dict[str, list[Values]] = {name: [] for name in crowd.columns}
        for number, shopper in some:
            for table, values in crowd.rows_of(number, shopper):
                rows[table].append(values)
        yield len(some), rows


def _load_sqlite(file: Path, crowd: Crowd, ids: Sequence[str], step: Step) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in (
        "journal_mode=OFF",
        "synchronous=OFF",
        "foreign_keys=OFF",
        "cache_size=-1000000",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    aside = _put_aside(connection)
    for table, columns, values in crowd.shared(len(ids)):
        connection.execute(_insertion(table, columns), values)
    for done, rows in _batches(crowd, ids):
        for table, some in rows.items():
            connection.executemany(_insertion(table, crowd.columns[table]), some)
        step(done)
    for statement in aside:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def _put_aside(connection: sqlite3.Connection) -> list[str]:
    """Drop what makes every row dearer, and give what makes it again."""
    found = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql <> ''"
    ).fetchall()
    for kind, name, _ in found:
        connection.execute(f'DROP {kind} "{name}"')
    return [sql for _, _, sql in found]


def _insertion(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("?" for _ in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({places})'  # noqa: S608


async def _load_postgresql(url: str, crowd: Crowd, ids: Sequence[str], step: Step) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    async with connection.transaction():
        found = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        for index in found:
            await connection.execute(f'DROP INDEX "{index["indexname"]}"')
        for table, columns, values in crowd.shared(len(ids)):
            await connection.copy_records_to_table(table, records=[values], columns=columns)
        for done, rows in _batches(crowd, ids):
            for table, some in rows.items():
                columns = crowd.columns[table]
                await connection.copy_records_to_table(table, records=some, columns=columns)
            step(done)
        for index in found:
            await connection.execute(index["indexdef"])
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _for_sqlite(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        case dict() | list():
            return json.dumps(value)
    return value


def _for_postgresql(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
