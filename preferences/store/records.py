"""Writes what came of a turn: each record of the domain into its table, in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import case, null, update
from sqlmodel import col

from preferences.catalogue import Question
from preferences.conversation import (
    Answered,
    Ask,
    Claimed,
    Closed,
    ConsentAct,
    Decision,
    Disclosed,
    Dismissed,
    Erased,
    HandedOff,
    Invited,
    Lifted,
    Outcome,
    Promised,
    Put,
    Recalled,
    Record,
    Speaks,
    Suggested,
    Suppress,
    Unclear,
)
from preferences.errors import UnavailableError
from preferences.store.claims import settle
from preferences.store.desk import Desk
from preferences.store.engine import vault_of
from preferences.store.erasure import erase
from preferences.store.ids import new_id
from preferences.store.invitations import write_invitation
from preferences.store.outbox import mark
from preferences.store.permissions import permission, write_consent, write_request
from preferences.store.persons import hold_person
from preferences.store.promises import write_promise
from preferences.store.sealed import put_sealed
from preferences.store.states import to_ask
from preferences.store.suppressions import lift_suppressions, write_suppression
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    DecisionRow,
    OwnWordsRow,
)

_TOLD = (Answered, Promised, Invited, ConsentAct, Suppress, Lifted, Erased, Claimed)
_URGENT = (Suppress, Erased)


async def write_records(desk: Desk, records: Sequence[Record]) -> bool:
    """Write every record in order, and mark what the CRMs have to be told; tell whether any is."""
    told = any(isinstance(record, _TOLD) for record in records)
    if told:
        await hold_person(desk.session, desk.state.shopper)
    for record in records:
        if isinstance(record, Answered):  # before this turn itself ends it
            await _refuse_ended(desk, record.ask)
    for record in records:
        await _write(desk, record)
    if told:
        urgent = any(
            isinstance(record, _URGENT)
            or (isinstance(record, ConsentAct) and record.state != "given")
            for record in records
        )
        await desk.session.flush()
        await mark(desk.session, desk.state.head, desk.destinations, desk.state.now, urgent=urgent)
    return told


async def _write(desk: Desk, record: Record) -> None:
    match record:
        case Put() | Suggested():
            await _show(desk, record)
        case Closed():
            await _close(desk, record)
        case Dismissed() | Recalled():
            await _remark(desk, record)
        case Answered() | Promised() | Invited():
            await _keep(desk, record)
        case ConsentAct():
            await write_consent(desk, record)
        case Suppress():
            write_suppression(desk, record)
        case Lifted():
            await lift_suppressions(desk, record)
        case Decision():
            _decide(desk, record)
        case HandedOff() | Disclosed() | Speaks() | Unclear():
            _note(desk, record)
        case Erased():
            await erase(desk.session, desk.state.shopper, desk.state.now, keep=desk.message_id)
        case Claimed():
            now = desk.state.now
            await settle(desk.session, desk.state.shopper, record, desk.destinations, now)
        case _:  # pragma: no cover  (the type checker proves that nothing comes here)
            assert_never(record)


async def _keep(desk: Desk, record: Answered | Promised | Invited) -> None:
    """Keep what the shopper gave, or what they were promised or took for it."""
    match record:
        case Promised():
            write_promise(desk, record)
        case Invited():
            await write_invitation(desk, record)
        case _:
            await _answer(desk, record)


def _note(desk: Desk, record: HandedOff | Disclosed | Speaks | Unclear) -> None:
    """Keep how the conversation stands."""
    match record:
        case HandedOff():
            # Whoever was called stays until they hand back.
            desk.conversation.handed_off_at = desk.state.now
            desk.conversation.handed_off_until = None
        case Disclosed():
            desk.conversation.disclosed_at = desk.state.now
        case Speaks():
            desk.conversation.locale = record.locale
        case _:
            desk.conversation.unclear = record.count


async def _show(desk: Desk, record: Put | Suggested) -> None:
    """Keep what is shown; what is suggested is never open."""
    if isinstance(record, Suggested):
        _row(desk, record.ask, "answered")
        return
    _row(desk, record.ask)
    desk.conversation.open_ask_id = record.ask.id
    if record.ask.kind == "consent":
        await write_request(desk, record.ask)


def _row(desk: Desk, ask: Ask, outcome: Outcome | None = None) -> None:
    """Keep what was shown; with an outcome it was never open."""
    row = AskRow(
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
        category=ask.category,
        experiment=ask.experiment,
        candidate_id=ask.candidate,
        begun_by=ask.begun,
        asked_at=ask.asked_at,
        closed_at=None if outcome is None else desk.state.now,
        outcome=outcome,
    )
    pending = json.dumps(asdict(ask.pending)) if ask.pending else None
    put_sealed(vault_of(desk.session), row, "pending", pending)
    desk.session.add(row)


async def _close(desk: Desk, record: Closed) -> None:
    now, ask = desk.state.now, desk.state.ask
    chain = col(AskRow.id) == desk.conversation.open_ask_id
    if ask is not None and ask.begun is not None:
        chain |= (col(AskRow.id) == ask.begun) | (col(AskRow.begun_by) == ask.begun)
    closing = (
        update(AskRow)
        .where(chain)
        .values(
            closed_at=now,
            outcome=_outcome(record),
            annoyed=record.annoyed or col(AskRow.annoyed),
            sealed_pending=null(),
        )
    )
    await desk.session.exec(closing)
    desk.conversation.open_ask_id = None
    if ask is not None and ask.kind == "claim" and record.outcome != "skipped":
        desk.conversation.claimable_id = None  # who put it off may still have all of it deleted
    if ask is not None and ask.candidate is not None:
        settled = (
            update(CandidateRow).where(col(CandidateRow.id) == ask.candidate).values(closed_at=now)
        )
        await desk.session.exec(settled)


def _outcome(record: Closed) -> Any:
    """Give how an ask ended: one that was dismissed and never came to be answered was not ignored."""
    if record.outcome != "ignored":
        return record.outcome
    return case((col(AskRow.annoyed) == "dismissed", "dismissed"), else_="ignored")


async def _remark(desk: Desk, record: Dismissed | Recalled) -> None:
    """Note how the shopper took what was shown, or what was spoken of."""
    ask = desk.state.ask
    if isinstance(record, Recalled):
        desk.conversation.recalled_at = desk.state.now
    elif ask is not None:
        chain = col(AskRow.id).in_({ask.id, ask.begun or ask.id})
        await desk.session.exec(update(AskRow).where(chain).values(annoyed="dismissed"))


async def _answer(desk: Desk, record: Answered) -> None:
    ask = await _asked(desk, record.ask)
    question = desk.catalogue.questions[ask.question]
    options = question.chosen(record.value)
    subject = options[0].subject if len(options) == 1 else None
    basis = await permission(desk, ask.purpose)
    answer = AnswerRow(
        id=new_id(),
        shopper_id=desk.state.shopper,
        kind="declared",
        source="shopper",
        ask_id=ask.id,
        question_id=ask.question,
        question_version=ask.version,
        purpose=ask.purpose,
        value=record.value,
        detail=dict(record.detail),
        confidence=record.confidence,
        subject=subject or question.subject,
        wording=ask.wording,
        options=[asdict(choice) for choice in ask.choices],
        locale=ask.locale,
        channel=desk.conversation.channel,
        message_id=desk.message_id,
        about=asdict(ask.about) if ask.about else None,
        consent_id=basis,
        asked_at=ask.asked_at,
        answered_at=desk.state.now,
        fresh_until=_fresh_until(question, record, desk.state.now),
    )
    desk.session.add(answer)
    desk.note("preference.answered", question=ask.question)
    if record.words is not None:
        await desk.session.flush()
        words = OwnWordsRow(
            answer_id=answer.id,
            shopper_id=desk.state.shopper,
            sealed_text="",
            at=desk.state.now,
        )
        put_sealed(vault_of(desk.session), words, "text", record.words)
        desk.session.add(words)


async def _refuse_ended(desk: Desk, ask: Ask) -> None:
    """See that a question that goes on in two conversations did not end in the other one meanwhile.

    :raises UnavailableError: it did; the turn has to be taken again, from what is so now.
    """
    row = await desk.session.get(
        AskRow, ask.begun or ask.id, populate_existing=True, with_for_update=True
    )
    if row is None or (row.id != ask.id and row.conversation_id == desk.conversation.id):
        return  # one that rested here goes on, though what came before it ended
    if row.outcome is not None:
        message = (
            "The question was answered elsewhere at this very moment; take the turn once more."
        )
        raise UnavailableError(message)


async def _asked(desk: Desk, ask: Ask) -> Ask:
    """Give the ask in whose words the question was put: an answer may have been read back since."""
    if ask.pending is None or not ask.pending.asked:
        return ask
    row = await desk.session.get_one(AskRow, ask.pending.asked)
    return to_ask(vault_of(desk.session), row)


def _fresh_until(question: Question, record: Answered, now: datetime) -> datetime | None:
    """Tell until when an answer is relied on: what is not wanted is never asked about again."""
    if record.detail.get("polarity") == "does_not_want":
        return None
    return now + timedelta(days=question.half_life_days)


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
            candidate_id=record.candidate,
            channel=desk.conversation.channel,
            locale=record.locale or desk.state.locale,
            question_version=record.version,
            give=record.give,
            arm=record.arm,
            experiment=record.experiment,
            weighed=[asdict(found) | {"score": found.score} for found in record.weighed],
            policy_sha256=record.policy_sha256,
            inputs=dict(record.inputs) or None,
        )
    )
