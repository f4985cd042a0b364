"""What a destination is told and what it says to it: the words that every connector shares."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from preferences.profile import Profile, as_json


@dataclass(frozen=True, slots=True)
class Delivery:
    """A shopper's whole profile, which replaces any that the destination has of a lower version.

    `profile` is the JSON of the preference API; `digest` tells two contents apart. The same version
    may come twice, the second time perhaps with a newer content: the later one counts.
    """

    shopper: str
    version: int
    profile: Mapping[str, Any]
    digest: str

    @classmethod
    def of(cls, profile: Profile, version: int) -> "Delivery":
        """Make the delivery of a profile as it is now."""
        body = as_json(profile)
        return cls(profile.shopper, version, body, digest(body))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one delivery. `refused` says why it can never be taken as it is, or nothing.

    The reason ends in the store and in logs, so it names no person and quotes no answer.
    """

    refused: str = ""


class Connector(Protocol):
    """One CRM, open. A new one is a module `sync/connectors/NAME.py` with an `open_connector`."""

    @property
    def batch_size(self) -> int:
        """How many deliveries it takes at once."""

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        """Tell the destination, and give one result per delivery, in their order.

        A delivery may be repeated after any failure, so it must be an upsert by the shopper's id.

        :raises DestinationUnavailableError: nothing or not everything was taken; all of it is to be
            told again later.
        :raises DestinationRefusedError: the destination refuses us, not one of these deliveries.
        """


def digest(body: Mapping[str, Any]) -> str:
    """Name a content: equal for equal profiles, whatever the order of their keys."""
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
