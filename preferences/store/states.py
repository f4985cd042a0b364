"""Reads everything that a turn may depend on: a handful of rows by key, never a statistic."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import load_only
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import WORDS, Catalogue
from preferences.choosing.contradicting import Told, contradictions, last_said
from preferences.choosing.renewing import renewals
from preferences.conversation import (
    About,
    Ask,
    Asked,
    Candidate,
    Choice,
    Consent,
    ConsentState,
    Held,
    Known,
    Pending,
    Resting,
    State,
    Suppression,
)
from preferences.policy import Policy
from preferences.store.claims import claimable
from preferences.store.context import with_conditions, with_surroundings
from preferences.store.engine import vault_of
from preferences.store.mailed import with_mailed
from preferences.store.persons import head_of, of_person
from preferences.store.referrals import is_referred
from preferences.store.sealed import read_sealed
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentRow,
    ConversationRow,
    MessageRow,
    OwnWordsRow,
    PausedQuestionRow,
    ProductRow,
    PurchaseRow,
    SuppressionRow,
)
from preferences.store.vault import Vault
from preferences.texts import fill

_COUNTED = ("kind", "question_id", "purpose", "asked_at", "outcome", "conversation_id", "annoyed")
_SAID = ("question_id", "answered_at", "about", "kind", "value", "detail")
_MEMORY = timedelta(days=400)  # longer than any rest that a policy may order


@dataclass(frozen=True, slots=True)
class Need:
    """What a turn may come to depend on. Anything else is not read: the shopper is waiting.

    `occasion` is everything a decision to ask depends on; `knowledge` what a shopper is told about
    what is kept of them. Where it is decided about one question alone, that is `only`.
    """

    occasion: bool
    knowledge: bool
    only: Candidate | None = None


async def read_state(
    session: AsyncSession,
    conversation: ConversationRow,
    ask: Ask | None,
    need: Need,
    *,
    turn: int,
    now: datetime,
    catalogue: Catalogue,
    policy: Policy,
) -> State:
    """Read the state of a conversation whose row and open ask the caller holds.

    It is that of the whole person, whichever shopper talks here. What is not needed is empty, and
    without candidates nothing is ever asked.
    """
    shopper, here = conversation.shopper_id, conversation.id
    head = await head_of(session, shopper)
    visit = await _visit(session, conversation, turn, now, policy)
    state = State(
        conversation=here,
        shopper=shopper,
        channel=conversation.channel,
        locale=conversation.locale,
        now=now,
        turn=turn,
        disclosed=visit is not None,
        handed_off=conversation.handed_off_at is not None,
        unclear=conversation.unclear,
        ask=ask,
        consents=await read_consents(session, head, now),
        suppressions=await read_suppressions(session, head, now),
        head=head,
        spoken=conversation.turns,
        verified=conversation.assurance == "verified",
        seen_at=conversation.seen_at,
        visit_at=visit or now,
        zone=conversation.zone,
    )
    if conversation.claimable_id is not None:
        state = replace(state, claimable=await claimable(session, conversation.claimable_id, now))
    if not state.disclosed:
        returning = await _returning(session, conversation, head)
        state = replace(
            state,
            returning=returning,
            recommended=state.verified and not returning and await is_referred(session, head),
        )
    if ask is not None:  # whatever is said now may be answered with a tip
        state = replace(state, tips=await _tips(session, head, now))
    if need.occasion:
        told, held = await _told(session, head, now)
        usable = [one for one in told if _permits(state.consents, one, catalogue)]
        events = await _candidates(session, conversation, head, now)
        state = replace(
            state,
            asked=await read_asked(session, head, here, now),
            candidates=(*events, *_again(held, usable, catalogue, policy, now)),
            held=held,
            paused=await read_paused(session),
        )
        if need.only is not None:
            state = replace(state, candidates=(need.only,))
        state = await with_mailed(session, state, conversation)
        state = await with_surroundings(session, state, conversation, catalogue, policy)
        state = await with_conditions(session, state, usable, policy)
    if need.knowledge:
        state = replace(
            state,
            known=await _known(session, conversation, head, catalogue),
            purchases=await count_purchases(session, head),
        )
    return state


async def read_ask(session: AsyncSession, conversation: ConversationRow) -> Ask | None:
    """Give the open ask of a conversation, if there is one: it may have ended in another one since."""
    if conversation.open_ask_id is None:
        return None
    row = await session.get(AskRow, conversation.open_ask_id)
    return to_ask(vault_of(session), row) if row and row.outcome is None else None


async def read_consents(session: AsyncSession, head: str, now: datetime) -> dict[str, Consent]:
    """Give a person's last word on each purpose; of two at one moment the one that forbids.

    A permission whose time is over is `expired`, whether or not the ledger says so yet.
    """
    query = (
        select(ConsentRow)
        .where(of_person(ConsentRow.shopper_id, head))
        .execution_options(populate_existing=True)
    )
    rows = (await session.exec(query)).all()
    in_order = sorted(rows, key=lambda row: (row.occurred_at, row.state != "given"))
    return {row.purpose: Consent(row.event_id, _state(row, now)) for row in in_order}


def _state(row: ConsentRow, now: datetime) -> ConsentState:
    is_over = row.valid_until is not None and row.valid_until <= now
    return "expired" if row.state == "given" and is_over else row.state


def to_ask(vault: Vault, row: AskRow) -> Ask:
    """Give an ask in the domain's words."""
    pending = read_sealed(vault, row, "pending")
    return Ask(
        id=row.id,
        kind=row.kind,
        question=row.question_id,
        version=row.question_version,
        purpose=row.purpose,
        wording=row.wording,
        choices=tuple(Choice(**choice) for choice in row.options),
        locale=row.locale,
        asked_at=row.asked_at,
        about=About(**row.about) if row.about else None,
        candidate=row.candidate_id,
        begun=row.begun_by,
        pending=_pending(json.loads(pending)) if pending else None,
        category=row.category,
        experiment=row.experiment,
    )


def _pending(kept: dict[str, Any]) -> Pending:
    rests = kept.get("rests")
    return Pending(**kept | {"rests": _resting(rests) if rests else None})


def _resting(kept: dict[str, Any]) -> Resting:
    about, picked = kept["about"], kept["picked"]
    return Resting(
        **kept
        | {
            "about": About(**about) if about else None,
            "picked": Pending(**picked) if picked else None,
        }
    )


async def read_asked(
    session: AsyncSession, head: str, conversation: str, now: datetime
) -> tuple[Asked, ...]:
    """Give everything that was asked and may still count, on every channel: budgets are exact."""
    query = (
        select(AskRow)
        .options(load_only(*(getattr(AskRow, name) for name in _COUNTED)))
        .where(
            of_person(AskRow.shopper_id, head),
            AskRow.asked_at > now - _MEMORY,
            col(AskRow.begun_by).is_(None),
        )
        .order_by(col(AskRow.asked_at).desc())
    )
    rows = (await session.exec(query)).all()
    return tuple(
        Asked(
            row.kind,
            row.question_id,
            row.purpose,
            row.asked_at,
            row.outcome,
            row.conversation_id == conversation,
            row.annoyed,
        )
        for row in rows
    )


async def _tips(
    session: AsyncSession, head: str, now: datetime
) -> tuple[tuple[str, datetime], ...]:
    """Give what was suggested and may still not be told again, in the words that were shown."""
    query = select(AskRow.wording, AskRow.asked_at).where(
        of_person(AskRow.shopper_id, head),
        AskRow.kind == "suggestion",
        AskRow.asked_at > now - _MEMORY,
    )
    return tuple((wording, at) for wording, at in (await session.exec(query)).all())


async def read_paused(session: AsyncSession) -> frozenset[str]:
    """Give the questions that nobody is asked for now."""
    query = select(PausedQuestionRow.question_id).where(col(PausedQuestionRow.resumed_at).is_(None))
    return frozenset((await session.exec(query)).all())


async def _told(
    session: AsyncSession, head: str, now: datetime
) -> tuple[list[Told], tuple[Held, ...]]:
    """Give what is known, of no purchase and with its value, and which questions have an answer.

    Whoever gave it, none is asked for twice.
    """
    query = (
        select(*(getattr(AnswerRow, name) for name in _SAID))
        .where(of_person(AnswerRow.shopper_id, head), AnswerRow.answered_at > now - _MEMORY)
        .order_by(col(AnswerRow.answered_at).desc())
    )
    newest: dict[tuple[str, str, str], Held] = {}
    told: list[Told] = []
    for question, at, about, kind, value, detail in (await session.exec(query)).all():
        purchase, sku = (about["purchase"], about["sku"]) if about else ("", "")
        newest.setdefault((question, purchase, sku), Held(question, at, purchase, sku))
        if not about:
            unwanted = detail.get("polarity") == "does_not_want"
            told.append(Told(question, detail.get("purpose", ""), kind, value, unwanted, at))
    return told, tuple(newest.values())


def _permits(consents: Mapping[str, Consent], told: Told, catalogue: Catalogue) -> bool:
    question = catalogue.questions.get(told.question)
    held = consents.get(question.purpose) if question else None
    return held is not None and held.state == "given"


def _again(
    held: Iterable[Held],
    told: Sequence[Told],
    catalogue: Catalogue,
    policy: Policy,
    now: datetime,
) -> Iterator[Candidate]:
    """Give what is asked again: what is old, with what was said then, and what was contradicted."""
    said = last_said(told)
    for one in renewals(held, catalogue.questions, now):
        yield replace(one, said=said.get(one.question, ""))
    yield from contradictions(told, catalogue.questions, policy.contradicted, now)


async def read_suppressions(
    session: AsyncSession, head: str, now: datetime
) -> tuple[Suppression, ...]:
    """Give what a person does not want now."""
    query = select(SuppressionRow).where(
        of_person(SuppressionRow.shopper_id, head),
        col(SuppressionRow.lifted_at).is_(None),
        or_(col(SuppressionRow.expires_at).is_(None), col(SuppressionRow.expires_at) > now),
    )
    rows = (await session.exec(query)).all()
    return tuple(Suppression(row.scope, row.target, row.reason) for row in rows)


async def _candidates(
    session: AsyncSession, conversation: ConversationRow, head: str, now: datetime
) -> tuple[Candidate, ...]:
    """Give what is worth asking: they name purchases, so all of them only where it is verified."""
    verified = conversation.assurance == "verified"
    query = select(CandidateRow).where(
        of_person(CandidateRow.shopper_id, head)
        if verified
        else col(CandidateRow.shopper_id) == conversation.shopper_id,
        col(CandidateRow.closed_at).is_(None),
        or_(col(CandidateRow.due_at).is_(None), col(CandidateRow.due_at) <= now),
        CandidateRow.expires_at > now,
    )
    rows = (await session.exec(query)).all()
    skus = {row.about["sku"] for row in rows}
    shelf = select(ProductRow.sku, ProductRow.category).where(col(ProductRow.sku).in_(skus))
    category = dict((await session.exec(shelf)).all()) if rows else {}
    return tuple(
        Candidate(
            row.id,
            row.question_id,
            About(**row.about),
            row.reason,
            row.due_at or row.created_at,
            category.get(row.about["sku"], ""),
        )
        for row in rows
    )


async def _known(
    session: AsyncSession, conversation: ConversationRow, head: str, catalogue: Catalogue
) -> tuple[Known, ...]:
    """Give what is known, each with where it was said; an older version is not told.

    What the shopper said comes before what the shop brought along, as in the profile.
    """
    query = (
        select(AnswerRow, AskRow.conversation_id, OwnWordsRow)
        .outerjoin(AskRow)
        .outerjoin(OwnWordsRow, col(OwnWordsRow.answer_id) == col(AnswerRow.id))
        .where(of_person(AnswerRow.shopper_id, head))
        .order_by(col(AnswerRow.kind) != "declared", col(AnswerRow.answered_at).desc())
        .limit(20)
    )
    newest: dict[tuple[str, str], Known] = {}
    vault = vault_of(session)
    for row, place, words in (await session.exec(query)).all():
        about = About(**row.about) if row.about else None
        key = (row.question_id, f"{about.purchase} {about.sku}" if about else "")
        newest.setdefault(
            key,
            Known(
                question=row.question_id,
                value=row.value,
                label=_label(
                    row,
                    read_sealed(vault, words, "text") if words else None,
                    conversation.locale,
                    catalogue,
                ),
                wording=row.wording or _wording(row, conversation.locale, catalogue),
                answered_at=row.answered_at,
                channel=row.channel,
                here=place == conversation.id,
                about=about,
                unwanted=row.detail.get("polarity") == "does_not_want",
                source="" if row.kind == "declared" else row.source,
            ),
        )
    return tuple(newest.values())


def _label(row: AnswerRow, words: str | None, locale: str, catalogue: Catalogue) -> str:
    """Name the answer in the shopper's language; in own words, or once the option is gone, bare."""
    question = catalogue.questions.get(row.question_id)
    chosen = question.chosen(row.value) if question else ()
    labels = ", ".join(option.label[locale] for option in chosen)
    own = words if row.value == WORDS else None
    return labels or own or row.value


def _wording(row: AnswerRow, locale: str, catalogue: Catalogue) -> str:
    """Give the question of what nobody was asked; once it is gone, its name."""
    question = catalogue.questions.get(row.question_id)
    return fill(question.wording[locale], {}) if question else row.question_id


async def _visit(
    session: AsyncSession, conversation: ConversationRow, turn: int, now: datetime, policy: Policy
) -> datetime | None:
    """Tell since when somebody has been here; None if they come only now, or come back.

    A conversation of a channel never ends, and one of a page not for weeks: a visit does.
    """
    if conversation.disclosed_at is None:
        return None
    query = (
        select(MessageRow.at)
        .where(MessageRow.conversation_id == conversation.id, MessageRow.seq < turn)
        .order_by(col(MessageRow.seq).desc())
        .limit(1)
    )
    told = conversation.disclosed_at  # what is taken again may be older than all that was said
    last = max(told, (await session.exec(query)).first() or told)
    is_here = now - last < timedelta(hours=policy.hours_between_visits)
    return told if is_here else None


async def _returning(session: AsyncSession, conversation: ConversationRow, head: str) -> bool:
    if conversation.disclosed_at is not None:
        return True
    query = (
        select(ConversationRow.id)
        .where(
            of_person(ConversationRow.shopper_id, head),
            ConversationRow.id != conversation.id,
            col(ConversationRow.disclosed_at).is_not(None),
        )
        .limit(1)
    )
    return (await session.exec(query)).first() is not None


async def count_purchases(session: AsyncSession, head: str) -> dict[str, int]:
    """Count what the shop reported of a person's orders, by the system it came from, the most first."""
    mine, source, count = (
        of_person(PurchaseRow.shopper_id, head),
        col(PurchaseRow.source),
        func.count(),
    )
    query = select(source, count).where(mine).group_by(source).order_by(count.desc(), source)
    return dict((await session.exec(query)).all())
