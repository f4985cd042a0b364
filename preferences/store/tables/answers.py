"""What a shopper said about themselves."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from preferences.store.tables.base import Row, a_json, a_time


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
        Index("answer_fresh_until", "fresh_until", "id"),
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
    detail: dict[str, Any] = a_json()
    confidence: float
    subject: str
    wording: str
    options: list[dict[str, Any]] = a_json()
    locale: str
    channel: str
    message_id: str
    about: dict[str, Any] | None = a_json(default=None)
    consent_id: str | None = Field(default=None, foreign_key="consent_event.id", index=True)
    asked_at: datetime | None = a_time(default=None)
    answered_at: datetime = a_time(index=True)
    fresh_until: datetime | None = a_time(default=None)


class OwnWordsRow(Row, table=True):
    """The shopper's own words to an answer, apart from it: they go sooner than the answer does."""

    __tablename__ = "own_words"
    answer_id: str = Field(primary_key=True, foreign_key="answer.id")
    shopper_id: str = Field(foreign_key="shopper.id", index=True)
    sealed_text: str
    at: datetime = a_time(index=True)
