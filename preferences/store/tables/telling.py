"""Who has to be told what: CRMs, mirrors, webhooks."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from preferences.store.tables.base import Row, a_json, a_time


class OutboxRow(Row, table=True):
    """What a destination should know of a shopper against what it was told: dirty state, not a log.

    `held` names the fields, one a line, that are filled there by our doing, and is null as long as
    nobody set out to tell anything. `remote_id` is the destination's own name of the record. A dead
    letter was refused as it is: `last_error` says why, and it waits for a newer state or to be
    replayed.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_due",
            "destination",
            "urgent",
            "backfill",
            "next_attempt_at",
            sqlite_where=text("desired_version > synced_version"),
            postgresql_where=text("desired_version > synced_version"),
        ),
    )
    shopper_id: str = Field(foreign_key="shopper.id", primary_key=True)
    destination: str = Field(primary_key=True)
    desired_version: int = 1
    synced_version: int = 0
    urgent: bool = False
    payload_hash: str | None = None
    attempts: int = 0
    next_attempt_at: datetime = a_time()
    last_error: str | None = None
    backfill: bool = False
    held: str | None = None
    remote_id: str | None = None
    dirty_since: datetime | None = a_time(default=None)
    dead_at: datetime | None = a_time(default=None)


class DestinationRow(Row, table=True):
    """How a CRM fares: until when nothing is sent and why, and how far two long errands have come.

    `cursor` is up to where its own changes were pulled, `backfill_after` the last shopper that a
    backfill under way has marked.
    """

    __tablename__ = "destination"
    name: str = Field(primary_key=True)
    paused_until: datetime | None = a_time(default=None)
    pause: str = ""
    reason: str = ""
    since: datetime | None = a_time(default=None)
    last_success_at: datetime | None = a_time(default=None)
    cursor: str = ""
    pulled_at: datetime | None = a_time(default=None)
    backfill_after: str | None = None


class ChangeRow(Row, table=True):
    """Something that whoever mirrors the store has to learn: that it happened, not what it is now.

    `position` is given after the commit, in one order for all, so that a reader who asks for what
    comes after a position misses nothing and sees nothing twice.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("change_position", "position", unique=True),
        Index(
            "change_unplaced",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    position: int | None = Field(default=None, sa_type=BigInteger)
    shopper_id: str = Field(index=True)
    type: str
    detail: dict[str, Any] = a_json(default_factory=dict)
    at: datetime = a_time()


class ChangeFeedRow(Row, table=True):
    """Where the change feed stands: the last position that was given, whatever was removed since.

    `kept_after` is the last position that retention removed; who asks for less missed something.
    `promised` is the last that the journal says may be given: a restored database goes on after it.
    """

    __tablename__ = "change_feed"
    id: int = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    kept_after: int = Field(sa_type=BigInteger)
    promised: int = Field(default=0, sa_type=BigInteger)


class EndMarkRow(Row, table=True):
    """Up to which end of its kind everybody was told that time ended something."""

    __tablename__ = "end_mark"
    kind: str = Field(primary_key=True)
    at: datetime = a_time()
    id: str


class WebhookEndpointRow(Row, table=True):
    """Where somebody wants to hear of changes, until it is disabled.

    `position` is up to where changes were made deliveries of; no `types` means all of them.
    """

    __tablename__ = "webhook_endpoint"
    id: str = Field(primary_key=True)
    url: str
    types: list[str] = a_json()
    sealed_secret: str
    sealed_old_secret: str | None = None
    old_secret_until: datetime | None = a_time(default=None)
    position: int = Field(sa_type=BigInteger)
    failing_since: datetime | None = a_time(default=None)
    disabled_at: datetime | None = a_time(default=None)
    disabled_why: str | None = None
    created_at: datetime = a_time()


class WebhookDeliveryRow(Row, table=True):
    """One change on its way to one endpoint: how often it was tried, and what came back.

    Those of a lower `lane` go first: a withdrawal, and what the same shopper said before it.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "change_id", "replay"),
        Index(
            "webhook_delivery_due",
            "endpoint_id",
            "next_attempt_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "webhook_delivery_turn",
            "endpoint_id",
            "lane",
            "position",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "webhook_delivery_before",
            "endpoint_id",
            "shopper_id",
            "position",
            "attempts",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("webhook_delivery_log", "endpoint_id", "created_at", "id"),
    )
    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoint.id")
    change_id: str
    replay: int = 0
    shopper_id: str = Field(index=True)
    type: str
    position: int = Field(sa_type=BigInteger)
    lane: int = 1
    state: str = "waiting"
    attempts: int = 0
    next_attempt_at: datetime = a_time()
    last_status: int | None = None
    last_error: str | None = None
    created_at: datetime = a_time(index=True)
    done_at: datetime | None = a_time(default=None)
