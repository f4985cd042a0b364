"""Seals what the store holds under the newest keys, while everybody goes on reading and writing.

A value is replaced only where it is still the one that was read, so no writer loses anything; what
a writer seals meanwhile is under the newest key already, or is met in a later batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlmodel import SQLModel, col

from preferences.store.engine import Store
from preferences.store.sealed import PREFIX
from preferences.store.tables import IdentityRow, QuarantineRow
from preferences.store.vault import Keys, Vault, exchange_keys

_BATCH = 500
_LOOKUPS = (IdentityRow, QuarantineRow)

type Show = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values were sealed anew, how many names got a new keyed hash, how many cannot.

    A name whose value was erased keeps its hash, and so the key that made it has to stay.
    """

    values: int
    names: int
    kept: int


def _nothing(_count: int) -> None:
    """Show nobody how far it is."""


async def reseal(store: Store, show: Show = _nothing) -> Resealed:
    """Bring every sealed value and every keyed hash under the newest keys.

    `show` is called with how many rows were done since. It may be stopped and begun again.

    :raises SealError: a value cannot be opened; its key has to be brought back first.
    :raises UnavailableError: the store is away; begin again later.
    """
    values = 0
    for table, columns in sealed_columns():
        values += await _reseal(store, table, columns, show)
    names = await _rename(store, show)
    return Resealed(values, names, await _count(store, _old_names(store.vault, IdentityRow)))


async def outdated(store: Store) -> int:
    """Count the rows that `reseal` has to look at."""
    count = await _count(store, _old_names(store.vault, IdentityRow, with_value=True))
    for _, columns in sealed_columns():
        count += await _count(store, _old(columns, store.vault))
    return count


async def retire(store: Store) -> tuple[frozenset[str], frozenset[str]]:
    """Take the keys out of their file that nothing needs; give the ids of those, and of the others.

    Only once whoever sealed something before the newest keys were there has committed it.

    :raises SettingsError: the file cannot be written.
    """
    used = await keys_in_use(store)
    keys = store.vault.keys
    left = exchange_keys(store.vault.file, lambda now: now.without(_ids(keys) - used))
    return _ids(keys) - _ids(left), _ids(left)


async def keys_in_use(store: Store) -> frozenset[str]:
    """Give the ids of the keys without which something in the store cannot be read or found.

    The journal counts too: it names who is to be found after an old backup was restored.
    """
    keys = store.vault.keys
    hashes = (digest for entry in store.journal.read() for _, digest in entry.names)
    used = {digest.partition(".")[0] for digest in hashes}
    for key in keys.data:
        for _, columns in sealed_columns():
            if await _count(store, or_(*(column.startswith(f"{key}.") for column in columns))):
                used.add(key)
    for key in keys.lookup:
        for table in _LOOKUPS:
            if await _count(store, col(table.lookup).startswith(f"{key}.")):
                used.add(key)
    return frozenset(used)


def sealed_columns() -> list[tuple[Table, list[Column[str]]]]:
    """Give every table that holds something sealed, and its columns that do."""
    found = (
        (table, [column for column in table.columns if column.name.startswith(PREFIX)])
        for table in SQLModel.metadata.sorted_tables
    )
    return [(table, columns) for table, columns in found if columns]


async def _reseal(store: Store, table: Table, columns: list[Column[str]], show: Show) -> int:
    """Walk a table by its primary key, in transactions too short to keep anybody waiting."""
    keys, count = list(table.primary_key), 0
    after: Sequence[Any] | None = None
    while True:
        query = select(*keys, *columns).where(_old(columns, store.vault))
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        rows = await _rows(store, query.order_by(*keys).limit(_BATCH))
        if not rows:
            return count
        for column in columns:
            count += await _replace(store, table, column, rows)
        after = [rows[-1][key.name] for key in keys]
        show(len(rows))


async def _replace(
    store: Store, table: Table, column: Column[str], rows: Sequence[RowMapping]
) -> int:
    keys = list(table.primary_key)
    place = f"{table.name}.{column.name.removeprefix(PREFIX)}"
    newest = next(iter(store.vault.keys.data))
    changes = []
    for row in rows:
        held, key = row[column.name], [row[one.name] for one in keys]
        if held and not held.startswith(f"{newest}."):
            fresh = store.vault.reseal(held, place, "/".join(map(str, key)))
            parts = {f"key_{at}": part for at, part in enumerate(key)}
            changes.append({"held": held, "fresh": fresh, **parts})
    same = [one == bindparam(f"key_{at}") for at, one in enumerate(keys)]
    statement = update(table).where(*same, column == bindparam("held"))
    await _execute(store, statement.values({column: bindparam("fresh")}), changes)
    return len(changes)


async def _rename(store: Store, show: Show) -> int:
    """Work out the keyed hash of every name anew whose value is still there."""
    names, after = 0, ""
    while True:
        query = (
            select(*map(col, (IdentityRow.id, IdentityRow.kind, IdentityRow.lookup)))
            .add_columns(col(IdentityRow.sealed_value))
            .where(
                _old_names(store.vault, IdentityRow, with_value=True), col(IdentityRow.id) > after
            )
            .order_by(col(IdentityRow.id))
            .limit(_BATCH)
        )
        rows = await _rows(store, query)
        if not rows:
            return names
        changes = [_renamed(store.vault, row) for row in rows]
        statement = (
            update(IdentityRow)
            .where(col(IdentityRow.id) == bindparam("of"))
            .where(col(IdentityRow.lookup) == bindparam("held"))
            .values(lookup=bindparam("fresh"))
        )
        await _execute(store, statement, changes)
        names += len(changes)
        after = rows[-1]["id"]
        show(len(rows))


def _renamed(vault: Vault, row: RowMapping) -> dict[str, str]:
    name = vault.open(row["sealed_value"], "identity.value", row["id"])
    return {"of": row["id"], "held": row["lookup"], "fresh": vault.lookup(row["kind"], name)}


async def _rows(store: Store, query: Select[Any]) -> Sequence[RowMapping]:
    async with store.begin(readonly=True) as session:
        connection = await session.connection()
        rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
        return rows


async def _execute(store: Store, statement: Any, changes: list[dict[str, Any]]) -> None:
    if not changes:
        return
    async with store.begin() as session:
        connection = await session.connection()
        await connection.execute(statement, changes)


async def _count(store: Store, condition: ColumnElement[bool]) -> int:
    async with store.begin(readonly=True) as session:
        connection = await session.connection()
        return (await connection.execute(select(func.count()).where(condition))).scalar_one()


def _old(columns: Sequence[Column[str]], vault: Vault) -> ColumnElement[bool]:
    """Tell of a row that something in it is sealed, and not under the newest key."""
    newest = next(iter(vault.keys.data))
    return or_(
        *(
            and_(column.is_not(None), column != "", ~column.startswith(f"{newest}."))
            for column in columns
        )
    )


def _ids(keys: Keys) -> frozenset[str]:
    return frozenset({*keys.data, *keys.lookup})


def _old_names(
    vault: Vault, table: type[IdentityRow], *, with_value: bool = False
) -> ColumnElement[bool]:
    newest = next(iter(vault.keys.lookup))
    old = ~col(table.lookup).startswith(f"{newest}.")
    return old & col(table.sealed_value).is_not(None) if with_value else old
