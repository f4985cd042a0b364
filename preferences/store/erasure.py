"""Removes a shopper from the store, leaving only the wish to be left alone."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.ids import new_id
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentEventRow,
    ConversationRow,
    DecisionRow,
    MessageRow,
    PurchaseLineRow,
    PurchaseRow,
    SuppressionRow,
    TrackerRow,
)

_OF_SHOPPER = (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    DecisionRow,
    SuppressionRow,
    CandidateRow,
)


async def erase(session: AsyncSession, shopper: str, now: datetime, *, keep: str = "") -> None:
    """Delete what is held of a shopper, in the caller's transaction.

    `keep` names the message that asked for it: it stays, without its words, so that its turn is
    known to be done. What has no answer yet stays too, and gets one. The shopper's identity stays:
    it is what keeps the wish in force.
    """
    await session.flush()
    conversations = select(col(ConversationRow.id)).where(
        col(ConversationRow.shopper_id) == shopper
    )
    purchases = select(col(PurchaseRow.id)).where(col(PurchaseRow.shopper_id) == shopper)
    here = col(MessageRow.conversation_id).in_(conversations)
    asked_for_it = col(MessageRow.message_id) == keep
    await session.exec(update(MessageRow).where(here, asked_for_it).values(text="", body={}))
    kept = col(MessageRow.message_id).is_not_distinct_from(keep)
    waits = col(MessageRow.message_id).is_not(None) & col(MessageRow.answered_at).is_(None)
    await session.exec(delete(MessageRow).where(here, ~kept, ~waits))
    await session.exec(delete(TrackerRow).where(col(TrackerRow.sender_id).in_(conversations)))
    await session.exec(
        delete(PurchaseLineRow).where(col(PurchaseLineRow.purchase_id).in_(purchases))
    )
    await session.exec(delete(PurchaseRow).where(col(PurchaseRow.shopper_id) == shopper))
    for table in _OF_SHOPPER:
        await session.exec(delete(table).where(col(table.shopper_id) == shopper))
    await session.exec(
        update(ConversationRow)
        .where(col(ConversationRow.shopper_id) == shopper)
        .values(open_ask_id=None, unclear=0)
        .execution_options(synchronize_session="fetch")
    )
    session.add(
        SuppressionRow(
            id=new_id(),
            shopper_id=shopper,
            scope="all",
            target="",
            source="shopper",
            reason="shopper_erased",
            created_at=now,
        )
    )
