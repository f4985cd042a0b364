"""Reads everything that a turn may depend on: a handful of rows by key, never a statistic."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import WORDS, Catalogue
from preferences.conversation import (
    About,
    Ask,
    Asked,
    Candidate,
    Choice,
    Consent,
    Known,
    Pending,
    State,
    Suppression,
)
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentEventRow,
    ConversationRow,
    PurchaseRow,
    SuppressionRow,
)

_MEMORY = timedelta(days=400)  # longer than any rest that a policy may order


@dataclass(frozen=True, slots=True)
class Need:
    """What a turn may come to depend on. Anything else is not read: the shopper is waiting.

    `occasion` is everything a decision to ask depends on; `knowledge` what a shopper is told about
    what is kept of them.
    """

    occasion: bool
    knowledge: bool


async def read_state(
    session: AsyncSession,
    conversation: ConversationRow,
    ask: Ask | None,
    need: Need,
    *,
    turn: int,
    now: datetime,
    catalogue: Catalogue,
) -> State:
    """Read the state of a conversation whose row and open ask the caller holds.

    What is not needed is empty, and without candidates nothing is ever asked.
    """
    shopper, here = conversation.shopper_id, conversation.id
    state = State(
        conversation=here,
        shopper=shopper,
        channel=conversation.channel,
        locale=conversation.locale,
        now=now,
        turn=turn,
        disclosed=conversation.disclosed_at is not None,
        handed_off=conversation.handed_off_at is not None,
        unclear=conversation.unclear,
        ask=ask,
        consents=await read_consents(session, shopper),
        suppressions=await _suppressions(session, shopper, now),
        spoken=conversation.turns,
        verified=conversation.verified,
    )
    if not state.disclosed:
        state = replace(state, returning=await _returning(session, conversation))
    if need.occasion:
        state = replace(
            state,
            asked=await _asked(session, shopper, here, now),
            candidates=await _candidates(session, shopper, now),
        )
    if need.knowledge:
        state = replace(
            state,
            known=await _known(session, conversation, catalogue),
            purchases=await _purchases(session, shopper),
        )
    return state


async def read_ask(session: AsyncSession, conversation: ConversationRow) -> Ask | None:
    """Give the open ask of a conversation, if there is one."""
    if conversation.open_ask_id is None:
        return None
    row = await session.get(AskRow, conversation.open_ask_id)
    return to_ask(row) if row else None


async def read_consents(session: AsyncSession, shopper: str) -> dict[str, Consent]:
    """Give the last word on each purpose."""
    query = (
        select(ConsentEventRow)
        .where(ConsentEventRow.shopper_id == shopper)
        .order_by(col(ConsentEventRow.seq))
    )
    rows = (await session.exec(query)).all()
    return {row.purpose: Consent(row.id, row.state) for row in rows}


def to_ask(row: AskRow) -> Ask:
    """Give an ask in the domain's words."""
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
        pending=Pending(**row.pending) if row.pending else None,
    )


async def _asked(
    session: AsyncSession, shopper: str, conversation: str, now: datetime
) -> tuple[Asked, ...]:
    query = (
        select(AskRow)
        .where(
            AskRow.shopper_id == shopper,
            AskRow.asked_at > now - _MEMORY,
            col(AskRow.begun_by).is_(None),
        )
        .order_by(col(AskRow.asked_at).desc())
        .limit(100)
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
        )
        for row in rows
    )


async def _suppressions(
    session: AsyncSession, shopper: str, now: datetime
) -> tuple[Suppression, ...]:
    query = select(SuppressionRow).where(
        SuppressionRow.shopper_id == shopper,
        col(SuppressionRow.lifted_at).is_(None),
        or_(col(SuppressionRow.expires_at).is_(None), col(SuppressionRow.expires_at) > now),
    )
    rows = (await session.exec(query)).all()
    return tuple(Suppression(row.scope, row.target, row.reason) for row in rows)


async def _candidates(session: AsyncSession, shopper: str, now: datetime) -> tuple[Candidate, ...]:
    query = select(CandidateRow).where(
        CandidateRow.shopper_id == shopper,
        col(CandidateRow.closed_at).is_(None),
        CandidateRow.expires_at > now,
    )
    rows = (await session.exec(query)).all()
    return tuple(
        Candidate(row.id, row.question_id, About(**row.about), row.reason, row.created_at)
        for row in rows
    )


async def _known(
    session: AsyncSession, conversation: ConversationRow, catalogue: Catalogue
) -> tuple[Known, ...]:
    """Give the newest answers, each with where it was given; an older version is not told."""
    query = (
        select(AnswerRow, AskRow.conversation_id)
        .join(AskRow)
        .where(AnswerRow.shopper_id == conversation.shopper_id)
        .order_by(col(AnswerRow.answered_at).desc())
        .limit(20)
    )
    newest: dict[tuple[str, str], Known] = {}
    for row, place in (await session.exec(query)).all():
        about = About(**row.about) if row.about else None
        key = (row.question_id, f"{about.purchase} {about.sku}" if about else "")
        newest.setdefault(
            key,
            Known(
                question=row.question_id,
                value=row.value,
                label=_label(row, conversation.locale, catalogue),
                wording=row.wording,
                answered_at=row.answered_at,
                channel=row.channel,
                here=place == conversation.id,
                about=about,
                unwanted=row.detail.get("polarity") == "does_not_want",
            ),
        )
    return tuple(newest.values())


def _label(row: AnswerRow, locale: str, catalogue: Catalogue) -> str:
    """Name the answer in the shopper's language; in own words, or once the option is gone, bare."""
    question = catalogue.questions.get(row.question_id)
    chosen = question.chosen(row.value) if question else ()
    labels = ", ".join(option.label[locale] for option in chosen)
    own = row.own_words if row.value == WORDS else None
    return labels or own or row.value


async def _returning(session: AsyncSession, conversation: ConversationRow) -> bool:
    query = (
        select(ConversationRow.id)
        .where(
            ConversationRow.shopper_id == conversation.shopper_id,
            ConversationRow.id != conversation.id,
            col(ConversationRow.disclosed_at).is_not(None),
        )
        .limit(1)
    )
    return (await session.exec(query)).first() is not None


async def _purchases(session: AsyncSession, shopper: str) -> int:
    query = select(func.count()).select_from(PurchaseRow).where(PurchaseRow.shopper_id == shopper)
    return (await session.exec(query)).one()
