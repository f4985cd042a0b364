"""What was bought, and what the shop told about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from preferences.store.tables.base import Row, a_json, a_time


class ProductRow(Row, table=True):
    """What the shop sells, as its feed tells: the only source of a category or an audience."""

    __tablename__ = "product"
    sku: str = Field(primary_key=True)
    title: str
    category: str
    audience: str
    updated_at: datetime = a_time()


class PurchaseRow(Row, table=True):
    """An order as it stands: the newest report, and whatever was noted of it before or after.

    `told_at` and `digest` (a keyed hash) tell which of two reports holds. `recipient` is the keyed
    hash of the address that it goes to.
    """

    __tablename__ = "purchase"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: str = Field(primary_key=True)
    source: str
    external_id: str
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    placed_at: datetime = a_time(index=True)
    received_at: datetime = a_time()
    told_at: datetime = a_time()
    digest: str = ""
    status: str = "placed"
    delivered_at: datetime | None = a_time(default=None)
    gift_wrap: bool = False
    gift_message: bool = False
    ships_elsewhere: bool | None = None
    recipient: str = ""


class PurchaseLineRow(Row, table=True):
    """One article of an order; the feed knows what it is and for whom, the order tells it if not.

    `quantity` is what is left of the pieces that were `ordered`; `price` is a decimal number.
    """

    __tablename__ = "purchase_line"
    purchase_id: str = Field(foreign_key="purchase.id", primary_key=True)
    position: int = Field(primary_key=True)
    sku: str = Field(index=True)
    title: str
    quantity: int
    ordered: int
    price: str | None = None
    currency: str = ""
    category: str = ""
    audience: str = ""
    size: str = ""
    ref: str = ""


class PurchaseNoteRow(Row, table=True):
    """What was told of an order apart from it: a refund, a delivery, its end. It may come first."""

    __tablename__ = "purchase_note"
    source: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    at: datetime = a_time()
    ref: str = ""
    quantity: int = 0
    received_at: datetime = a_time(index=True)


class HabitRow(Row, table=True):
    """What the orders of a shopper tell: a new order is added, after any other change all are counted.

    `figures` is what is told outside, `habit` what the next order is compared with, `last_placed_at`
    when the latest order in it was placed; `stale` tells that the feed has another word since on
    something in it.
    """

    __tablename__ = "habit"
    __table_args__ = (
        Index(
            "habit_stale",
            "shopper_id",
            sqlite_where=text("stale"),
            postgresql_where=text("stale"),
        ),
    )
    shopper_id: str = Field(foreign_key="shopper.id", primary_key=True)
    figures: dict[str, Any] = a_json()
    habit: dict[str, Any] = a_json()
    last_placed_at: datetime | None = a_time(default=None)
    stale: bool = False


class PrivacyRequestRow(Row, table=True):
    """A platform asks, in the name of a shopper or of the shop, for data or for their deletion."""

    __tablename__ = "privacy_request"
    id: str = Field(primary_key=True)
    source: str
    delivery_id: str = Field(unique=True)
    kind: str
    shopper_id: str | None = Field(default=None, foreign_key="shopper.id", index=True)
    received_at: datetime = a_time(index=True)
    done_at: datetime | None = a_time(default=None)


class QuarantineRow(Row, table=True):
    """A signed webhook that could not be read, kept whole until somebody mends and replays it.

    `lookup` is the keyed hash of the customer that it names, if it names one: an erasure finds it.
    """

    __tablename__ = "quarantine"
    id: str = Field(primary_key=True)
    source: str
    topic: str
    delivery_id: str = Field(unique=True)
    lookup: str | None = Field(default=None, index=True)
    sealed_body: str
    problem: str
    received_at: datetime = a_time()
