"""Messages on their way to a platform: what is due, what was sent, and what became of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import Store, vault_of
from preferences.store.ids import new_id
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import put_sealed, read_text
from preferences.store.tables import (
    ConversationRow,
    DispatchRow,
    MessageRow,
    ShopperRow,
    SuppressionRow,
)

RANK = {
    "waiting": 0,
    "withheld": 0,
    "sending": 1,
    "unknown": 2,
    "failed": 3,
    "sent": 4,
    "delivered": 5,
    "read": 6,
}
"""How far a message has come: a status may come late or twice, and never moves it back."""

OPEN = ("waiting", "sending", "unknown")
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One line that the assistant said; `choices` are labels, in their order.

    `page` says that the way to the shopper's own page belongs to it.
    """

    kind: str
    text: str
    ask: str | None
    choices: tuple[str, ...]
    page: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message to send: where to, what was said in the turn, and what speaks against it by now."""

    id: str
    conversation: str
    channel: str
    account: str
    locale: str
    to: dict[str, str]
    in_reply_to: str
    lines: tuple[Line, ...]
    state: str
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    seen_at: datetime
    handed_off_at: datetime | None
    opted_out: bool
    overtaken: bool


@dataclass(frozen=True, slots=True)
class News:
    """What a platform tells of messages: by its own ids, by ours, or of all until a time."""

    state: str
    ids: Sequence[str] = ()
    reference: str = ""
    error: int | None = None
    free: bool | None = None


def put_dispatch(
    session: AsyncSession,
    row: ConversationRow,
    inbound: MessageRow,
    address: dict[str, str],
    now: datetime,
) -> None:
    """Put what was just said in a conversation on its way, in the transaction of the turn.

    What answers a message that came too late is not sent.
    """
    late = bool(inbound.body.get("late"))
    dispatch = DispatchRow(
        id=new_id(),
        conversation_id=row.id,
        reply_to=inbound.seq,
        channel=row.channel,
        state="withheld" if late else "waiting",
        why="late" if late else "",
        next_attempt_at=now,
        created_at=now,
    )
    if not late:
        put_sealed(vault_of(session), dispatch, "to", json.dumps(address))
    session.add(dispatch)


async def read_due(store: Store, now: datetime) -> list[str]:
    """Give the people to whom something is due, longest first."""
    query = (
        select(ShopperRow.head_id)
        .join(ConversationRow, col(ConversationRow.shopper_id) == col(ShopperRow.id))
        .join(DispatchRow)
        .where(col(DispatchRow.state).in_(OPEN), DispatchRow.next_attempt_at <= now)
        .order_by(col(DispatchRow.next_attempt_at))
        .limit(_BATCH)
    )
    async with store.begin(readonly=True) as session:
        return list(dict.fromkeys((await session.exec(query)).all()))


async def read_dispatches(store: Store, shopper: str) -> list[Dispatch]:
    """Give what is still to be sent to a person, in the order in which it was said.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        query = (
            select(DispatchRow, ConversationRow)
            .join(ConversationRow)
            .where(of_person(ConversationRow.shopper_id, head), col(DispatchRow.state).in_(OPEN))
            .order_by(col(DispatchRow.created_at), col(DispatchRow.reply_to))
        )
        rows = (await session.exec(query)).all()
        return [await _dispatch(session, head, row, talk) for row, talk in rows]


async def _dispatch(
    session: AsyncSession, head: str, row: DispatchRow, talk: ConversationRow
) -> Dispatch:
    vault = vault_of(session)
    query = (
        select(MessageRow)
        .where(
            MessageRow.conversation_id == talk.id,
            or_(col(MessageRow.reply_to) == row.reply_to, col(MessageRow.seq) == row.reply_to),
        )
        .order_by(col(MessageRow.seq))
    )
    said = (await session.exec(query)).all()
    later = select(DispatchRow.id).where(
        DispatchRow.conversation_id == talk.id, DispatchRow.reply_to > row.reply_to
    )
    return Dispatch(
        row.id,
        talk.id,
        row.channel,
        talk.account,
        talk.locale,
        json.loads(read_text(vault, row, "to") or "{}"),
        next((one.message_id or "" for one in said if one.seq == row.reply_to), ""),
        tuple(
            Line(
                one.kind,
                read_text(vault, one, "text"),
                one.body.get("ask"),
                tuple(choice["label"] for choice in one.body.get("choices", ())),
                one.body.get("page", False),
            )
            for one in said
            if one.reply_to == row.reply_to
        ),
        row.state,
        row.attempts,
        row.next_attempt_at,
        row.created_at,
        talk.seen_at,
        talk.handed_off_at,
        (await session.exec(_opted_out(head, row))).first() is not None,
        (await session.exec(later.limit(1))).first() is not None,
    )


def _opted_out(head: str, row: DispatchRow) -> Any:
    """Ask whether the person wished to be left alone after this was said."""
    here = (col(SuppressionRow.scope) == "channel") & (col(SuppressionRow.target) == row.channel)
    everywhere = col(SuppressionRow.scope) == "all"
    return (
        select(SuppressionRow.id)
        .where(
            of_person(SuppressionRow.shopper_id, head),
            col(SuppressionRow.lifted_at).is_(None),
            SuppressionRow.created_at > row.created_at,
            or_(everywhere, here),
        )
        .limit(1)
    )


async def begin_sending(store: Store, dispatch: str, form: str, again_at: datetime) -> bool:
    """Note that a message is being sent, before it is; tell whether it still may be.

    `form` is how its options are shown: if the platform's answer is lost, the shopper's may come.
    Who dies meanwhile leaves it like that: from `again_at` on nobody knows whether it was sent.
    """
    async with store.begin() as session:
        row = await session.get(DispatchRow, dispatch, with_for_update=True)
        if row is None or row.state not in OPEN:
            return False
        row.state, row.form = "sending", form
        row.next_attempt_at, row.attempts = again_at, row.attempts + 1
        return True


async def put_off(store: Store, dispatch: str, state: str, why: str, again_at: datetime) -> None:
    """Leave a message for later: `waiting` if it was not sent, `unknown` if nobody knows."""
    async with store.begin() as session:
        row = await session.get(DispatchRow, dispatch, with_for_update=True)
        if row is not None and row.state in OPEN:
            row.state, row.why, row.next_attempt_at = state, why, again_at


async def accepted(store: Store, dispatch: str, provider_id: str, now: datetime) -> None:
    """Note that the platform took a message, and by which id it will tell of it."""
    async with store.begin() as session:
        row = await session.get(DispatchRow, dispatch, with_for_update=True)
        if row is not None:
            row.provider_id = provider_id or row.provider_id
            _move(row, "sent", now)


async def end(store: Store, dispatch: str, state: str, why: str) -> None:
    """Note that a message will never be sent: `failed`, or `withheld` by ourselves."""
    async with store.begin() as session:
        row = await session.get(DispatchRow, dispatch, with_for_update=True)
        if row is not None and row.state in OPEN:
            row.state, row.why, row.sealed_to = state, why, None


async def hear(store: Store, news: Sequence[News], now: datetime) -> int:
    """Take in what a platform tells of messages of ours; tell how many of them are known here."""
    ids = {one for told in news for one in (*told.ids, told.reference) if one}
    if not ids:
        return 0
    async with store.begin() as session:
        known = or_(col(DispatchRow.provider_id).in_(ids), col(DispatchRow.id).in_(ids))
        query = select(DispatchRow).where(known).order_by(col(DispatchRow.id)).with_for_update()
        rows = (await session.exec(query)).all()
        named = {name: row for row in rows for name in (row.id, row.provider_id) if name}
        for told in news:
            about = {
                named[one].id: named[one] for one in (told.reference, *told.ids) if one in named
            }
            for row in about.values():
                _hear(row, told, now)
        return len(rows)


async def hear_until(
    store: Store, conversations: Sequence[str], state: str, until: datetime, now: datetime
) -> None:
    """Take in that everything sent to these conversations by a time was delivered, or read."""
    query = select(DispatchRow).where(
        col(DispatchRow.conversation_id).in_(conversations),
        col(DispatchRow.state).in_(["sent", "delivered"]),
        col(DispatchRow.sent_at) <= until,
    )
    async with store.begin() as session:
        for row in (await session.exec(query.with_for_update())).all():
            _move(row, state, now)


async def count_charged(session: AsyncSession, channel: str, since: datetime) -> int:
    """Count the messages that were sent on a channel since a time and are not free."""
    query = (
        select(func.count())
        .select_from(DispatchRow)
        .where(
            DispatchRow.channel == channel,
            col(DispatchRow.sent_at) >= since,
            col(DispatchRow.charged).is_not(False),
        )
    )
    return (await session.exec(query)).one()


def _hear(row: DispatchRow, told: News, now: datetime) -> None:
    row.provider_id = row.provider_id or next(iter(told.ids), None)
    if told.free is not None:
        row.charged = not told.free
    if told.error is not None:
        row.why = str(told.error)
    _move(row, told.state, now)


def _move(row: DispatchRow, state: str, now: datetime) -> None:
    """Move a message forward; what the platform took and then could not deliver has failed."""
    failed_after_all = state == "failed" and row.state == "sent"
    if RANK[state] > RANK[row.state] or failed_after_all:
        row.state, row.sealed_to = state, None
        row.sent_at = row.sent_at or now


def month_of(now: datetime) -> datetime:
    """Give when the month began, as platforms count their free messages."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


WINDOW = timedelta(hours=24)
"""How long after a shopper's own message a platform lets a shop write freely."""
