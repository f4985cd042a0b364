"""One turn, once: reads the state, lets the domain answer, and commits all of it together."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue
from preferences.conversation import Ask, Reply
from preferences.dialogue.respond import Assistant, Dismissal, Happened, Message, Pressed, Said
from preferences.errors import NotFoundError
from preferences.store.addresses import read_address
from preferences.store.desk import Desk
from preferences.store.dispatches import count_charged, month_of, put_dispatch
from preferences.store.engine import Store, vault_of
from preferences.store.invitations import with_invitation
from preferences.store.mailed import come_by_mail
from preferences.store.persons import hold_person
from preferences.store.records import write_records
from preferences.store.sealed import put_sealed, read_text
from preferences.store.states import Need, read_ask, read_state, to_ask
from preferences.store.surroundings import enter, entry_of
from preferences.store.tables import AskRow, ConversationRow, MessageRow, ShopperRow
from preferences.store.vault import Vault
from preferences.understanding import Heard, may_mean, read

_ABOUT_DATA = ("ask_data", "correct_data")


async def _nobody_listens() -> None:
    """Leave the worker to look by itself."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Takes turns of one shop's assistant over its store.

    `destinations` names the CRMs that are to be told; `ring` is called after a commit that left
    them something; `clock` gives aware UTC times; after so many charged `messages_per_month` on a
    channel it only answers and asks nothing (0: no limit).
    """

    store: Store
    assistant: Assistant
    destinations: Sequence[str]
    clock: Callable[[], datetime]
    ring: Callable[[], Awaitable[None]] = _nobody_listens
    messages_per_month: int = 0

    async def take(self, conversation: str, message_id: str, heard: Heard) -> list[dict[str, Any]]:
        """Answer one message that the log holds; `heard` is used where it is a text.

        Gives the replies as the log holds them. A message that was answered already is not answered
        again: its replies are given once more.

        :raises NotFoundError: the log does not hold the message.
        :raises UnavailableError: nothing was stored; the same call may be made again.
        """
        async with self.store.begin() as session:
            held = await hold(session, conversation, message_id)
            if held is None:
                message = "This message is not in the log; it has to be kept before it is answered."
                raise NotFoundError(message)
            row, inbound, _owner = held
            if inbound.answered_at is not None:
                vault = self.store.vault
                return [_as_json(vault, reply) for reply in await _replies(session, inbound)]
            lines, told = await self._answer(session, row, inbound, heard)
        if told:
            await self.ring()
        return [_as_json(self.store.vault, line) for line in lines]

    async def _answer(
        self, session: AsyncSession, row: ConversationRow, inbound: MessageRow, heard: Heard
    ) -> tuple[list[MessageRow], bool]:
        now, catalogue = self.clock(), self.assistant.catalogue
        if entry := entry_of(row, inbound.body, catalogue):
            enter(row, entry, now)
        if "poll" in inbound.body:
            come_by_mail(row, inbound.body["poll"], now)
        ask = await read_ask(session, row)
        need = _need(inbound, ask, heard, catalogue)
        if need.occasion:
            await hold_person(session, row.shopper_id)
        state = await read_state(
            session,
            row,
            ask,
            need,
            turn=inbound.seq,
            now=now,
            catalogue=catalogue,
            policy=self.assistant.policy,
        )
        page = self.assistant.referral
        state = await with_invitation(session, state, page, occasion=need.occasion)
        if need.occasion and row.account and self.messages_per_month:
            sent = await count_charged(session, row.channel, month_of(now))
            state = replace(state, spent=sent >= self.messages_per_month)
        vault = self.store.vault
        address = read_address(vault, row)  # an erasure takes it, and the goodbye needs it
        message = await _message(session, inbound, heard, ask)
        turn = self.assistant.respond(message, state)
        desk = Desk(session, row, inbound, state, catalogue, self.destinations)
        told = await write_records(desk, turn.records)
        inbound.answered_at = now
        row.turns += 1
        first = row.last_seq + 1
        lines = [
            line_of(vault, row, inbound, reply, seq, now)
            for seq, reply in enumerate(turn.replies, start=first)
        ]
        row.last_seq += len(lines)
        session.add_all(lines)
        if address and lines:
            put_dispatch(session, row, inbound, address, now)
        return lines, told


def _need(inbound: MessageRow, ask: Ask | None, heard: Heard, catalogue: Catalogue) -> Need:
    """Only an event, a permission or an answer has an occasion, only a request needs what is known."""
    permits = ask is not None and ask.kind == "consent"
    if inbound.kind != "text":
        happened = inbound.kind == "event" and "dismissed" not in inbound.body
        return Need(occasion=permits or happened, knowledge=False)
    act = read(heard, ask, catalogue).act
    return Need(
        occasion=permits or act == "answer" or may_mean(heard, "answer"),
        knowledge=act in _ABOUT_DATA or any(may_mean(heard, wish) for wish in _ABOUT_DATA),
    )


async def hold(
    session: AsyncSession, conversation: str, message_id: str
) -> tuple[ConversationRow, MessageRow, ShopperRow] | None:
    """Give the conversation, locked for this turn, and the message in its log.

    Whose it is comes along in the same query: the session knows it as long as somebody holds it.
    """
    query = (
        select(ConversationRow, MessageRow, ShopperRow)
        .join(MessageRow)
        .join(ShopperRow, col(ShopperRow.id) == col(ConversationRow.shopper_id))
        .where(ConversationRow.id == conversation, MessageRow.message_id == message_id)
        .with_for_update(of=[ConversationRow, MessageRow])
    )
    return (await session.exec(query)).first()


async def _message(
    session: AsyncSession, inbound: MessageRow, heard: Heard, ask: Ask | None
) -> Message:
    match inbound.kind:
        case "press":
            return await _pressed(session, inbound, ask)
        case "event" if "dismissed" in inbound.body:
            return await _dismissal(session, inbound, ask)
        case "event":
            return Happened(read_text(vault_of(session), inbound, "text"))
        case _:
            return Said(heard)


async def _dismissal(session: AsyncSession, inbound: MessageRow, ask: Ask | None) -> Dismissal:
    """Tell of a question that was closed at once: of the open one, or else of nothing."""
    key = (inbound.conversation_id, inbound.body["dismissed"])
    line = await session.get(MessageRow, key)
    is_open = ask is not None and line is not None and line.body.get("ask") == ask.id
    return Dismissal(at_once=is_open)


async def _pressed(session: AsyncSession, inbound: MessageRow, ask: Ask | None) -> Pressed:
    """Give the button of the open ask, or of a suggestion, which never is one.

    One of an ask that is over means nothing any more.
    """
    option: int = inbound.body["option"]
    if ask is not None and inbound.body["ask"] == ask.id:
        return Pressed(ask.choices[option])
    row = await session.get(AskRow, inbound.body["ask"])
    if row is None or (row.kind, row.conversation_id) != ("suggestion", inbound.conversation_id):
        return Pressed(None)
    suggestion = to_ask(vault_of(session), row)
    return Pressed(suggestion.choices[option], suggestion)


def line_of(
    vault: Vault,
    row: ConversationRow,
    inbound: MessageRow,
    reply: Reply,
    seq: int,
    now: datetime,
) -> MessageRow:
    """Make the row of one line that the assistant says in answer to a message."""
    choices = [{"label": choice.label} for choice in reply.choices]
    asked: dict[str, Any] = {"ask": reply.ask, "choices": choices} if reply.ask else {}
    more: dict[str, Any] = {"links": [asdict(link) for link in reply.links]} if reply.links else {}
    if reply.page:
        more["page"] = True
    line = MessageRow(
        conversation_id=row.id,
        seq=seq,
        author="assistant",
        kind=reply.kind,
        sealed_text="",
        lang=row.locale,
        body=asked | more,
        reply_to=inbound.seq,
        at=now,
    )
    put_sealed(vault, line, "text", reply.text)
    return line


async def _replies(session: AsyncSession, inbound: MessageRow) -> Sequence[MessageRow]:
    query = (
        select(MessageRow)
        .where(
            MessageRow.conversation_id == inbound.conversation_id,
            MessageRow.reply_to == inbound.seq,
        )
        .order_by(col(MessageRow.seq))
    )
    return (await session.exec(query)).all()


def _as_json(vault: Vault, row: MessageRow) -> dict[str, Any]:
    links = {"links": row.body["links"]} if "links" in row.body else {}
    return links | {
        "seq": row.seq,
        "from": row.author,
        "kind": row.kind,
        "text": read_text(vault, row, "text"),
        "lang": row.lang,
        "choices": row.body.get("choices", []),
        "ask": row.body.get("ask"),
        "at": row.at.isoformat(),
    }
