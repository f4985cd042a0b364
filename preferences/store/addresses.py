"""Where a conversation of a channel is answered: the names by which the platform knows a shopper."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import vault_of
from preferences.store.ids import new_id
from preferences.store.persons import head_of, of_person
from preferences.store.sealed import put_sealed, read_sealed
from preferences.store.tables import ConversationRow
from preferences.store.vault import Vault

type Names = Mapping[str, str]
"""Names of a shopper by kind: `phone`, and the channel's own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is met: the channel, and the shop's own number or page there."""

    channel: str
    account: str


def read_address(vault: Vault, row: ConversationRow) -> dict[str, str]:
    """Give the names that a conversation is answered under; none where it cannot be."""
    sealed = read_sealed(vault, row, "address")
    return dict(json.loads(sealed)) if sealed else {}


def put_address(vault: Vault, row: ConversationRow, names: Names) -> None:
    """Keep the names that a conversation is answered under."""
    put_sealed(vault, row, "address", json.dumps(dict(names), sort_keys=True))


async def conversation_at(
    session: AsyncSession, shopper: str, place: Place, names: Names
) -> ConversationRow | None:
    """Find the conversation that a person has at a place under one of these names, locked.

    After an erasure it has no names any more, and is taken up by whoever of the person comes.
    """
    vault = vault_of(session)
    query = (
        select(ConversationRow)
        .where(
            of_person(ConversationRow.shopper_id, await head_of(session, shopper)),
            ConversationRow.channel == place.channel,
            ConversationRow.account == place.account,
        )
        .order_by(col(ConversationRow.seen_at).desc())
        .with_for_update()
    )
    for row in (await session.exec(query)).all():
        address = read_address(vault, row)
        if not address or names.items() & address.items():
            return row
    return None


async def open_conversation(
    session: AsyncSession, shopper: str, place: Place, names: Names, locale: str, now: datetime
) -> ConversationRow:
    """Give the conversation of a person at a place, begun if there is none."""
    row = await conversation_at(session, shopper, place, names)
    if row is None:
        row = new_conversation(shopper, place, locale, now)
        session.add(row)
    return row


def new_conversation(shopper: str, place: Place, locale: str, now: datetime) -> ConversationRow:
    """Make the row of a conversation that begins at a place."""
    return ConversationRow(
        id=new_id(),
        shopper_id=shopper,
        channel=place.channel,
        account=place.account,
        locale=locale,
        assurance="claimed",
        created_at=now,
        seen_at=now,
    )


def add_address(vault: Vault, row: ConversationRow, names: Names) -> None:
    """Have a conversation answered under these names too."""
    address = read_address(vault, row)
    if address != {**address, **names}:
        put_address(vault, row, {**address, **names})
