"""The tables: what a shopper said is appended and never changed; the rest can be worked out again.

Ledgers (`consent_event`, `answer`, `decision`) only grow. Times are UTC. Rows never leave
`preferences.store`: its repositories hand out the domain's own types.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from preferences.conversation import AskKind, ConsentState, Outcome
from preferences.store.types import Json, UtcTime


class Row(SQLModel):
    """What every table shares: a name of its own, given in words of the domain."""

    __tablename__: ClassVar[str]


def _time(**more: Any) -> Any:
    return Field(sa_type=UtcTime, **more)


def _json(**more: Any) -> Any:
    return Field(sa_type=Json, **more)


def _word(**more: Any) -> Any:
    """A word of a closed vocabulary."""
    return Field(sa_type=String, **more)


class ShopperRow(Row, table=True):
    """Somebody who talks or buys, known by a random id alone."""

    __tablename__ = "shopper"
    id: str = Field(primary_key=True)
    created_at: datetime = _time()


class IdentityRow(Row, table=True):
    """A name by which a channel or the shop knows a shopper, linked on proof and unlinkable."""

    __tablename__ = "identity"
    __table_args__ = (
        Index(
            "identity_in_force",
            "kind",
            "value",
            unique=True,
            sqlite_where=text("unlinked_at IS NULL"),
            postgresql_where=text("unlinked_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    kind: str
    value: str
    assurance: str
    linked_at: datetime = _time()
    unlinked_at: datetime | None = _time(default=None)


class ConversationRow(Row, table=True):
    """One shopper on one channel: what was shown, what is open, whether the assistant may speak.

    `verified` tells that the shop vouched for who is talking here.
    """

    __tablename__ = "conversation"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    channel: str
    locale: str
    verified: bool = False
    created_at: datetime = _time()
    seen_at: datetime = _time()
    last_seq: int = 0
    disclosed_at: datetime | None = _time(default=None)
    open_ask_id: str | None = None
    unclear: int = 0
    turns: int = 0
    handed_off_at: datetime | None = _time(default=None)


class MessageRow(Row, table=True):
    """The log of a conversation, numbered without a gap; a channel resumes from it.

    `message_id` is the channel's own, there for what came in; `answered_at` tells that the turn was
    committed, with its replies under `reply_to`.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "message_id"),
        Index(
            "message_unanswered",
            "at",
            sqlite_where=text("message_id IS NOT NULL AND answered_at IS NULL"),
            postgresql_where=text("message_id IS NOT NULL AND answered_at IS NULL"),
        ),
    )
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    seq: int = Field(primary_key=True)
    author: str
    kind: str
    text: str
    lang: str
    message_id: str | None = None
    body: dict[str, Any] = _json(default_factory=dict)
    reply_to: int | None = None
    at: datetime = _time()
    answered_at: datetime | None = _time(default=None)


class AskRow(Row, table=True):
    """One question put to one shopper, in the words shown, and how it ended.

    `begun_by` is the first ask of a chain that is one question; `pending` what was said and is not
    an answer yet: it goes when the ask is closed.
    """

    __tablename__ = "ask"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    conversation_id: str = Field(foreign_key="conversation.id", index=True)
    question_id: str
    question_version: int
    kind: AskKind = _word()
    purpose: str
    wording: str
    options: list[dict[str, Any]] = _json()
    locale: str
    channel: str
    about: dict[str, Any] | None = _json(default=None)
    candidate_id: str | None = None
    begun_by: str | None = Field(default=None, index=True)
    pending: dict[str, Any] | None = _json(default=None)
    asked_at: datetime = _time()
    closed_at: datetime | None = _time(default=None)
    outcome: Outcome | None = _word(default=None)


class AnswerRow(Row, table=True):
    """What a shopper said, with everything that proves it. Never changed: a new one supersedes."""

    __tablename__ = "answer"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    ask_id: str = Field(foreign_key="ask.id", unique=True)
    question_id: str
    question_version: int
    purpose: str
    value: str
    detail: dict[str, Any] = _json()
    own_words: str | None = None
    kind: str
    confidence: float
    subject: str
    wording: str
    options: list[dict[str, Any]] = _json()
    locale: str
    channel: str
    message_id: str
    about: dict[str, Any] | None = _json(default=None)
    consent_id: str = Field(foreign_key="consent_event.id")
    asked_at: datetime = _time()
    answered_at: datetime = _time()


class ConsentEventRow(Row, table=True):
    """One act that gave, refused or withdrew permission, with the exact notice that was shown."""

    __tablename__ = "consent_event"
    __table_args__ = (UniqueConstraint("shopper_id", "seq"),)
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    seq: int
    purpose: str
    state: ConsentState = _word()
    method: str
    notice_version: int | None = None
    notice_sha256: str | None = None
    notice_text: str | None = None
    locale: str
    channel: str
    conversation_id: str
    message_id: str
    occurred_at: datetime = _time()


class SuppressionRow(Row, table=True):
    """Something the shopper does not want, in force until it expires or the shopper lifts it."""

    __tablename__ = "suppression"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    scope: str
    target: str
    source: str
    reason: str
    created_at: datetime = _time()
    expires_at: datetime | None = _time(default=None)
    lifted_at: datetime | None = _time(default=None)


class DecisionRow(Row, table=True):
    """Why the assistant asked what it asked, or kept silent."""

    __tablename__ = "decision"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    conversation_id: str
    trigger: str
    question_id: str | None = None
    reasons: list[dict[str, Any]] = _json()
    policy_version: int
    at: datetime = _time()


class ProductRow(Row, table=True):
    """What the shop sells, as its feed tells: the only source of a category or an audience."""

    __tablename__ = "product"
    sku: str = Field(primary_key=True)
    title: str
    category: str
    audience: str
    updated_at: datetime = _time()


class PurchaseRow(Row, table=True):
    """An order as the shop reported it, once."""

    __tablename__ = "purchase"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: str = Field(primary_key=True)
    source: str
    external_id: str
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    placed_at: datetime = _time()
    received_at: datetime = _time()


class PurchaseLineRow(Row, table=True):
    """One article of an order; the feed knows what it is and for whom."""

    __tablename__ = "purchase_line"
    purchase_id: str = Field(foreign_key="purchase.id", primary_key=True)
    position: int = Field(primary_key=True)
    sku: str
    title: str
    quantity: int


class CandidateRow(Row, table=True):
    """A question that an event made worth weighing; nothing is sent because of it alone."""

    __tablename__ = "candidate"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    question_id: str
    about: dict[str, Any] = _json()
    reason: str
    created_at: datetime = _time()
    expires_at: datetime = _time()
    closed_at: datetime | None = _time(default=None)


class QuarantineRow(Row, table=True):
    """A signed webhook that could not be read, kept whole until somebody mends and replays it."""

    __tablename__ = "quarantine"
    id: str = Field(primary_key=True)
    source: str
    topic: str
    delivery_id: str = Field(unique=True)
    body: str
    problem: str
    received_at: datetime = _time()


class OutboxRow(Row, table=True):
    """What a destination should know of a shopper against what it was told: dirty state, not a log."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_due",
            "destination",
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
    next_attempt_at: datetime = _time()
    last_error: str | None = None


class ApiKeyRow(Row, table=True):
    """A key of a CRM integration: only its hash is kept."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    label: str
    scopes: list[str] = _json()
    created_at: datetime = _time()
    expires_at: datetime = _time()
    revoked_at: datetime | None = _time(default=None)


class TrackerRow(Row, table=True):
    """What Rasa remembers of a conversation, bounded; written by the Rasa server alone."""

    __tablename__ = "tracker"
    sender_id: str = Field(primary_key=True)
    events: str
    updated_at: datetime = _time()
