"""Puts texts into sealed columns and reads them, each bound to its table, column and row."""

from functools import cache

from sqlalchemy import inspect

from preferences.store.tables import Row
from preferences.store.vault import Vault

PREFIX = "sealed_"
"""Every column of that prefix holds what `Vault.seal` made, or nothing."""


def put_sealed(vault: Vault, row: Row, column: str, text: str | None) -> None:
    """Seal a text into `sealed_<column>` of a row whose primary key is set."""
    sealed = None if text is None else vault.seal(text, _place(row, column), _key(row))
    setattr(row, PREFIX + column, sealed)


def read_sealed(vault: Vault, row: Row, column: str) -> str | None:
    """Open `sealed_<column>` of a row.

    :raises SealError: its key is missing, or it was moved here from another place.
    """
    sealed: str | None = getattr(row, PREFIX + column)
    return vault.open(sealed, _place(row, column), _key(row)) if sealed else None


def read_text(vault: Vault, row: Row, column: str) -> str:
    """Open a sealed column; nothing reads as an empty text."""
    return read_sealed(vault, row, column) or ""


def open_text(vault: Vault, table: type[Row], column: str, key: str, sealed: str) -> str:
    """Open what `sealed_<column>` of the row of a key holds, where the row itself is not at hand."""
    return vault.open(sealed, column_of(table, column), key) if sealed else ""


def column_of(table: type[Row], column: str) -> str:
    """Name `sealed_<column>` of a table as what is sealed there is bound to it."""
    return f"{table.__tablename__}.{column}"


def _place(row: Row, column: str) -> str:
    return column_of(type(row), column)


def _key(row: Row) -> str:
    return "/".join(str(getattr(row, name)) for name in _primary_key(type(row)))


@cache
def _primary_key(table: type[Row]) -> tuple[str, ...]:
    return tuple(column.name for column in inspect(table).primary_key)
