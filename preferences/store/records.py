"""Writes what came of a turn: each record of the domain into its table, in one transaction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import assert_never

from sqlalchemy import func, null, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue
from preferences.conversation import (
    Answered,
    Ask,
    Closed,
    ConsentAct,
    Decision,
    Disclosed,
    Erased,
    HandedOff,
    Lifted,
    Put,
    Record,
    Speaks,
    State,
    Suppress,
    Unclear,
)
from preferences.store.erasure import erase
from preferences.store.ids import new_id
from preferences.store.outbox import mark
from preferences.store.states import read_consents, to_ask
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentEventRow,
    ConversationRow,
    DecisionRow,
    SuppressionRow,
)

_TOLD = (Answered, ConsentAct, Suppress, Lifted, Erased)
_URGENT = (Suppress, Erased)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a turn is written: the open transaction, and what it began with."""

    session: AsyncSession
    conversation: ConversationRow
    message_id: str
    state: State
    catalogue: Catalogue
    destinations: Sequence[str]


async def write_records(desk: Desk, records: Sequence[Record]) -> bool:
    """Write every record in order, and mark what the CRMs have to be told; tell whether any is."""
    for record in records:
        await _write(desk, record)
    told = any(isinstance(record, _TOLD) for record in records)
    if told:
        urgent = any(
            isinstance(record, _URGENT)
            or (isinstance(record, ConsentAct) and record.state != "given")
            for record in records
        )
        await desk.session.flush()
        await mark(
            desk.session, desk.state.shopper, desk.destinations, desk.state.now, urgent=urgent
        )
    return told


async def _write(desk: Desk, record: Record) -> None:
    match record:
        case Put():
            _put(desk, record)
        case Closed():
            await _close(desk, record)
        case Answered():
            await _answer(desk, record)
        case ConsentAct():
            await _consent(desk, record)
        case Suppress():
            _suppress(desk, record)
        case Lifted():
            await _lift(desk)
        case Decision():
            _decide(desk, record)
        case HandedOff() | Disclosed() | Speaks() | Unclear():
            _note(desk, record)
        case Erased():
            await erase(desk.session, desk.state.shopper, desk.state.now, keep=desk.message_id)
        case _:  # pragma: no cover  (the type checker proves that nothing comes here)
            assert_never(record)


def _note(desk: Desk, record: HandedOff | Disclosed | Speaks | Unclear) -> None:
    """Keep how the conversation stands."""
    match record:
        case HandedOff():
            desk.conversation.handed_off_at = desk.state.now
        case Disclosed():
            desk.conversation.disclosed_at = desk.state.now
        case Speaks():
            desk.conversation.locale = record.locale
        case _:
            desk.conversation.unclear = record.count


def _put(desk: Desk, record: Put) -> None:
    ask = record.ask
    desk.session.add(
        AskRow(
            id=ask.id,
            shopper_id=desk.state.shopper,
            conversation_id=desk.conversation.id,
            question_id=ask.question,
            question_version=ask.version,
            kind=ask.kind,
            purpose=ask.purpose,
            wording=ask.wording,
            options=[asdict(choice) for choice in ask.choices],
            locale=ask.locale,
            channel=desk.conversation.channel,
            about=asdict(ask.about) if ask.about else None,
            candidate_id=ask.candidate,
            begun_by=ask.begun,
            pending=asdict(ask.pending) if ask.pending else None,
            asked_at=ask.asked_at,
        )
    )
    desk.conversation.open_ask_id = ask.id


async def _close(desk: Desk, record: Closed) -> None:
    now, ask = desk.state.now, desk.state.ask
    chain = col(AskRow.id) == desk.conversation.open_ask_id
    if ask is not None and ask.begun is not None:
        chain |= (col(AskRow.id) == ask.begun) | (col(AskRow.begun_by) == ask.begun)
    closing = (
        update(AskRow).where(chain).values(closed_at=now, outcome=record.outcome, pending=null())
    )
    await desk.session.exec(closing)
    desk.conversation.open_ask_id = None
    if ask is not None and ask.candidate is not None:
        settled = (
            update(CandidateRow).where(col(CandidateRow.id) == ask.candidate).values(closed_at=now)
        )
        await desk.session.exec(settled)


async def _answer(desk: Desk, record: Answered) -> None:
    ask = await _asked(desk, record.ask)
    question = desk.catalogue.questions[ask.question]
    options = question.chosen(record.value)
    subject = options[0].subject if len(options) == 1 else None
    consents = await read_consents(desk.session, desk.state.shopper)
    desk.session.add(
        AnswerRow(
            id=new_id(),
            shopper_id=desk.state.shopper,
            ask_id=ask.id,
            question_id=ask.question,
            question_version=ask.version,
            purpose=ask.purpose,
            value=record.value,
            detail=dict(record.detail),
            own_words=record.words,
            kind="declared",
            confidence=record.confidence,
            subject=subject or question.subject,
            wording=ask.wording,
            options=[asdict(choice) for choice in ask.choices],
            locale=ask.locale,
            channel=desk.conversation.channel,
            message_id=desk.message_id,
            about=asdict(ask.about) if ask.about else None,
            consent_id=consents[ask.purpose].event,
            asked_at=ask.asked_at,
            answered_at=desk.state.now,
        )
    )


async def _asked(desk: Desk, ask: Ask) -> Ask:
    """Give the ask in whose words the question was put: an answer may have been read back since."""
    if ask.pending is None or not ask.pending.asked:
        return ask
    row = await desk.session.get_one(AskRow, ask.pending.asked)
    return to_ask(row)


async def _consent(desk: Desk, record: ConsentAct) -> None:
    notice = record.ask
    counted = select(func.count()).where(ConsentEventRow.shopper_id == desk.state.shopper)
    desk.session.add(
        ConsentEventRow(
            id=new_id(),
            shopper_id=desk.state.shopper,
            seq=(await desk.session.exec(counted)).one() + 1,
            purpose=record.purpose,
            state=record.state,
            method=record.method,
            notice_version=notice.version if notice else None,
            notice_sha256=sha256(notice.wording.encode()).hexdigest() if notice else None,
            notice_text=notice.wording if notice else None,
            locale=desk.state.locale,
            channel=desk.conversation.channel,
            conversation_id=desk.conversation.id,
            message_id=desk.message_id,
            occurred_at=desk.state.now,
        )
    )
    await desk.session.flush()


def _suppress(desk: Desk, record: Suppress) -> None:
    until = None if record.days is None else desk.state.now + timedelta(days=record.days)
    desk.session.add(
        SuppressionRow(
            id=new_id(),
            shopper_id=desk.state.shopper,
            scope=record.suppression.scope,
            target=record.suppression.target,
            source="shopper",
            reason=record.suppression.reason,
            created_at=desk.state.now,
            expires_at=until,
        )
    )


async def _lift(desk: Desk) -> None:
    lifting = (
        update(SuppressionRow)
        .where(
            col(SuppressionRow.shopper_id) == desk.state.shopper,
            col(SuppressionRow.lifted_at).is_(None),
        )
        .values(lifted_at=desk.state.now)
    )
    await desk.session.exec(lifting)


def _decide(desk: Desk, record: Decision) -> None:
    desk.session.add(
        DecisionRow(
            id=new_id(),
            shopper_id=desk.state.shopper,
            conversation_id=desk.conversation.id,
            trigger=record.trigger,
            question_id=record.question,
            reasons=[asdict(reason) for reason in record.reasons],
            policy_version=record.policy_version,
            at=desk.state.now,
        )
    )
