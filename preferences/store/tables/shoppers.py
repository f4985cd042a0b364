"""Who is who: shoppers, their names, and which of them are one person."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from preferences.store.tables.base import Row, a_time


class ShopperRow(Row, table=True):
    """Somebody who talks or buys, known by a random id alone.

    `head_id` is who this is: the shopper's own id, or another's since both were found to be one
    person. Rows stay where they were written, so that a link can be undone without loss.
    `ledger_seq` and `ledger_hash` are the end of the shopper's chain of consent events.
    """

    __tablename__ = "shopper"
    id: str = Field(primary_key=True)
    head_id: str = Field(foreign_key="shopper.id", index=True)
    created_at: datetime = a_time()
    ledger_seq: int = 0
    ledger_hash: str = ""


class IdentityRow(Row, table=True):
    """A name by which a channel or the shop knows a shopper, linked on proof and unlinkable.

    After an erasure `sealed_value` is gone; `lookup` stays, so that the wish is known again.
    """

    __tablename__ = "identity"
    __table_args__ = (
        Index(
            "identity_in_force",
            "kind",
            "lookup",
            unique=True,
            sqlite_where=text("unlinked_at IS NULL"),
            postgresql_where=text("unlinked_at IS NULL"),
        ),
        Index(
            "identity_given_up",
            "unlinked_at",
            sqlite_where=text("unlinked_at IS NOT NULL"),
            postgresql_where=text("unlinked_at IS NOT NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    kind: str
    lookup: str
    sealed_value: str | None = None
    assurance: str
    proof: str
    linked_at: datetime = a_time()
    seen_at: datetime = a_time()
    unlinked_at: datetime | None = a_time(default=None)
    unlinked_why: str | None = None


class LinkRow(Row, table=True):
    """Two shoppers were found to be one person, or found not to be: who says so, and on which proof."""

    __tablename__ = "link"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    head_id: str = Field(foreign_key="shopper.id", index=True)
    state: str
    proof: str
    actor: str
    at: datetime = a_time()


class RemovalRow(Row, table=True):
    """Opens the ledgers of one shopper for deletion, within the transaction that does it."""

    __tablename__ = "removal"
    shopper_id: str = Field(primary_key=True)
