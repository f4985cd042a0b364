"""Shoppers with something in their ledgers, written past the writers: for what only reads."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import ConsentState
from preferences.store.engine import vault_of
from preferences.store.ledger import digest
from preferences.store.sealed import put_sealed
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    IdentityRow,
    NoticeRow,
    OwnWordsRow,
    ShopperRow,
    SuppressionRow,
)

PURPOSE = "tailor_suggestions"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPTIONS = [
    {"label": "A gift", "value": "gift", "act": None},
    {"label": "For me", "value": "self", "act": None},
]
DRESS = {"purchase": "order-1", "sku": "D-1", "product": "Summer dress"}
NOTICE = "May I?"
NOTICE_SHA256 = sha256(NOTICE.encode()).hexdigest()


async def add_shopper(session: AsyncSession, shopper: str) -> None:
    session.add(ShopperRow(id=shopper, head_id=shopper, created_at=START))
    await session.flush()
    await add_identity(session, shopper, "shopify", f"number-{shopper}")
    session.add(
        ConversationRow(
            id=f"talk-{shopper}",
            shopper_id=shopper,
            channel="web",
            locale="en",
            created_at=START,
            seen_at=START,
        )
    )
    await session.flush()


async def add_identity(
    session: AsyncSession, shopper: str, kind: str, value: str, **more: Any
) -> None:
    known = {"assurance": "claimed", "proof": "order", "linked_at": START, "seen_at": START}
    row = IdentityRow(
        id=f"identity-{value}",
        shopper_id=shopper,
        kind=kind,
        lookup=vault_of(session).lookup(kind, value),
        **known | more,
    )
    put_sealed(vault_of(session), row, "value", value)
    session.add(row)
    await session.flush()


async def add_consent(
    session: AsyncSession,
    shopper: str,
    seq: int,
    state: ConsentState,
    purpose: str = PURPOSE,
    **more: Any,
) -> None:
    """Add an event to the end of the chain; `seq` has to be the next one."""
    await _notice(session)
    owner = await session.get_one(ShopperRow, shopper)
    held = await session.get(ConsentRow, (shopper, purpose))
    told = {
        "schema_version": 1,
        "lawful_basis": "consent",
        "data_categories": ["shopping_preferences"],
        "recipients": ["log"],
        "method": "button",
        "actor": "shopper",
        "assurance": "anonymous",
        "notice_version": 1,
        "notice_sha256": NOTICE_SHA256,
        "locale": "en",
        "channel": "web",
        "conversation_id": f"talk-{shopper}",
        "message_id": f"m-{seq}",
        "withdrawal_method": "stop",
        "occurred_at": START + timedelta(minutes=seq),
    } | more
    event = ConsentEventRow(
        id=f"consent-{shopper}-{seq}",
        shopper_id=shopper,
        seq=seq,
        purpose=purpose,
        state=state,
        supersedes=held.event_id if held else None,
        idempotency_key=f"m-{seq}",
        prev_hash=owner.ledger_hash,
        hash="",
        **told,
    )
    event.hash = digest(event)
    owner.ledger_seq, owner.ledger_hash = seq, event.hash
    session.add(event)
    await session.flush()
    view = held or ConsentRow(shopper_id=shopper, purpose=purpose)
    view.state, view.event_id, view.seq = state, event.id, seq
    view.valid_until, view.occurred_at = event.valid_until, event.occurred_at
    session.add(view)
    await session.flush()


async def _notice(session: AsyncSession) -> None:
    if await session.get(NoticeRow, NOTICE_SHA256) is None:
        session.add(
            NoticeRow(
                sha256=NOTICE_SHA256,
                key=PURPOSE,
                version=1,
                locale="en",
                text=NOTICE,
                first_shown_at=START,
            )
        )
        await session.flush()


async def add_answer(
    session: AsyncSession,
    shopper: str,
    number: int = 1,
    value: str = "gift",
    words: str | None = "it's for my sister",
    **more: Any,
) -> None:
    """Add an answer under the first event of the chain, with the ask that it belongs to."""
    proof = {
        name: more.pop(name)
        for name in ("kind", "source", "consent_id", "fresh_until", "detail", "answered_at")
        if name in more
    }
    shown = {
        "shopper_id": shopper,
        "question_id": "gift_or_self",
        "question_version": 1,
        "purpose": PURPOSE,
        "wording": "A gift, or for you?",
        "options": OPTIONS,
        "locale": "en",
        "channel": "web",
        "about": DRESS,
        "asked_at": START + timedelta(minutes=number),
    } | more
    session.add(
        AskRow(
            id=f"ask-{shopper}-{number}",
            conversation_id=f"talk-{shopper}",
            kind="question",
            **shown,
        )
    )
    await session.flush()
    told = {
        "kind": "declared",
        "source": "shopper",
        "detail": {"relation": "sister"},
        "consent_id": f"consent-{shopper}-1",
        "answered_at": START + timedelta(minutes=number, seconds=30),
    } | proof
    answer = AnswerRow(
        id=f"answer-{shopper}-{number}",
        ask_id=f"ask-{shopper}-{number}",
        value=value,
        confidence=0.9,
        subject="self",
        message_id=f"a-{number}",
        **told,
        **shown,
    )
    session.add(answer)
    await session.flush()
    if words is not None:
        await _keep_words(session, answer, words)


async def _keep_words(session: AsyncSession, answer: AnswerRow, words: str) -> None:
    row = OwnWordsRow(
        answer_id=answer.id, shopper_id=answer.shopper_id, sealed_text="", at=answer.answered_at
    )
    put_sealed(vault_of(session), row, "text", words)
    session.add(row)
    await session.flush()


async def add_suppression(
    session: AsyncSession, shopper: str, reason: str = "shopper_said_stop", **more: Any
) -> None:
    told = {"scope": "all", "target": "", "source": "shopper", "created_at": START} | more
    session.add(
        SuppressionRow(
            id=f"suppression-{shopper}-{reason}", shopper_id=shopper, reason=reason, **told
        )
    )
    await session.flush()


async def add_shopper_who_answered(session: AsyncSession, shopper: str) -> None:
    await add_shopper(session, shopper)
    await add_consent(session, shopper, 1, "given")
    await add_answer(session, shopper)
