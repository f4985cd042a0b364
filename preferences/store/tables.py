"""The tables: what a shopper said is appended and never changed; the rest can be worked out again.

Ledgers (`consent_event`, `answer`, `decision`, `link`, `notice`) only grow: triggers refuse any
change of a row, and its removal outside `removal`. A column named `sealed_…` is encrypted, bound to
its row; `lookup` is a keyed hash. Times are UTC. Rows never leave `preferences.store`: its
repositories hand out the domain's own types.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, String, UniqueConstraint, text
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
    """Somebody who talks or buys, known by a random id alone.

    `head_id` is who this is: the shopper's own id, or another's since both were found to be one
    person. Rows stay where they were written, so that a link can be undone without loss.
    `ledger_seq` and `ledger_hash` are the end of the shopper's chain of consent events.
    """

    __tablename__ = "shopper"
    id: str = Field(primary_key=True)
    head_id: str = Field(foreign_key="shopper.id", index=True)
    created_at: datetime = _time()
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
    linked_at: datetime = _time()
    seen_at: datetime = _time()
    unlinked_at: datetime | None = _time(default=None)
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
    at: datetime = _time()


class ConversationRow(Row, table=True):
    """One shopper on one channel: what was shown, what is open, whether the assistant may speak.

    `assurance` tells how sure it is who is talking here: `anonymous`, `claimed` or `verified`;
    `claimable_id` names who talked here before somebody signed in, whose answers may be taken over;
    `zone` is the time zone of the shopper's device, if it told one; `seen_at` when they last did
    something here themselves; `ended_at` when its session was ended: nothing comes in or out by it.
    """

    __tablename__ = "conversation"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    channel: str
    locale: str
    assurance: str = "anonymous"
    claimable_id: str | None = None
    zone: str = ""
    created_at: datetime = _time()
    seen_at: datetime = _time()
    last_seq: int = 0
    disclosed_at: datetime | None = _time(default=None)
    open_ask_id: str | None = None
    unclear: int = 0
    turns: int = 0
    handed_off_at: datetime | None = _time(default=None)
    ended_at: datetime | None = _time(default=None)


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
    sealed_text: str
    lang: str
    message_id: str | None = None
    body: dict[str, Any] = _json(default_factory=dict)
    reply_to: int | None = None
    at: datetime = _time(index=True)
    answered_at: datetime | None = _time(default=None)


class AskRow(Row, table=True):
    """One question put to one shopper, in the words shown, and how it ended.

    `begun_by` is the first ask of a chain that is one question; `pending` what was said and is not
    an answer yet: it goes when the ask is closed.
    """

    __tablename__ = "ask"
    __table_args__ = (
        Index(  # of those that have one: else SQLite would seek all the others by it
            "ask_chain",
            "begun_by",
            sqlite_where=text("begun_by IS NOT NULL"),
            postgresql_where=text("begun_by IS NOT NULL"),
        ),
    )
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
    begun_by: str | None = None
    sealed_pending: str | None = None
    asked_at: datetime = _time(index=True)
    closed_at: datetime | None = _time(default=None)
    outcome: Outcome | None = _word(default=None)


class AnswerRow(Row, table=True):
    """One fact of a shopper with everything that proves it. Never changed: a new one supersedes.

    What the shopper said is `declared`, under the consent in force then. What the shop saw or
    brought along is `observed`, `inferred` or `imported`, and has a `source` instead of an ask:
    the database itself takes nothing as declared that no shopper said under a permission.
    """

    __tablename__ = "answer"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('declared', 'observed', 'inferred', 'imported')", name="answer_kind"
        ),
        CheckConstraint(
            "kind <> 'declared' OR "
            "(source = 'shopper' AND message_id <> '' AND consent_id IS NOT NULL)",
            name="answer_declared",
        ),
    )
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    kind: str
    source: str
    ask_id: str | None = Field(default=None, foreign_key="ask.id", unique=True)
    question_id: str
    question_version: int
    purpose: str
    value: str
    detail: dict[str, Any] = _json()
    confidence: float
    subject: str
    wording: str
    options: list[dict[str, Any]] = _json()
    locale: str
    channel: str
    message_id: str
    about: dict[str, Any] | None = _json(default=None)
    consent_id: str | None = Field(default=None, foreign_key="consent_event.id", index=True)
    asked_at: datetime | None = _time(default=None)
    answered_at: datetime = _time(index=True)
    fresh_until: datetime | None = _time(default=None)


class OwnWordsRow(Row, table=True):
    """The shopper's own words to an answer, apart from it: they go sooner than the answer does."""

    __tablename__ = "own_words"
    answer_id: str = Field(primary_key=True, foreign_key="answer.id")
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    sealed_text: str
    at: datetime = _time(index=True)


class NoticeRow(Row, table=True):
    """The exact text of a notice, kept once under its hash."""

    __tablename__ = "notice"
    sha256: str = Field(primary_key=True)
    key: str
    version: int
    locale: str
    text: str
    first_shown_at: datetime = _time()


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
    data_categories: list[str] = _json()
    recipients: list[str] = _json()
    state: ConsentState = _word()
    method: str
    actor: str
    assurance: str
    notice_version: int | None = None
    notice_sha256: str | None = Field(default=None, foreign_key="notice.sha256")
    shown_at: datetime | None = _time(default=None)
    shown_ask: str | None = None
    disclosed_at: datetime | None = _time(default=None)
    locale: str
    channel: str
    conversation_id: str
    message_id: str
    evidence_sha256: str | None = None
    supersedes: str | None = None
    idempotency_key: str
    withdrawal_method: str
    valid_until: datetime | None = _time(default=None)
    occurred_at: datetime = _time()
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
    state: ConsentState = _word()
    event_id: str = Field(foreign_key="consent_event.id", index=True)
    seq: int
    valid_until: datetime | None = _time(default=None)
    occurred_at: datetime = _time()


class RemovalRow(Row, table=True):
    """Opens the ledgers of one shopper for deletion, within the transaction that does it."""

    __tablename__ = "removal"
    shopper_id: str = Field(primary_key=True)


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
    created_at: datetime = _time()
    expires_at: datetime | None = _time(default=None)
    lifted_at: datetime | None = _time(default=None)
    lifted_by: str | None = None


class DecisionRow(Row, table=True):
    """Why the assistant asked what it asked, or kept silent.

    `inputs` is all that it was decided by, so that it can be made again; `weighed` every alternative
    with its score. Both are empty in decisions that are older than these columns.
    """

    __tablename__ = "decision"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    conversation_id: str
    trigger: str
    question_id: str | None = None
    reasons: list[dict[str, Any]] = _json()
    policy_version: int
    at: datetime = _time(index=True)
    candidate_id: str | None = None
    channel: str = ""
    locale: str = ""
    question_version: int | None = None
    give: str = ""
    arm: str = "on"
    weighed: list[dict[str, Any]] | None = _json(default=None)
    policy_sha256: str = ""
    inputs: dict[str, Any] | None = _json(default=None)


class PausedQuestionRow(Row, table=True):
    """A question that too many felt as a burden: nobody is asked until its owner resumes it."""

    __tablename__ = "paused_question"
    question_id: str = Field(primary_key=True)
    why: str
    asks: int = 0
    declined: int = 0
    opted_out: int = 0
    paused_at: datetime = _time()
    resumed_at: datetime | None = _time(default=None)


class ProductRow(Row, table=True):
    """What the shop sells, as its feed tells: the only source of a category or an audience."""

    __tablename__ = "product"
    sku: str = Field(primary_key=True)
    title: str
    category: str
    audience: str
    updated_at: datetime = _time()


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
    placed_at: datetime = _time(index=True)
    received_at: datetime = _time()
    told_at: datetime = _time()
    digest: str = ""
    status: str = "placed"
    delivered_at: datetime | None = _time(default=None)
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
    sku: str
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
    at: datetime = _time()
    ref: str = ""
    quantity: int = 0
    received_at: datetime = _time()


class HabitRow(Row, table=True):
    """What the orders of a shopper tell, worked out from them whenever one changes.

    `figures` is what is told outside, `habit` what the next order is compared with.
    """

    __tablename__ = "habit"
    shopper_id: str = Field(foreign_key="shopper.id", primary_key=True)
    figures: dict[str, Any] = _json()
    habit: dict[str, Any] = _json()


class PrivacyRequestRow(Row, table=True):
    """A platform asks, in the name of a shopper or of the shop, for data or for their deletion."""

    __tablename__ = "privacy_request"
    id: str = Field(primary_key=True)
    source: str
    delivery_id: str = Field(unique=True)
    kind: str
    shopper_id: str | None = Field(default=None, foreign_key="shopper.id", index=True)
    received_at: datetime = _time()
    done_at: datetime | None = _time(default=None)


class CandidateRow(Row, table=True):
    """A question that an event made worth weighing; nothing is sent because of it alone."""

    __tablename__ = "candidate"
    __table_args__ = (
        Index(
            "candidate_closed",
            "closed_at",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    question_id: str
    about: dict[str, Any] = _json()
    reason: str
    created_at: datetime = _time()
    expires_at: datetime = _time(index=True)
    closed_at: datetime | None = _time(default=None)


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
    detail: dict[str, Any] = _json(default_factory=dict)
    at: datetime = _time()


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


class WebhookEndpointRow(Row, table=True):
    """Where somebody wants to hear of changes, until it is disabled.

    `position` is up to where changes were made deliveries of; no `types` means all of them.
    """

    __tablename__ = "webhook_endpoint"
    id: str = Field(primary_key=True)
    url: str
    types: list[str] = _json()
    sealed_secret: str
    sealed_old_secret: str | None = None
    old_secret_until: datetime | None = _time(default=None)
    position: int = Field(sa_type=BigInteger)
    failing_since: datetime | None = _time(default=None)
    disabled_at: datetime | None = _time(default=None)
    disabled_why: str | None = None
    created_at: datetime = _time()


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
    next_attempt_at: datetime = _time()
    last_status: int | None = None
    last_error: str | None = None
    created_at: datetime = _time(index=True)
    done_at: datetime | None = _time(default=None)


class IdempotencyRow(Row, table=True):
    """What a request with an idempotency key was answered, to be answered again."""

    __tablename__ = "idempotency"
    key_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: str
    status: int
    sealed_body: str
    shopper_id: str | None = Field(default=None, index=True)
    at: datetime = _time(index=True)


class JournalMarkRow(Row, table=True):
    """How much of the journal outside the database this database has seen."""

    __tablename__ = "journal_mark"
    id: int = Field(primary_key=True)
    lines: int = Field(sa_type=BigInteger)


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
    updated_at: datetime = _time(index=True)
