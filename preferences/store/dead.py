"""Dead letters of shoppers: messages that could not be answered, closed with an apology, not lost."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import Reply
from preferences.store.addresses import read_address
from preferences.store.dispatches import put_dispatch
from preferences.store.engine import Store
from preferences.store.tables import ConversationRow, DispatchRow, MessageRow
from preferences.store.turns import hold, line_of

type Why = Literal["refused", "failed"]
"""The assistant would never take it, or failed again and again."""


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """One message that nobody answered, without its words."""

    channel: str
    conversation: str
    message_id: str
    why: str
    at: datetime


async def give_up(
    store: Store,
    conversation: str,
    message_id: str,
    apology: str,
    now: datetime,
    why: Why | None = None,
    *,
    hello: str = "",
) -> None:
    """Close a message that cannot be answered with an apology, so that the next ones can be.

    With a reason it is a dead letter from now on. While a person talks there, nothing is said. `hello`
    comes first where the shopper was not told yet that this is a machine.
    """
    async with store.begin() as session:
        held = await hold(session, conversation, message_id)
        if held is None or held[1].answered_at is not None:
            return
        row, inbound, _owner = held
        inbound.answered_at, inbound.dead_why = now, why
        if row.handed_off_at is not None:
            return
        said = [apology] if row.disclosed_at or not hello else [hello, apology]
        row.disclosed_at = row.disclosed_at or (now if hello else None)
        for text in said:
            row.last_seq += 1
            session.add(line_of(store.vault, row, inbound, Reply("say", text), row.last_seq, now))
        if address := read_address(store.vault, row):
            put_dispatch(session, row, inbound, address, now)


async def dead_messages(store: Store, limit: int = 100) -> list[DeadMessage]:
    """Give the dead letters, the oldest first."""
    query = (
        select(ConversationRow.channel, MessageRow)
        .join(ConversationRow, col(ConversationRow.id) == col(MessageRow.conversation_id))
        .where(col(MessageRow.dead_why).is_not(None))
        .order_by(col(MessageRow.at))
        .limit(limit)
    )
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(query)).all()
    return [
        DeadMessage(channel, row.conversation_id, row.message_id or "", row.dead_why or "", row.at)
        for channel, row in rows
    ]


async def count_dead(store: Store) -> Counter[str]:
    """Count the dead letters of each channel."""
    query = (
        select(ConversationRow.channel, func.count())
        .join(MessageRow, col(MessageRow.conversation_id) == col(ConversationRow.id))
        .where(col(MessageRow.dead_why).is_not(None))
        .group_by(col(ConversationRow.channel))
    )
    async with store.begin(readonly=True) as session:
        return Counter(dict((await session.exec(query)).all()))


async def replay_dead(store: Store, conversation: str = "") -> int:
    """Have the dead letters answered after all, of one conversation or of all; tell how many.

    The gateway takes them up by itself. What was said in apology stays said.
    """
    query = select(MessageRow).where(col(MessageRow.dead_why).is_not(None))
    if conversation:
        query = query.where(MessageRow.conversation_id == conversation)
    async with store.begin() as session:
        rows = (await session.exec(query.with_for_update())).all()
        for row in rows:
            await _free(session, row)
            row.answered_at = row.dead_why = None
    return len(rows)


async def _free(session: AsyncSession, dead: MessageRow) -> None:
    """Let the apology stand for itself, so that the answer to the message is another one."""
    said = (
        select(MessageRow)
        .where(MessageRow.conversation_id == dead.conversation_id, MessageRow.reply_to == dead.seq)
        .order_by(col(MessageRow.seq))
    )
    sent = select(DispatchRow).where(
        DispatchRow.conversation_id == dead.conversation_id, DispatchRow.reply_to == dead.seq
    )
    lines = (await session.exec(said)).all()
    if not lines:
        return
    for line in lines:
        line.reply_to = lines[0].seq
    for dispatch in (await session.exec(sent)).all():
        dispatch.reply_to = lines[0].seq
