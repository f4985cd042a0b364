"""The table of conversations, in SQLite or PostgreSQL: one row a conversation."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from typing import Any, Protocol
from urllib.parse import quote

import psycopg2
from rasa.shared.exceptions import RasaException

from bot.components.errors import TrackerUnavailableError

PATIENCE_S = 5
NO_DATABASE = "Set ASKFIRST_TRACKER_URL to sqlite:////file or postgresql://…."


class Rows(Protocol):
    """The table `tracker`, made by the project's migrations; used by one thread only.

    Its methods raise TrackerUnavailableError, after which the next call connects anew.
    """

    def read(self, sender_id: str) -> str | None:
        """Return the JSON array of a conversation's events."""

    def write(self, sender_id: str, events: str) -> None:
        """Set it."""

    def rewrite(self, sender_id: str, events: str) -> bool:
        """Set it where it is still there; False where it was erased."""

    def senders(self) -> list[str]:
        """List every conversation that has a row."""

    def close(self) -> None:
        """Let go of the connection."""


READ = "SELECT events FROM tracker WHERE sender_id = {0}"
SENDERS = "SELECT sender_id FROM tracker"
WRITE = (
    "INSERT INTO tracker (sender_id, events, updated_at) VALUES ({0}, {0}, {0}) "
    "ON CONFLICT (sender_id) DO UPDATE "
    "SET events = excluded.events, updated_at = excluded.updated_at"
)
REWRITE = (
    "UPDATE tracker SET events = {0}, updated_at = {0} WHERE sender_id = {0} RETURNING sender_id"
)


class SqliteRows:
    """The table in an SQLite file that other processes write too."""

    def __init__(self, path: str) -> None:
        """The file is opened at the first use and has to exist by then."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(self._path)}?mode=rw"
        connection = sqlite3.connect(uri, PATIENCE_S, isolation_level=None, uri=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # an erasure leaves nothing in the file
        return connection

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection.execute(statement.format("?"), values).fetchall()
        except sqlite3.Error as error:
            self.close()
            reason = f"The tracker's file {self._path} failed: {error}; is it migrated?"
            raise TrackerUnavailableError(reason) from error

    def close(self) -> None:
        """See Rows."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def read(self, sender_id: str) -> str | None:
        """See Rows."""
        rows = self._run(READ, sender_id)
        return rows[0][0] if rows else None

    def write(self, sender_id: str, events: str) -> None:
        """See Rows."""
        self._run(WRITE, sender_id, events, self._now())

    def rewrite(self, sender_id: str, events: str) -> bool:
        """See Rows."""
        return bool(self._run(REWRITE, events, self._now(), sender_id))

    def _now(self) -> str:
        """Write the time as SQLAlchemy reads it on SQLite."""
        return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")

    def senders(self) -> list[str]:
        """See Rows."""
        return [row[0] for row in self._run(SENDERS)]


class PostgresRows:
    """The table in PostgreSQL."""

    def __init__(self, url: str) -> None:
        """Connects at the first use."""
        self._url = url
        self._connection: Any = None

    def _connect(self) -> Any:
        patience = f"-c statement_timeout={PATIENCE_S * 1000}"
        connection = psycopg2.connect(self._url, connect_timeout=PATIENCE_S, options=patience)
        connection.autocommit = True
        return connection

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                cursor.execute(statement.format("%s"), values)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            self.close()
            # The database's own message may quote the row.
            reason = f"The tracker's PostgreSQL failed: {type(error).__name__}; is it up, migrated?"
            raise TrackerUnavailableError(reason) from error

    def close(self) -> None:
        """See Rows."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def read(self, sender_id: str) -> str | None:
        """See Rows."""
        rows = self._run(READ, sender_id)
        return rows[0][0] if rows else None

    def write(self, sender_id: str, events: str) -> None:
        """See Rows."""
        self._run(WRITE, sender_id, events, datetime.now(timezone.utc))

    def rewrite(self, sender_id: str, events: str) -> bool:
        """See Rows."""
        return bool(self._run(REWRITE, events, datetime.now(timezone.utc), sender_id))

    def senders(self) -> list[str]:
        """See Rows."""
        return [row[0] for row in self._run(SENDERS)]


def open_rows(url: str | None) -> Rows:
    """Choose the table behind a URL; raises RasaException for one that is neither kind."""
    scheme, _, rest = (url or "").partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and len(rest) > 1:
        return SqliteRows(rest[1:])
    if kind in {"postgresql", "postgres"}:
        return PostgresRows(f"postgresql://{rest}")
    raise RasaException(NO_DATABASE)
