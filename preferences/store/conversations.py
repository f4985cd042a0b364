"""Conversations and their log: what came in is kept before it is acknowledged, then answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam
from sqlalchemy import select as columns
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from preferences.errors import NotFoundError
from preferences.store.addresses import read_address
from preferences.store.claims import stranger_of
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import column_of, put_sealed, read_text
from preferences.store.shoppers import known_shopper, new_shopper
from preferences.store.tables import AskRow, ConversationRow, MessageRow, ShopperRow
from preferences.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Conversation:
    """One shopper on one channel. `shopper` is the id of the person that they are."""

    id: str
    shopper: str
    channel: str
    locale: str


@dataclass(frozen=True, slots=True)
class Received:
    """What came in, as it stands in the log. `body` holds what the channel's turn needs."""

    conversation: Conversation
    seq: int
    message_id: str
    kind: str
    text: str
    body: Mapping[str, Any]
    answered: bool
    at: datetime
    to: Mapping[str, str] = field(default_factory=dict)
    """The names by which its channel is answered; empty where the shopper's page asks for replies."""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the log as a channel may show it; events of the page are not among them."""

    seq: int
    author: str
    kind: str
    text: str
    lang: str
    body: Mapping[str, Any]
    message_id: str | None
    at: datetime


async def start_conversation(
    store: Store,
    *,
    channel: str,
    locale: str,
    customer: str | None,
    now: datetime,
    previous: str | None = None,
    zone: str = "",
) -> Conversation:
    """Begin a conversation with a customer the shop vouched for, or with somebody unknown.

    `previous` is the conversation that the same device held before the customer signed in: it is
    over then, and what a stranger said there may be claimed, if the customer wants it. `zone` is the
    time zone of the device.
    """
    async with store.begin() as session:
        shopper = (
            await new_shopper(session, now)
            if customer is None
            else await known_shopper(
                session, "customer", customer, assurance="verified", proof="identity_token", now=now
            )
        )
        stranger = None if customer is None else await stranger_of(session, previous)
        if stranger is not None:
            before = await session.get_one(ConversationRow, previous)
            before.ended_at = before.ended_at or now
        row = ConversationRow(
            id=new_id(),
            shopper_id=shopper,
            channel=channel,
            locale=locale,
            zone=zone,
            assurance="anonymous" if customer is None else "verified",
            claimable_id=stranger,
            created_at=now,
            seen_at=now,
        )
        session.add(row)
        return _conversation(row, await head_of(session, shopper))


async def receive(
    store: Store,
    conversation: str,
    *,
    message_id: str,
    kind: str,
    text: str,
    body: Mapping[str, Any],
    now: datetime,
) -> Received:
    """Keep what came in. The same message again gives what was kept the first time.

    :raises NotFoundError: there is no such conversation (any more).
    """
    incoming = {"message_id": message_id, "kind": kind, "text": text, "body": dict(body), "at": now}
    try:
        return await _keep(store, conversation, incoming)
    except IntegrityError:  # the same message was kept a moment ago, after we had looked for it
        return await _keep(store, conversation, incoming)


async def _keep(store: Store, conversation: str, incoming: Mapping[str, Any]) -> Received:
    async with store.begin() as session:
        query = (
            select(ConversationRow, MessageRow, ShopperRow.head_id)
            .join(ShopperRow)
            .outerjoin(
                MessageRow,
                and_(
                    col(MessageRow.conversation_id) == col(ConversationRow.id),
                    col(MessageRow.message_id) == incoming["message_id"],
                ),
            )
            .where(ConversationRow.id == conversation, col(ConversationRow.ended_at).is_(None))
            .with_for_update(of=ConversationRow)
        )
        found = (await session.exec(query)).first()
        if found is None:
            message = "This conversation is not known; begin a new one."
            raise NotFoundError(message)
        row, kept, head = found
        if kept is None:
            if _is_own(incoming):
                row.seen_at = incoming["at"]
            row.last_seq += 1
            kept = MessageRow(
                conversation_id=conversation,
                seq=row.last_seq,
                author="shopper",
                sealed_text="",
                lang=row.locale,
                **{name: told for name, told in incoming.items() if name != "text"},
            )
            put_sealed(store.vault, kept, "text", incoming["text"])
            session.add(kept)
        return _received(store.vault, row, kept, head)


def _is_own(incoming: Mapping[str, Any]) -> bool:
    """Whether the shopper did it: of what happens, only opening the chat is their own doing."""
    return bool(incoming["kind"] != "event" or incoming["text"] == "opened")


async def read_log(store: Store, conversation: str, after: int, limit: int = 500) -> list[Logged]:
    """Give the lines after a number, oldest first, at most `limit`."""
    query = (
        select(MessageRow)
        .where(
            MessageRow.conversation_id == conversation,
            MessageRow.seq > after,
            MessageRow.kind != "event",
        )
        .order_by(col(MessageRow.seq))
        .limit(limit)
    )
    async with store.begin(readonly=True) as session:
        rows = (await session.exec(query)).all()
    return [
        Logged(
            row.seq,
            row.author,
            row.kind,
            read_text(store.vault, row, "text"),
            row.lang,
            row.body,
            row.message_id,
            row.at,
        )
        for row in rows
    ]


async def read_unanswered(store: Store, shopper: str) -> list[Received]:
    """Give what a person sent, in any conversation, and has no answer to yet, as it came.

    Any of the shoppers that the person is names them: who waits may be linked meanwhile.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        rows = (await (await session.connection()).execute(_UNANSWERED, {"shopper": shopper})).all()
        if not rows:
            await head_of(session, shopper)
    return [_waits(store.vault, row) for row in rows]


async def read_waiting(store: Store) -> list[str]:
    """Give the people who wait for an answer, longest first: what a restart has to take up."""
    query = (
        select(ShopperRow.head_id)
        .join(ConversationRow, col(ConversationRow.shopper_id) == col(ShopperRow.id))
        .join(MessageRow)
        .where(col(MessageRow.message_id).is_not(None), col(MessageRow.answered_at).is_(None))
        .order_by(col(MessageRow.at))
    )
    async with store.begin(readonly=True) as session:
        heads = (await session.exec(query)).all()
    return list(dict.fromkeys(heads))  # grouped by the database, all shoppers would be looked at


async def reachable(
    store: Store, shopper: str, channel: str, now: datetime, within: timedelta
) -> str | None:
    """Give the conversation in which this person was seen last on a channel, if recently.

    One that they held before signing in is none: who has the device now is not known there.
    """
    query = (
        select(ConversationRow.id)
        .where(
            of_person(ConversationRow.shopper_id, shopper),
            col(ConversationRow.assurance) != "anonymous",
            ConversationRow.channel == channel,
            col(ConversationRow.ended_at).is_(None),
            ConversationRow.seen_at > now - within,
        )
        .order_by(col(ConversationRow.seen_at).desc())
        .limit(1)
    )
    async with store.begin(readonly=True) as session:
        return (await session.exec(query)).first()


async def handed_off_at(store: Store, conversation: str) -> datetime | None:
    """Give since when a person talks in a conversation, None where the assistant does.

    :raises NotFoundError: there is no such conversation (any more).
    """
    async with store.begin(readonly=True) as session:
        row = await session.get(ConversationRow, conversation)
    if row is None:
        message = "This conversation is not known."
        raise NotFoundError(message)
    return row.handed_off_at


async def hand_back(store: Store, conversation: str) -> None:
    """Let the assistant speak again after a person did.

    :raises NotFoundError: there is no such conversation (any more).
    """
    async with store.begin() as session:
        row = await session.get(ConversationRow, conversation, with_for_update=True)
        if row is None:
            message = "This conversation is not known; there is nothing to hand back."
            raise NotFoundError(message)
        row.handed_off_at = row.handed_off_until = None


async def choice_label(store: Store, conversation: str, ask: str, option: int) -> str:
    """Give the label of a button that was shown in a conversation.

    :raises NotFoundError: it never was.
    """
    query = select(AskRow.options).where(AskRow.id == ask, AskRow.conversation_id == conversation)
    async with store.begin(readonly=True) as session:
        options = (await session.exec(query)).first()
    if options is None or option >= len(options):
        message = "This button is not part of this conversation."
        raise NotFoundError(message)
    return str(options[option]["label"])


_PERSON = aliased(ShopperRow)
_UNANSWERED: Any = (
    columns(
        col(ShopperRow.head_id),
        col(ConversationRow.channel),
        col(ConversationRow.locale),
        col(ConversationRow.account),
        col(ConversationRow.sealed_address),
        col(MessageRow.conversation_id),
        col(MessageRow.seq),
        col(MessageRow.message_id),
        col(MessageRow.kind),
        col(MessageRow.sealed_text),
        col(MessageRow.body),
        col(MessageRow.at),
    )
    .join(ConversationRow, col(ConversationRow.id) == col(MessageRow.conversation_id))
    .join(ShopperRow, col(ShopperRow.id) == col(ConversationRow.shopper_id))
    .join(_PERSON, col(_PERSON.head_id) == col(ShopperRow.head_id))
    .where(
        col(_PERSON.id) == bindparam("shopper"),
        col(MessageRow.message_id).is_not(None),
        col(MessageRow.answered_at).is_(None),
    )
    .order_by(col(MessageRow.at), col(MessageRow.seq))
)
"""What a turn begins with, for whoever is served: its columns, since objects cost three times as much."""


def _waits(vault: Vault, row: Any) -> Received:
    name = row.conversation_id
    address = row.sealed_address
    opened = vault.open(address, column_of(ConversationRow, "address"), name) if address else "{}"
    text = row.sealed_text
    return Received(
        Conversation(name, row.head_id, row.channel, row.locale),
        row.seq,
        row.message_id,
        row.kind,
        vault.open(text, column_of(MessageRow, "text"), f"{name}/{row.seq}") if text else "",
        row.body,
        answered=False,
        at=row.at,
        to=json.loads(opened),
        account=row.account,
    )


def _conversation(row: ConversationRow, head: str) -> Conversation:
    return Conversation(row.id, head, row.channel, row.locale)


def _received(
    vault: Vault, conversation: ConversationRow, message: MessageRow, head: str
) -> Received:
    return Received(
        _conversation(conversation, head),
        message.seq,
        message.message_id or "",
        message.kind,
        read_text(vault, message, "text"),
        message.body,
        message.answered_at is not None,
        message.at,
        read_address(vault, conversation),
        conversation.account,
    )
