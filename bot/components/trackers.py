"""Conversations as Rasa keeps them, bounded: the five hundredth event costs what the first did."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any, Protocol
from urllib.parse import quote

import psycopg2
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, UserUttered
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from bot.components.errors import TrackerUnavailableError

KEPT_EVENTS = 40
HOT_CONVERSATIONS = 1000
PATIENCE_S = 5


class Rows(Protocol):
    """The table `tracker`, made by the project's migrations; used by one thread only.

    Its methods raise TrackerUnavailableError, after which the next call connects anew.
    """

    def read(self, sender_id: str) -> str | None:
        """The JSON array of a conversation's events."""

    def write(self, sender_id: str, events: str) -> None:
        """Set it."""

    def senders(self) -> list[str]:
        """Every conversation that has a row."""

    def close(self) -> None:
        """Let go of the connection."""


READ = "SELECT events FROM tracker WHERE sender_id = {0}"
SENDERS = "SELECT sender_id FROM tracker"
WRITE = (
    "INSERT INTO tracker (sender_id, events, updated_at) VALUES ({0}, {0}, {0}) "
    "ON CONFLICT (sender_id) DO UPDATE "
    "SET events = excluded.events, updated_at = excluded.updated_at"
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
        """See Rows; the time is written as SQLAlchemy reads it on SQLite."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        self._run(WRITE, sender_id, events, now)

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

    def senders(self) -> list[str]:
        """See Rows."""
        return [row[0] for row in self._run(SENDERS)]


def open_rows(url: str | None) -> Rows:
    """The table behind a URL; raises RasaException for one that is neither kind."""
    scheme, _, rest = (url or "").partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite" and len(rest) > 1:
        return SqliteRows(rest[1:])
    if kind in {"postgresql", "postgres"}:
        return PostgresRows(f"postgresql://{rest}")
    raise RasaException("Set ASKFIRST_TRACKER_URL to sqlite:////file or postgresql://….")


def cut(events: Sequence[Event], limit: int = KEPT_EVENTS) -> int:
    """How many of the oldest events to forget so that whole turns remain, at most `limit` events.

    A turn begins with the listening that came before its message; the newest turn always stays.
    """
    starts = [
        place - 1
        for place in range(1, len(events))
        if isinstance(events[place], UserUttered) and _is_listening(events[place - 1])
    ]
    if len(events) <= limit or not starts:
        return 0
    return next((start for start in starts if len(events) - start <= limit), starts[-1])


def _is_listening(event: Event) -> bool:
    return isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME


class KeptTracker(DialogueStateTracker):
    """A tracker that remembers how its events stand in the row, and so writes only new ones."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """See DialogueStateTracker."""
        super().__init__(*args, **kwargs)
        self._written: list[str] = []

    @classmethod
    def of_row(cls, sender_id: str, row: str, slots: Iterable[Slot]) -> KeptTracker:
        """The tracker that was written."""
        events = json.loads(row)
        tracker = cls.from_dict(sender_id, events, slots)
        tracker._written = [json.dumps(event) for event in events]
        return tracker

    def forget_old(self) -> None:
        """Drop the turns that no longer fit."""
        forgotten = cut(list(self.events))
        del self._written[:forgotten]
        for _ in range(forgotten):
            self.events.popleft()

    def row(self) -> str:
        """The JSON array of all events."""
        new = list(self.events)[len(self._written) :]
        self._written += [json.dumps(event.as_dict()) for event in new]
        return f"[{','.join(self._written)}]"


class BoundedTrackerStore(TrackerStore):
    """One row a conversation, its last turns only, and the busiest ones ready in memory.

    A conversation is lent out by `retrieve` and comes back with `save`. When a turn fails in
    between it is not ready any more, and the next turn starts from the row, which is the truth.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        **_: Any,
    ) -> None:
        """Rasa calls the `url` of endpoints.yml `host`."""
        super().__init__(domain, event_broker)
        self._rows = open_rows(host)
        self._ready: OrderedDict[str, KeptTracker] = OrderedDict()
        # One thread, as the connection is one: the event loop never waits for the database.
        self._thread = ThreadPoolExecutor(1, "tracker")

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The last turns of a conversation, or None for a new one."""
        ready = self._ready.pop(sender_id, None)
        if ready is not None:
            return ready
        row = await self._in_thread(self._rows.read, sender_id)
        return None if row is None else KeptTracker.of_row(sender_id, row, self.domain.slots)

    def init_tracker(self, sender_id: str) -> DialogueStateTracker:
        """A conversation without events."""
        return KeptTracker(sender_id, self.domain.slots)

    async def create_tracker(
        self, sender_id: str, append_action_listen: bool = True
    ) -> DialogueStateTracker:
        """A new conversation, which has no row before its first turn is done."""
        tracker = self.init_tracker(sender_id)
        if append_action_listen:
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the row; only then is the conversation ready for its next turn."""
        if not isinstance(tracker, KeptTracker):
            raise TypeError("Only a tracker of this store can be saved in it.")
        tracker.forget_old()
        await self._in_thread(self._rows.write, tracker.sender_id, tracker.row())
        self._ready[tracker.sender_id] = tracker
        if len(self._ready) > HOT_CONVERSATIONS:
            self._ready.popitem(last=False)

    async def keys(self) -> Iterable[str]:
        """Every conversation that has a row."""
        return await self._in_thread(self._rows.senders)

    async def close(self) -> None:
        """Let go of the database; the next turn would come back to it."""
        await self._in_thread(self._rows.close)

    async def _in_thread(self, work: Any, *values: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
