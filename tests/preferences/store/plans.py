"""Remembers what a store asks of its database, and how the database goes about it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import Store
from preferences.store.holdings import HELD

BIG = frozenset(table.__tablename__ for table in HELD) - {"notice", "quarantine"}
"""Tables that grow with the shoppers."""

_PARTIAL = {
    index.name
    for table in SQLModel.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
_ASKED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass
class Asked:
    """Every statement once, as the driver was given it, and how many there were."""

    statements: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def touched(self) -> set[str]:
        """Give the big tables that any of it is about."""
        words = {word.strip('"(),') for one in self.statements for word in one.split()}
        return words & BIG

    def hear(self, statement: str, parameters: Any, *, several: bool) -> None:
        self.count += 1
        if statement.lstrip().startswith(_ASKED):
            self.statements.setdefault(statement, parameters[0] if several else parameters)


@contextmanager
def listening(store: Store) -> Iterator[Asked]:
    """Hear what is asked of the database within the block."""
    asked = Asked()

    def hear(_: object, __: object, statement: str, given: Any, ___: object, several: bool) -> None:  # noqa: FBT001
        asked.hear(statement, given, several=several)

    engine = store._engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", hear)


async def scans(store: Store, asked: Asked) -> dict[str, str]:
    """Give the statements that read a big table from end to end, each with what the plan says."""
    found = {}
    async with store.begin(readonly=True) as session:
        for statement, parameters in asked.statements.items():
            if scan := await _scan(session, statement, parameters):
                found[statement] = scan
    return found


async def _scan(session: AsyncSession, statement: str, parameters: Any) -> str:
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        asked = f"EXPLAIN QUERY PLAN {statement}"
        rows = (await connection.exec_driver_sql(asked, parameters)).all()
        return "; ".join(row.detail for row in rows if _is_sqlite_scan(row.detail, statement))
    # Of a few thousand rows a batch may be read quicker without; what matters is that it need not.
    await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    asked = f"EXPLAIN (FORMAT JSON) {statement}"
    page = (await connection.exec_driver_sql(asked, parameters)).scalar_one()
    [plan] = json.loads(page) if isinstance(page, str) else page
    return "; ".join(_postgresql_scans(plan["Plan"]))


def _is_sqlite_scan(detail: str, statement: str) -> bool:
    """Tell whether a step reads a whole table; an index read whole is as bad unless it ends early.

    An index may be read whole where it holds only what is looked for, or where a LIMIT ends it.
    Where a row is inserted, SQLite names the tables that refer to it, and looks there only while a
    reference is broken.
    """
    if _seeks_nothing(detail, statement):
        return True
    if not detail.startswith("SCAN ") or statement.startswith("INSERT"):
        return False
    _, name, *how = detail.split()
    is_short = bool(how) and ("LIMIT" in statement or how[-1] in _PARTIAL)
    return _table(name, statement) in BIG and not is_short


def _seeks_nothing(detail: str, statement: str) -> bool:
    """Tell whether an index is used to find the rows where a column is empty: mostly all of them."""
    found = re.search(r"\((\w+)=\?", detail)
    is_sought = found is not None and f".{found[1]} IS NULL" in statement
    return is_sought and found[1] != "position"  # what has none is few, and soon has one


def _table(name: str, statement: str) -> str:
    """Give the table behind an alias."""
    words = statement.replace(",", " ").split()
    for before, as_, alias in zip(words, words[1:], words[2:], strict=False):
        if as_.upper() == "AS" and alias == name:
            return before.strip('"')
    return name


def _postgresql_scans(plan: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
    """Give the big tables that a plan reads from end to end, by an index or without."""
    kind, table, index = plan["Node Type"], plan.get("Relation Name"), plan.get("Index Name")
    limited = limited or kind == "Limit"
    is_whole = index not in _PARTIAL and "Index Cond" not in plan and not limited
    if table in BIG and (kind == "Seq Scan" or (index and is_whole)):
        yield f"{kind} of {table} {plan.get('Filter', '')}"
    for below in plan.get("Plans", ()):
        yield from _postgresql_scans(below, limited=limited)
