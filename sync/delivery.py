"""What a destination is told and what it says to it: the words that every connector shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Protocol

from preferences.lanes import Lane
from preferences.profile import Profile, as_json


@dataclass(frozen=True, slots=True)
class Delivery:
    """A shopper's whole profile, which replaces any that the destination has of a lower version.

    `profile` is the JSON of the preference API. `fields` is what the mapping makes of it: None
    means that a field is to be emptied, a field that is not there stays as it is in the CRM; a
    destination without a mapping has none. `remote_id` is the destination's own name of the
    record as far as it is known. `digest` tells two contents apart. The same version may come
    twice, the second time perhaps with a newer content: the later one counts.
    """

    shopper: str
    version: int
    profile: Mapping[str, Any]
    digest: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str = ""
    lane: Lane = "news"

    @classmethod
    def of(cls, profile: Profile, version: int) -> "Delivery":
        """Make the delivery of a profile as it is now, for a destination without a mapping."""
        body = as_json(profile)
        return cls(profile.shopper, version, body, digest(body))

    @property
    def erased(self) -> bool:
        """Whether the shopper had everything deleted."""
        return bool(self.profile["erased"])


@dataclass(frozen=True, slots=True)
class Taken:
    """The destination has it; `remote_id` is its own name of the record, where it told one."""

    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never be taken as it is. The reason is the destination's own.

    It ends in the store and in logs, so it should name no person and quote no answer; the engine
    strikes out what it knows of the shopper all the same.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It may be taken as it is, not sooner than after `wait`."""

    reason: str
    wait: timedelta = timedelta()


type Result = Taken | Refused | Later
"""What became of one delivery."""


class Connector(Protocol):
    """One CRM, open. A new one is a module `sync/connectors/NAME.py` with an `open_connector`.

    What else a CRM can do is told by the protocols of `sync/capabilities.py`.
    """

    @property
    def batch_size(self) -> int:
        """How many deliveries it takes at once."""

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Tell the destination, and give one result per delivery, in their order.

        A delivery may be repeated after any failure, so it must be an upsert by the shopper's id.
        A push does not wait and try again by itself: what it holds would grow old meanwhile. It
        raises, and is called again with the shoppers as they are then.

        :raises DestinationUnavailableError: nothing or not everything was taken; all of it is to be
            told again later.
        :raises QuotaExhaustedError: the same, and nothing else will be taken before `wait` is over.
        :raises BatchRefusedError: one of these deliveries makes the destination refuse all of them;
            the engine finds out which by halves.
        :raises DestinationRefusedError: the destination refuses us, not one of these deliveries.
        """


def digest(body: Mapping[str, Any]) -> str:
    """Name a content: equal for equal profiles, whatever the order of their keys."""
    return sha256(_written(body).encode()).hexdigest()


_written = JSONEncoder(sort_keys=True).encode
