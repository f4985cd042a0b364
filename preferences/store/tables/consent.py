"""What a shopper permitted and forbade, and the words it was asked in."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from preferences.conversation import ConsentState
from preferences.store.tables.base import Row, a_json, a_time, a_word


class NoticeRow(Row, table=True):
    """The exact text of a notice, kept once under its hash."""

    __tablename__ = "notice"
    sha256: str = Field(primary_key=True)
    key: str
    version: int
    locale: str
    text: str
    first_shown_at: datetime = a_time()


class ConsentEventRow(Row, table=True):
    """One act that gave, refused, withdrew or ended permission, chained to the one before it.

    `hash` covers every other field and `prev_hash`; `evidence_sha256` the words of the act.
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        UniqueConstraint("shopper_id", "seq"),
        UniqueConstraint("shopper_id", "idempotency_key"),
    )
    id: str = Field(primary_key=True)
    schema_version: int
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    seq: int
    purpose: str
    lawful_basis: str
    data_categories: list[str] = a_json()
    recipients: list[str] = a_json()
    state: ConsentState = a_word()
    method: str
    actor: str
    assurance: str
    notice_version: int | None = None
    notice_sha256: str | None = Field(default=None, foreign_key="notice.sha256")
    shown_at: datetime | None = a_time(default=None)
    shown_ask: str | None = None
    disclosed_at: datetime | None = a_time(default=None)
    locale: str
    channel: str
    conversation_id: str
    message_id: str
    evidence_sha256: str | None = None
    supersedes: str | None = None
    idempotency_key: str
    withdrawal_method: str
    valid_until: datetime | None = a_time(default=None)
    occurred_at: datetime = a_time()
    prev_hash: str
    hash: str


class ConsentRow(Row, table=True):
    """The last word of a shopper on one purpose: the fold of the ledger, kept beside it."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "consent_given",
            "valid_until",
            sqlite_where=text("state = 'given'"),
            postgresql_where=text("state = 'given'"),
        ),
    )
    shopper_id: str = Field(foreign_key="shopper.id", primary_key=True)
    purpose: str = Field(primary_key=True)
    state: ConsentState = a_word()
    event_id: str = Field(foreign_key="consent_event.id", index=True)
    seq: int
    valid_until: datetime | None = a_time(default=None)
    occurred_at: datetime = a_time()


class SuppressionRow(Row, table=True):
    """Something the shopper does not want, in force until it expires or the shopper lifts it."""

    __tablename__ = "suppression"
    __table_args__ = (
        Index(
            "suppression_lifted",
            "lifted_at",
            sqlite_where=text("lifted_at IS NOT NULL"),
            postgresql_where=text("lifted_at IS NOT NULL"),
        ),
        Index(
            "suppression_expiring",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL"),
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        Index(
            "suppression_of_erased",
            "shopper_id",
            sqlite_where=text("reason = 'shopper_erased'"),
            postgresql_where=text("reason = 'shopper_erased'"),
        ),
    )
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    scope: str
    target: str
    source: str
    reason: str
    message_id: str = ""
    created_at: datetime = a_time()
    expires_at: datetime | None = a_time(default=None)
    lifted_at: datetime | None = a_time(default=None)
    lifted_by: str | None = None
