"""A conversation as it goes on while many are kept at once, and what each of them did there."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from preferences.errors import BadInputError
from preferences.names import normal
from preferences.store.addresses import Names, Place
from preferences.store.arrivals import Arrival
from preferences.store.conversations import Conversation
from preferences.store.sealed import column_of
from preferences.store.tables import ConversationRow, MessageRow
from preferences.store.vault import Vault

type Key = tuple[str, str]
"""A kind of name, and the keyed hash by which one of that kind is found."""

type Kept = tuple[Conversation, int]
"""The conversation of whoever did something, and how much of it is new and waits for an answer."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one person did at a place; `read` tells it once the conversation is known."""

    place: Place
    names: Names
    read: Callable[[str], Sequence[Arrival]]
    referral: Mapping[str, str]


def keys_of(vault: Vault, deed: Deed) -> Iterator[Key]:
    """Give what the names of somebody are looked up by; nothing where there can be no such name."""
    for kind, name in deed.names.items():
        with suppress(BadInputError):
            yield from ((kind, lookup) for lookup in vault.lookups(kind, normal(kind, name)))


class Talk:
    """A conversation, locked, as it goes on in a lot."""

    def __init__(self, row: Any, head: str, vault: Vault) -> None:
        self.id: str = row.id
        self.place = Place(row.channel, row.account)
        self.rows: list[dict[str, Any]] = []
        self._row = row
        self._head = head
        self._vault = vault
        self._last: int = row.last_seq
        self._seen: datetime = row.seen_at
        self._handed_off: datetime | None = row.handed_off_at
        self._until: datetime | None = row.handed_off_until
        address = vault.open(row.sealed_address, column_of(ConversationRow, "address"), self.id)
        self._names: dict[str, str] = json.loads(address)

    def has(self, names: Names) -> bool:
        """Whether nobody has to be met anew under these names."""
        return names.items() <= self._names.items()

    def keep(self, arrivals: Sequence[Arrival], known: set[tuple[str, str]]) -> Kept:
        """Log what is not known yet."""
        waiting = 0
        for one in arrivals:
            if (self.id, one.message_id) not in known:
                known.add((self.id, one.message_id))
                self._log(one)
                waiting += not one.closed
        row = self._row
        return Conversation(self.id, self._head, row.channel, row.locale), waiting

    def is_changed(self, now: datetime) -> bool:
        """Whether something is new: a message, or that a person has been silent for long enough."""
        is_over = self._until is not None and self._until < now
        if is_over:
            self._handed_off = self._until = None
        return bool(self.rows) or is_over

    @property
    def ends(self) -> dict[str, Any]:
        """Give where it stands after the lot."""
        return {
            "talk": self.id,
            "last": self._last,
            "seen": self._seen,
            "handed_off": self._handed_off,
            "until": self._until,
        }

    def _log(self, one: Arrival) -> None:
        self._last += 1
        self._seen = max(self._seen, one.at)
        place = column_of(MessageRow, "text")
        self.rows.append(
            {
                "conversation_id": self.id,
                "seq": self._last,
                "author": "shopper",
                "kind": one.kind,
                "sealed_text": self._vault.seal(one.text, place, f"{self.id}/{self._last}"),
                "lang": self._row.locale,
                "message_id": one.message_id,
                "body": dict(one.body),
                "reply_to": None,
                "at": one.at,
                "answered_at": one.at if one.closed else None,
            }
        )
