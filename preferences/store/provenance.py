"""Proves one answer in one call: who, when, in which words, by which act, and where in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from preferences.conversation import ConsentState
from preferences.errors import NotFoundError
from preferences.store.engine import Store
from preferences.store.persons import head_of
from preferences.store.sealed import read_sealed
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    ConversationRow,
    NoticeRow,
    OwnWordsRow,
    ShopperRow,
)


@dataclass(frozen=True, slots=True)
class Basis:
    """The consent event that an answer was kept under, with the text that was shown.

    `seq`, `hash` and `prev_hash` are its place in the chain of the shopper who gave it.
    """

    event: str
    shopper: str
    purpose: str
    lawful_basis: str
    state: ConsentState
    method: str
    actor: str
    assurance: str
    locale: str
    channel: str
    message_id: str
    evidence_sha256: str | None
    notice: str | None
    notice_version: int | None
    notice_sha256: str | None
    shown_at: datetime | None
    data_categories: Sequence[str]
    recipients: Sequence[str]
    occurred_at: datetime
    valid_until: datetime | None
    seq: int
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one answer comes from.

    `shopper` is the person, `said_by` the shopper that it was written for. `assurance` tells how
    sure it was who was talking, None where nobody was. `own_words` are gone after their time.
    """

    answer: str
    shopper: str
    said_by: str
    assurance: str | None
    kind: str
    source: str
    question: str
    version: int
    value: str
    detail: Mapping[str, Any]
    wording: str
    options: Sequence[Mapping[str, Any]]
    locale: str
    channel: str
    conversation: str | None
    message_id: str
    own_words: str | None
    confidence: float
    asked_at: datetime | None
    answered_at: datetime
    basis: Basis | None


async def provenance(store: Store, shopper: str, answer_id: str) -> Provenance:
    """Give everything that proves an answer of the person that a shopper is.

    :raises NotFoundError: there is no such shopper, or no such answer of theirs (any more).
    :raises SealError: the words cannot be opened: their key is missing.
    """
    query = (
        select(AnswerRow, ShopperRow.head_id, ConversationRow, OwnWordsRow)
        .join(ShopperRow, col(ShopperRow.id) == col(AnswerRow.shopper_id))
        .outerjoin(AskRow, col(AskRow.id) == col(AnswerRow.ask_id))
        .outerjoin(ConversationRow, col(ConversationRow.id) == col(AskRow.conversation_id))
        .outerjoin(OwnWordsRow, col(OwnWordsRow.answer_id) == col(AnswerRow.id))
        .where(AnswerRow.id == answer_id)
    )
    basis = (
        select(ConsentEventRow, NoticeRow)
        .join(AnswerRow, col(AnswerRow.consent_id) == col(ConsentEventRow.id))
        .outerjoin(NoticeRow, col(NoticeRow.sha256) == col(ConsentEventRow.notice_sha256))
        .where(AnswerRow.id == answer_id)
    )
    async with store.begin(readonly=True) as session:
        person = await head_of(session, shopper)
        found = (await session.exec(query.where(ShopperRow.head_id == person))).first()
        given = (await session.exec(basis)).first()
    if found is None:
        message = "There is no answer of that id; take one of a shopper's history."
        raise NotFoundError(message)
    answer, head, talk, words = found
    return Provenance(
        answer=answer.id,
        shopper=head,
        said_by=answer.shopper_id,
        assurance=talk.assurance if talk else None,
        kind=answer.kind,
        source=answer.source,
        question=answer.question_id,
        version=answer.question_version,
        value=answer.value,
        detail=answer.detail,
        wording=answer.wording,
        options=answer.options,
        locale=answer.locale,
        channel=answer.channel,
        conversation=talk.id if talk else None,
        message_id=answer.message_id,
        own_words=read_sealed(store.vault, words, "text") if words else None,
        confidence=answer.confidence,
        asked_at=answer.asked_at,
        answered_at=answer.answered_at,
        basis=_basis(*given) if given else None,
    )


def _basis(event: ConsentEventRow, notice: NoticeRow | None) -> Basis:
    return Basis(
        event=event.id,
        shopper=event.shopper_id,
        purpose=event.purpose,
        lawful_basis=event.lawful_basis,
        state=event.state,
        method=event.method,
        actor=event.actor,
        assurance=event.assurance,
        locale=event.locale,
        channel=event.channel,
        message_id=event.message_id,
        evidence_sha256=event.evidence_sha256,
        notice=notice.text if notice else None,
        notice_version=event.notice_version,
        notice_sha256=event.notice_sha256,
        shown_at=event.shown_at,
        data_categories=tuple(event.data_categories),
        recipients=tuple(event.recipients),
        occurred_at=event.occurred_at,
        valid_until=event.valid_until,
        seq=event.seq,
        prev_hash=event.prev_hash,
        hash=event.hash,
    )
