"""Gives a person everything that is held of them, in a form that a store can take in again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import inspect
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import Store
from preferences.store.holdings import HELD, Person, read_person, rows_of, table_of
from preferences.store.sealed import PREFIX, read_sealed
from preferences.store.tables import (
    ChangeRow,
    DispatchRow,
    IdempotencyRow,
    OutboxRow,
    Row,
    WebhookDeliveryRow,
)
from preferences.store.vault import Vault

FORMAT = "askfirst.export/1"
TRAFFIC = (OutboxRow, ChangeRow, WebhookDeliveryRow, IdempotencyRow, DispatchRow)
"""What this store told to whom: shown, but of no meaning in another store."""
KEPT = tuple(table for table in HELD if table not in TRAFFIC)
"""What is taken in again."""

_LOOKUP = "lookup"


async def export_shopper(store: Store, shopper: str) -> dict[str, Any]:
    """Give every row of every table that holds the person, with sealed values in clear.

    Times are ISO 8601 in UTC. Keyed hashes are left out where the value itself is there.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        person = await read_person(session, store.vault, shopper)
        held = {table.__tablename__: await _rows(session, store, person, table) for table in KEPT}
        traffic = {
            table.__tablename__: await _rows(session, store, person, table) for table in TRAFFIC
        }
    return {"format": FORMAT, "shopper": person.head, "held": held, "traffic": traffic}


async def _rows(
    session: AsyncSession, store: Store, person: Person, table: type[Row]
) -> list[dict[str, Any]]:
    in_order = table_of(table).primary_key.columns
    query = select(table).where(rows_of(person, table)).order_by(*in_order)
    return [as_page(store.vault, row) for row in (await session.exec(query)).all()]


def as_page(vault: Vault, row: Row) -> dict[str, Any]:
    """Give a row with what is sealed in it opened, under the name without `sealed_`."""
    page = {}
    for name, held in row.model_dump().items():
        if name.startswith(PREFIX):
            page[name.removeprefix(PREFIX)] = read_sealed(vault, row, name.removeprefix(PREFIX))
        else:
            page[name] = _time(held) if isinstance(held, datetime) else held
    if is_named(page):
        del page[_LOOKUP]
    return page


def is_named(page: Mapping[str, Any]) -> bool:
    """Tell whether a row has what its keyed hash is made of, so that the hash can be made again."""
    return _LOOKUP in page and any(page.get(name) for name in ("value", "body"))


def sealed_columns(table: type[Row]) -> list[str]:
    """Name the sealed columns of a table, without their prefix."""
    columns = inspect(table).columns.keys()
    return [name.removeprefix(PREFIX) for name in columns if name.startswith(PREFIX)]


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
