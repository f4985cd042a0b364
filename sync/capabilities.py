"""What some CRMs can do besides being told; each a protocol of its own, found by `isinstance`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from sync.delivery import Delivery, Result

type FieldType = Literal["text", "number", "boolean", "date", "time", "choice", "choices"]


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field as a CRM has it, or should: `options` are the values of a choice, none: any."""

    name: str
    type: FieldType
    label: str = ""
    options: tuple[str, ...] = ()
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """A record that is asked for: by the shopper's id, and by the CRM's own where it is known."""

    shopper: str
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a CRM knows of somebody; who it is, by our id or by names of theirs.

    `opted_out` are channels (email, sms, whatsapp, phone, post, or all) that the person left in the
    CRM itself. `fields` are values by the CRM's names of the fields.
    """

    shopper: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    opted_out: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str = ""
    at: datetime | None = None


def named(**kinds: Any) -> dict[str, str]:
    """Give the names by kind that somebody really has, for `identities`."""
    return {kind: str(name) for kind, name in kinds.items() if name}


@dataclass(frozen=True, slots=True)
class Page:
    """What changed in a CRM after a cursor; `more` is there at once after the next one."""

    records: Sequence[Remote]
    cursor: str
    more: bool = False


@runtime_checkable
class Parallel(Protocol):
    """Takes several batches at the same time."""

    @property
    def in_flight(self) -> int:
        """How many at most, in one process."""


@runtime_checkable
class Paced(Protocol):
    """Has a limit. Waiting for one's turn comes before reading what is to be told, not after."""

    async def turn(self, *, urgent: bool) -> None:
        """Wait until one push may be made, and take that turn.

        :raises QuotaExhaustedError: there will be no turn for long.
        """


@runtime_checkable
class Describing(Protocol):
    """Tells which fields it has, and can be given more."""

    async def describe(self) -> Mapping[str, FieldShape]:
        """Give the fields of the record that shoppers are kept in, by name."""

    async def create(self, fields: Sequence[FieldShape]) -> None:
        """Create what is missing; a choice that is there gets the options that it lacks.

        :raises DestinationRefusedError: we may not; the sentence names the permission.
        """


@runtime_checkable
class Reading(Protocol):
    """Can be read back."""

    async def read(self, asked: Sequence[Lookup], fields: Sequence[str]) -> Mapping[str, Remote]:
        """Give the records that are there, by the shopper's id: those fields, empty ones as None.

        At most `batch_size` are asked for at once.
        """


@runtime_checkable
class Erasing(Protocol):
    """Can take a shopper out altogether. Without it, an erased shopper's fields are emptied."""

    async def erase(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Delete the records of these shoppers; one that is not there is taken. Raises as a push."""


@runtime_checkable
class Changed(Protocol):
    """Tells what was changed in it: opt-outs that were made there, and attributes."""

    async def changes(self, cursor: str, fields: Sequence[str]) -> Page:
        """Give what changed after a cursor, of which the empty one is the beginning.

        :raises DestinationUnavailableError: it is away; ask again from the same cursor.
        """
