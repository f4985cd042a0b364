"""Why something was asked or not, and what might be."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from preferences.store.tables.base import Row, a_json, a_time


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
    reasons: list[dict[str, Any]] = a_json()
    policy_version: int
    at: datetime = a_time(index=True)
    candidate_id: str | None = None
    channel: str = ""
    locale: str = ""
    question_version: int | None = None
    give: str = ""
    arm: str = "on"
    experiment: str = ""
    weighed: list[dict[str, Any]] | None = a_json(default=None)
    policy_sha256: str = ""
    inputs: dict[str, Any] | None = a_json(default=None)


class PromiseRow(Row, table=True):
    """Something that a shopper was promised for a question: due until it is kept.

    `ask_id` names the ask that it was promised for; `kept_by` is the name of the key that said so.
    """

    __tablename__ = "promise"
    id: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    give_id: str
    kind: str
    value: str
    ask_id: str
    promised_at: datetime = a_time(index=True)
    due_at: datetime = a_time()
    kept_at: datetime | None = a_time(default=None)
    kept_by: str = ""


class ReferralCodeRow(Row, table=True):
    """The personal code of somebody who was invited to bring friends.

    Until `replaces_until` it stands in the place of the next promotion.
    """

    __tablename__ = "referral_code"
    code: str = Field(primary_key=True)
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    made_at: datetime = a_time()
    replaces_until: datetime = a_time()


class ReferralRow(Row, table=True):
    """Somebody who came by a friend's code, once; whose it is, only the code tells."""

    __tablename__ = "referral"
    shopper_id: str = Field(foreign_key="shopper.id", primary_key=True)
    code: str = Field(index=True)
    at: datetime = a_time()


class PausedQuestionRow(Row, table=True):
    """A question that too many felt as a burden: nobody is asked until its owner resumes it."""

    __tablename__ = "paused_question"
    question_id: str = Field(primary_key=True)
    why: str
    asks: int = 0
    declined: int = 0
    opted_out: int = 0
    paused_at: datetime = a_time()
    resumed_at: datetime | None = a_time(default=None)


class CandidateRow(Row, table=True):
    """A question that an event made worth weighing; nothing is sent because of it alone.

    It is weighed from `due_at` on, at once if there is none.
    """

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
    about: dict[str, Any] = a_json()
    reason: str
    created_at: datetime = a_time()
    due_at: datetime | None = a_time(default=None)
    expires_at: datetime = a_time(index=True)
    closed_at: datetime | None = a_time(default=None)
