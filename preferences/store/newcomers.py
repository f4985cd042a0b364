"""Begins the conversations of many people at once of whom nobody has any name yet."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import batched

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.names import normal
from preferences.store.addresses import new_conversation, put_address
from preferences.store.engine import vault_of
from preferences.store.meeting import CHANNEL
from preferences.store.shoppers import keep_out, new_identity, stranger
from preferences.store.tables import ConversationRow, IdentityRow, ShopperRow
from preferences.store.talks import Deed, Key, Talk
from preferences.store.vault import Vault

_MOST_VALUES = 1000
type _Begun = tuple[ShopperRow, ConversationRow, list[IdentityRow]]


async def begin_new(
    session: AsyncSession,
    talks: dict[Key, list[Talk]],
    deeds: Mapping[tuple[Key, ...], Deed],
    locale: str,
    now: datetime,
) -> None:
    """Add to `talks` those of people none of whose names anybody has; `deeds` are by their keys."""
    unmet = {own: deed for own, deed in deeds.items() if own and talks.keys().isdisjoint(own)}
    named = {own: names for own, deed in unmet.items() if (names := _names(deed, own))}
    if not named:
        return
    await keep_out(session, [pair for names in named.values() for pair in names.items()])
    taken = await _taken(session, [key for own in named for key in own])
    vault, begun = vault_of(session), dict[tuple[Key, ...], _Begun]()
    for own, names in named.items():
        if taken.isdisjoint(own):  # by anybody else of these, too
            taken.update(own)
            begun[own] = _begin(vault, unmet[own], names, locale, now)
    await _add(session, begun.values())
    for own, (shopper, row, _) in begun.items():
        begun_talk = [Talk(row, shopper.id, vault)]
        talks.update(dict.fromkeys(own, begun_talk))


def _names(deed: Deed, keys: Sequence[Key]) -> dict[str, str]:
    """Give the names in their one spelling; none if there is one that nobody can have."""
    whole = {kind for kind, _ in keys} == deed.names.keys()
    return {kind: normal(kind, name) for kind, name in deed.names.items()} if whole else {}


async def _taken(session: AsyncSession, keys: Sequence[Key]) -> set[Key]:
    connection = await session.connection()
    taken: set[Key] = set()
    for some in batched(keys, _MOST_VALUES):
        query = select(col(IdentityRow.kind), col(IdentityRow.lookup)).where(
            col(IdentityRow.lookup).in_([lookup for _, lookup in some]),
            col(IdentityRow.kind).in_({kind for kind, _ in some}),
            col(IdentityRow.unlinked_at).is_(None),
        )
        taken.update((row.kind, row.lookup) for row in (await connection.execute(query)).all())
    return taken


def _begin(
    vault: Vault, deed: Deed, names: Mapping[str, str], locale: str, now: datetime
) -> _Begun:
    shopper = stranger(now)
    row = new_conversation(shopper.id, deed.place, locale, now)
    put_address(vault, row, deed.names)
    identities = [
        new_identity(vault, shopper.id, (kind, name), ("claimed", CHANNEL), now)
        for kind, name in names.items()
    ]
    return shopper, row, identities


async def _add(session: AsyncSession, begun: Iterable[_Begun]) -> None:
    """Write them in an order that no reference forbids."""
    shoppers: list[ShopperRow] = []
    talks: list[ConversationRow] = []
    identities: list[IdentityRow] = []
    for shopper, talk, own in begun:
        shoppers.append(shopper)
        talks.append(talk)
        identities += own
    for rows in (shoppers, talks, identities):
        session.add_all(rows)
        await session.flush()
