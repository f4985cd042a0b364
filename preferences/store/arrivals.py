"""What platforms report of a shopper: kept once, in order, in the one conversation of its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError, NotFoundError
from preferences.store.addresses import (
    Names,
    Place,
    add_address,
    conversation_at,
    open_conversation,
    read_address,
)
from preferences.store.conversations import Conversation
from preferences.store.engine import Store, vault_of
from preferences.store.meeting import meet_on_channel, rename
from preferences.store.persons import head_of
from preferences.store.readdressing import readdress
from preferences.store.sealed import put_sealed
from preferences.store.shoppers import find_shopper
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConversationRow,
    DispatchRow,
    MessageRow,
    OwnWordsRow,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that a shopper did, as the log keeps it; `closed` if it is not to be answered."""

    message_id: str
    kind: str
    text: str
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Reception:
    """How a shop receives: its language, whom to tell, and how long a person who came keeps the floor."""

    locale: str
    destinations: Sequence[str]
    takeover: timedelta


async def arrive(
    store: Store,
    place: Place,
    names: Names,
    read: Callable[[str], Sequence[Arrival]],
    *,
    reception: Reception,
    referral: Mapping[str, str],
    now: datetime,
) -> tuple[Conversation, int]:
    """Keep what somebody did; give their conversation, and how much of it is new and waits.

    `read` is given the conversation and tells what they did: a button is good in one alone.

    :raises BadInputError: there can be no such names.
    """
    async with store.begin() as session:
        row = await _met(session, place, names, reception, now)
        if row.handed_off_until is not None and row.handed_off_until < now:
            row.handed_off_at = row.handed_off_until = None
        if referral:
            row.referral = dict(referral)
        await session.flush()
        new, waiting = await _keep(session, row, read(row.id))
        if new:  # after an erasure, what comes a second time brings no name back
            add_address(vault_of(session), row, names)
        head = await head_of(session, row.shopper_id)
        return Conversation(row.id, head, row.channel, row.locale), waiting


async def _met(
    session: AsyncSession, place: Place, names: Names, reception: Reception, now: datetime
) -> ConversationRow:
    """Give the conversation of whoever has these names, held for the caller.

    It is held before anything of its person is written, as a turn does it: the two would wait for
    one another for ever. Where all of the names are those it has, nobody has to be met anew.
    """
    row = await _conversation(session, place, names)
    if row is not None and names.items() <= read_address(vault_of(session), row).items():
        return row
    shopper = await meet_on_channel(session, names, reception.destinations, now)
    return await open_conversation(session, shopper, place, names, reception.locale, now)


async def _keep(
    session: AsyncSession, row: ConversationRow, arrivals: Sequence[Arrival]
) -> tuple[int, int]:
    """Keep what is new; give how much that is, and how much of it waits for an answer."""
    query = select(MessageRow.message_id).where(
        MessageRow.conversation_id == row.id,
        col(MessageRow.message_id).in_([one.message_id for one in arrivals]),
    )
    known = {*(await session.exec(query)).all()}
    new = waiting = 0
    for one in arrivals:
        if one.message_id in known:
            continue
        known.add(one.message_id)
        row.last_seq += 1
        row.seen_at = max(row.seen_at, one.at)
        kept = MessageRow(
            conversation_id=row.id,
            seq=row.last_seq,
            author="shopper",
            kind=one.kind,
            sealed_text="",
            lang=row.locale,
            message_id=one.message_id,
            body=dict(one.body),
            at=one.at,
            answered_at=one.at if one.closed else None,
        )
        put_sealed(vault_of(session), kept, "text", one.text)
        session.add(kept)
        new += 1
        waiting += not one.closed
    return new, waiting


async def give_floor(
    store: Store, place: Place, names: Names, *, reception: Reception, now: datetime
) -> str:
    """Let a person of the shop talk: the assistant is silent there; give the conversation.

    It is for some hours after their last word. Where the shopper called a person, it is until the
    conversation is handed back.

    :raises BadInputError: there can be no such names.
    """
    async with store.begin() as session:
        row = await _met(session, place, names, reception, now)
        if row.handed_off_at is None or row.handed_off_until is not None:
            row.handed_off_at, row.handed_off_until = now, now + reception.takeover
        return row.id


async def take_floor(store: Store, place: Place, names: Names) -> None:
    """Let the assistant talk again, where it was silent."""
    async with store.begin() as session:
        row = await _conversation(session, place, names)
        if row is not None:
            row.handed_off_at = row.handed_off_until = None


async def conversations_at(store: Store, place: Place, names: Names) -> list[str]:
    """Give the conversation that somebody has at a place, if there is one."""
    async with store.begin() as session:
        row = await _conversation(session, place, names)
        return [] if row is None else [row.id]


async def count_as_press(store: Store, conversation: str, message_id: str, number: int) -> bool:
    """Take a number for the option of that number, where the options were shown as numbered lines.

    Elsewhere a number is a word like any other. Where nothing is open it is one of the last suggestion.
    """
    async with store.begin() as session:
        talk = await session.get(ConversationRow, conversation, with_for_update=True)
        if talk is None:
            return False
        asked = talk.open_ask_id
        shown = (
            select(AskRow.id, AskRow.options)
            .join(MessageRow, col(MessageRow.conversation_id) == col(AskRow.conversation_id))
            .join(
                DispatchRow,
                and_(
                    col(DispatchRow.conversation_id) == col(MessageRow.conversation_id),
                    col(DispatchRow.reply_to) == col(MessageRow.reply_to),
                ),
            )
            .where(
                AskRow.kind == "suggestion" if asked is None else AskRow.id == asked,
                MessageRow.conversation_id == conversation,
                DispatchRow.form == "numbered",
                col(MessageRow.body)["ask"].as_string() == AskRow.id,
            )
            .order_by(col(MessageRow.seq).desc())
        )
        name, options = (await session.exec(shown)).first() or ("", None)
        said = select(MessageRow).where(
            MessageRow.conversation_id == conversation, MessageRow.message_id == message_id
        )
        row = (await session.exec(said)).first()
        if options is None or row is None or not 1 <= number <= len(options):
            return False
        row.kind, row.body = "press", {**row.body, "ask": name, "option": number - 1}
        return True


async def fold(store: Store, conversation: str, message_ids: Sequence[str], text: str) -> None:
    """Make one message of several that came in a row: the last one, which says all of it."""
    *earlier, last = message_ids
    query = select(MessageRow).where(
        MessageRow.conversation_id == conversation, col(MessageRow.message_id).in_(message_ids)
    )
    async with store.begin() as session:
        rows = {row.message_id: row for row in (await session.exec(query.with_for_update())).all()}
        if rows.keys() != {*message_ids} or any(row.answered_at for row in rows.values()):
            return
        put_sealed(vault_of(session), rows[last], "text", text)
        for name in earlier:
            put_sealed(vault_of(session), rows[name], "text", "folded")
            rows[name].kind, rows[name].answered_at = "event", rows[name].at


async def follow(store: Store, kind: str, old: str, new: str, now: datetime) -> bool:
    """Follow somebody to whom a platform gives another name; tell whether they were known.

    Who has the new name already stays apart: the shop may link the two.
    """
    try:
        async with store.begin() as session:
            await _follow(session, kind, old, new, now)
    except (BadInputError, NotFoundError):  # nothing of it is done
        return False
    return True


async def _follow(session: AsyncSession, kind: str, old: str, new: str, now: datetime) -> None:
    shopper = await find_shopper(session, kind, old)
    await rename(session, kind, old, new, now)
    await readdress(session, shopper or "", kind, old, new)


async def unsay(
    store: Store, place: Place, names: Names, message_id: str, instead: str | None
) -> None:
    """Take the words of a message back, or put others in their place, as the shopper did."""
    async with store.begin() as session:
        row = await _conversation(session, place, names)
        if row is None:
            return
        said = select(MessageRow).where(
            MessageRow.conversation_id == row.id, MessageRow.message_id == message_id
        )
        kept = (await session.exec(said)).first()
        if kept is None:
            return
        put_sealed(vault_of(session), kept, "text", instead or "")
        answers = select(AnswerRow.id).where(
            AnswerRow.message_id == message_id, AnswerRow.shopper_id == row.shopper_id
        )
        await session.exec(delete(OwnWordsRow).where(col(OwnWordsRow.answer_id).in_(answers)))


async def _conversation(
    session: AsyncSession, place: Place, names: Names
) -> ConversationRow | None:
    for kind, name in names.items():
        try:
            shopper = await find_shopper(session, kind, name)
        except BadInputError:
            continue
        if shopper and (row := await conversation_at(session, shopper, place, names)):
            return row
    return None
