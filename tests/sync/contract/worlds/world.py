"""A CRM as the contract meets it: what it holds, and how it can be ill."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from preferences.settings import Settings
from sync.capabilities import FieldShape
from sync.delivery import Delivery
from tests.sync.contacts import contact


class World(Protocol):
    """One file `worlds/NAME.py` for each connector, with `open_world()` that yields it.

    `text` and `choice` are fields that the CRM has; `choice` takes the words of `options` alone.
    """

    settings: Settings
    secret: str
    text: str
    choice: str
    options: tuple[str, str]

    def telling(self, shopper: str, **more: Any) -> Delivery:
        """Make a delivery of somebody whom the CRM can know."""

    def held(self, shopper: str) -> Mapping[str, Any] | None:
        """Give the fields that the CRM holds of somebody, if there is exactly one such record."""

    def count(self) -> int:
        """Count the records."""

    def leaves(self, shopper: str) -> bool:
        """Tell whether the CRM keeps that somebody wants no mail."""

    def make_by_hand(self, fields: Sequence[FieldShape]) -> None:
        """Have fields that the CRM lets nobody make but its own people."""

    def go_away(self) -> None:
        """Answer nothing but 5xx."""

    def come_back(self) -> None:
        """Answer as before."""

    def throttle(self) -> None:
        """Say once that the limit is reached, in the vendor's own way."""

    def lose_the_answer(self) -> None:
        """Do what is asked next, and drop the answer."""

    def forget_us(self) -> None:
        """Accept our credentials no more."""


type OpenWorld = AbstractAsyncContextManager[World]


@dataclass
class VendorWorld:
    """What worlds of stand-ins for vendors share; `vendor` is the server."""

    vendor: Any
    settings: Settings
    text: str
    choice: str
    options: tuple[str, str] = ("gift", "self")

    @property
    def secret(self) -> str:
        secret: str = self.vendor.secret
        return secret

    def telling(self, shopper: str, **more: Any) -> Delivery:
        return contact(shopper, **more)

    def make_by_hand(self, fields: Sequence[FieldShape]) -> None:
        raise NotImplementedError(fields)

    def go_away(self) -> None:
        self.vendor.away = True

    def come_back(self) -> None:
        self.vendor.away = False

    def lose_the_answer(self) -> None:
        self.vendor.ills.append("the answer is dropped after the write")

    def forget_us(self) -> None:
        self.vendor.secret = "another"
