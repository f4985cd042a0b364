"""Shoppers with something in their ledgers, written past the writers: for what only reads."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    ConversationRow,
    IdentityRow,
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


async def add_shopper(session: AsyncSession, shopper: str) -> None:
    session.add(ShopperRow(id=shopper, created_at=START))
    await session.flush()
    session.add(
        IdentityRow(
            id=f"identity-{shopper}",
            shopper_id=shopper,
            kind="shopify",
            value=f"number-{shopper}",
            assurance="signed",
            linked_at=START,
        )
    )
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


async def add_consent(session: AsyncSession, shopper: str, seq: int, state: str) -> None:
    session.add(
        ConsentEventRow(
            id=f"consent-{shopper}-{seq}",
            shopper_id=shopper,
            seq=seq,
            purpose=PURPOSE,
            state=state,
            method="button",
            notice_version=1,
            notice_sha256="abc",
            notice_text="May I?",
            locale="en",
            channel="web",
            conversation_id=f"talk-{shopper}",
            message_id=f"m-{seq}",
            occurred_at=START + timedelta(minutes=seq),
        )
    )
    await session.flush()


async def add_answer(
    session: AsyncSession, shopper: str, number: int = 1, value: str = "gift", **more: Any
) -> None:
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
    session.add(
        AnswerRow(
            id=f"answer-{shopper}-{number}",
            ask_id=f"ask-{shopper}-{number}",
            value=value,
            detail={"relation": "sister"},
            own_words="it's for my sister",
            kind="declared",
            confidence=0.9,
            subject="self",
            message_id=f"a-{number}",
            consent_id=f"consent-{shopper}-1",
            answered_at=START + timedelta(minutes=number, seconds=30),
            **shown,
        )
    )
    await session.flush()


async def add_suppression(
    session: AsyncSession, shopper: str, reason: str = "shopper_said_stop", **more: Any
) -> None:
    session.add(
        SuppressionRow(
            id=f"suppression-{shopper}-{reason}",
            shopper_id=shopper,
            scope="all",
            target="",
            source="shopper",
            reason=reason,
            created_at=START,
            **more,
        )
    )
    await session.flush()


async def add_shopper_who_answered(session: AsyncSession, shopper: str) -> None:
    await add_shopper(session, shopper)
    await add_consent(session, shopper, 1, "given")
    await add_answer(session, shopper)
