"""What was said and shown, and which question is open."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from preferences.conversation import Annoyance, AskKind, Outcome
from preferences.store.tables.base import Row, a_json, a_time, a_word


class ConversationRow(Row, table=True):
    """One shopper on one channel: what was shown, what is open, whether the assistant may speak.

    `assurance` tells how sure it is who is talking here: `anonymous`, `claimed` or `verified`;
    `claimable_id` names who talked here before somebody signed in, whose answers may be taken over;
    `zone` is the time zone of the shopper's device, if it told one; `seen_at` when they last did
    something here themselves; `ended_at` when its session was ended: nothing comes in or out by it.
    On a channel that is written to, `account` is the shop's number or page there, `sealed_address`
    the names by which the platform knows the shopper, and `referral` what brought them. `entry` is what
    brought them to the page, `entered_at` when, and `recalled_at` when what brought them was spoken of
    here.
    """

    __tablename__ = "conversation"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    channel: str
    locale: str
    assurance: str = "anonymous"
    claimable_id: str | None = None
    zone: str = ""
    created_at: datetime = a_time()
    seen_at: datetime = a_time()
    last_seq: int = 0
    disclosed_at: datetime | None = a_time(default=None)
    open_ask_id: str | None = None
    unclear: int = 0
    turns: int = 0
    handed_off_at: datetime | None = a_time(default=None)
    handed_off_until: datetime | None = a_time(default=None)
    ended_at: datetime | None = a_time(default=None)
    account: str = ""
    sealed_address: str | None = None
    referral: dict[str, Any] | None = a_json(default=None)
    entry: str = ""
    entered_at: datetime | None = a_time(default=None)
    recalled_at: datetime | None = a_time(default=None)


class SurroundingsRow(Row, table=True):
    """Where somebody is who talks in a conversation, and the weather there: by their permission, for a day."""

    __tablename__ = "surroundings"
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    place: str
    weather: str
    at: datetime = a_time(index=True)


class MessageRow(Row, table=True):
    """The log of a conversation, numbered without a gap; a channel resumes from it.

    `message_id` is the channel's own, there for what came in; `answered_at` tells that the turn was
    committed, with its replies under `reply_to`. `dead_why` is why it could not be answered: a dead
    letter, until somebody has it tried again.
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
        Index(
            "message_dead",
            "at",
            sqlite_where=text("dead_why IS NOT NULL"),
            postgresql_where=text("dead_why IS NOT NULL"),
        ),
    )
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    seq: int = Field(primary_key=True)
    author: str
    kind: str
    sealed_text: str
    lang: str
    message_id: str | None = None
    body: dict[str, Any] = a_json(default_factory=dict)
    reply_to: int | None = None
    at: datetime = a_time(index=True)
    answered_at: datetime | None = a_time(default=None)
    dead_why: str | None = None


class DispatchRow(Row, table=True):
    """What was said in one turn, on its way to a platform, and what became of it: without the words.

    `sealed_to` is where it goes, until it is there or never will be. A status of the platform finds
    it by `provider_id`, or by its own id, which it carries; `charged` is what the platform says.
    """

    __tablename__ = "dispatch"
    __table_args__ = (
        UniqueConstraint("conversation_id", "reply_to"),
        Index(
            "dispatch_due",
            "next_attempt_at",
            sqlite_where=text("state IN ('waiting', 'sending', 'unknown')"),
            postgresql_where=text("state IN ('waiting', 'sending', 'unknown')"),
        ),
        Index(
            "dispatch_provider",
            "provider_id",
            sqlite_where=text("provider_id IS NOT NULL"),
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        Index(
            "dispatch_sent",
            "channel",
            "sent_at",
            sqlite_where=text("sent_at IS NOT NULL"),
            postgresql_where=text("sent_at IS NOT NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversation.id")
    reply_to: int
    channel: str
    state: str = "waiting"
    sealed_to: str | None = None
    provider_id: str | None = None
    form: str = ""
    attempts: int = 0
    next_attempt_at: datetime = a_time()
    why: str = ""
    charged: bool | None = None
    created_at: datetime = a_time(index=True)
    sent_at: datetime | None = a_time(default=None)


class AskRow(Row, table=True):
    """One question put to one shopper, in the words shown, and how it ended.

    `begun_by` is the first ask of a chain that is one question; `pending` what was said and is not
    an answer yet: it goes when the ask is closed; `annoyed` by what it was felt as a burden, if it was.
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
    kind: AskKind = a_word()
    purpose: str
    wording: str
    options: list[dict[str, Any]] = a_json()
    locale: str
    channel: str
    about: dict[str, Any] | None = a_json(default=None)
    category: str = ""
    experiment: str = ""
    candidate_id: str | None = None
    begun_by: str | None = None
    sealed_pending: str | None = None
    asked_at: datetime = a_time(index=True)
    closed_at: datetime | None = a_time(default=None)
    outcome: Outcome | None = a_word(default=None)
    annoyed: Annoyance = a_word(default="")


class TrackerRow(Row, table=True):
    """What Rasa remembers of a conversation, bounded; written by the Rasa server alone."""

    __tablename__ = "tracker"
    sender_id: str = Field(primary_key=True)
    events: str
    updated_at: datetime = a_time(index=True)
