"""What a shop reports of its products and orders, in words of our own whatever the platform."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from preferences.errors import BadInputError
from preferences.names import normal

_CUSTOMER = re.compile(r'"customer"\s*:\s*\{[^{}]*?"id"\s*:\s*"?([\w-]{1,64})')

type Status = Literal["placed", "delivered", "cancelled", "refunded"]
type NoteKind = Literal["refund", "delivered", "cancelled", "refunded"]

OVER: tuple[Status, ...] = ("cancelled", "refunded")
"""What is no purchase any more."""


@dataclass(frozen=True, slots=True)
class Product:
    """An article of the shop's feed; `audience` is empty where the feed does not tell."""

    sku: str
    title: str
    category: str
    audience: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One article of an order, before refunds that are told apart from it.

    `price` is that of one piece. `category`, `audience` and `size` are what the order itself tells:
    the feed of products goes before it. `ref` is the platform's own name of the line.
    """

    sku: str
    title: str
    quantity: int
    price: Decimal | None = None
    currency: str = ""
    category: str = ""
    audience: str = ""
    size: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to an order and stays true, whenever it is told: before it, or twice.

    `id` is unique within the order. A refund takes `quantity` pieces off the line called `ref`. What
    was cancelled or refunded as a whole is so until the order itself is told anew after `at`.
    """

    kind: NoteKind
    at: datetime
    id: str
    ref: str = ""
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order as it stood at `told_at`; `source` is the platform, `external_id` its own number.

    `address` is where it goes, in any spelling that stays the same: only its keyed hash is kept.
    """

    source: str
    external_id: str
    customer: str
    placed_at: datetime
    lines: tuple[Line, ...]
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    updated_at: datetime | None = None
    status: Status = "placed"
    gift_wrap: bool = False
    gift_message: bool = False
    ships_elsewhere: bool | None = None
    address: str = field(default="", repr=False)
    notes: tuple[Note, ...] = ()

    @property
    def told_at(self) -> datetime:
        """The moment that this report describes: of two reports the newer one holds."""
        return self.updated_at or self.placed_at

    @property
    def name(self) -> tuple[str, str] | None:
        """The one name that says whose it is: the number goes before the email, that before the phone.

        One is enough, and an order never proves that two names are one person's.
        """
        for kind, value in (
            ("customer", self.customer),
            ("email", self.email),
            ("phone", self.phone),
        ):
            try:
                return kind, normal(kind, value)
            except BadInputError:
                continue
        return None

    @property
    def all_notes(self) -> tuple[Note, ...]:
        """The notes, with what the status itself tells."""
        match self.status:
            case "placed":
                return self.notes
            case status:
                return (*self.notes, Note(status, self.told_at, status))


def customer_in(body: str) -> str | None:
    """Give the customer number that a report names, as far as one that cannot be read tells."""
    try:
        number = json.loads(body)["customer"]["id"]
    except (ValueError, RecursionError, KeyError, TypeError):
        found = _CUSTOMER.search(body)
        return found and found[1]
    told = isinstance(number, str | int) and not isinstance(number, bool)
    return (str(number).strip() or None) if told else None
