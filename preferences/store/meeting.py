"""Meets whom a channel reports: by its own id of them, by a phone number, or by both."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.names import normal
from preferences.store.engine import vault_of
from preferences.store.links import join
from preferences.store.persons import head_of, of_person
from preferences.store.readdressing import readdress
from preferences.store.shoppers import (
    add_name,
    find_name,
    find_shopper,
    keep_out,
    new_shopper,
    remove_name,
    unlink_name,
)
from preferences.store.tables import IdentityRow

_PHONE, CHANNEL = "phone", "channel"


async def meet_on_channel(
    session: AsyncSession, ids: Mapping[str, str], destinations: Sequence[str], now: datetime
) -> str:
    """Give the shopper whom a channel reports, by kind of name: `phone`, and its own of one kind.

    The channel's own id is the key. A message with both says that the number is theirs too; a
    number whose owner has another id of this channel was given to somebody new since then.

    :raises BadInputError: there can be no such names.
    """
    names = {kind: normal(kind, value) for kind, value in ids.items()}
    own = next((kind for kind in names if kind != _PHONE), _PHONE)
    await keep_out(session, names.items())
    found = await find_name(session, own, names[own])
    number = await find_name(session, _PHONE, names[_PHONE]) if _PHONE in names else None
    if number is not None and await _is_of_another(session, number, own, names[own]):
        await unlink_name(session, number, "recycled", now)
        await readdress(session, number.shopper_id, _PHONE, names[_PHONE], None)
        number = None
    if found is not None and number is not None and await _are_two(session, found, number):
        ends = (found.shopper_id, number.shopper_id)
        await join(session, *ends, proof=CHANNEL, actor=CHANNEL, destinations=destinations, now=now)
    known = found or number
    shopper = known.shopper_id if known else await new_shopper(session, now)
    for kind, name in names.items():
        await add_name(session, shopper, kind, name, assurance="claimed", proof=CHANNEL, now=now)
    return shopper


async def rename(session: AsyncSession, kind: str, old: str, new: str, now: datetime) -> None:
    """Follow a channel that gives somebody another id and says so.

    :raises NotFoundError: nobody has the old one.
    :raises BadInputError: somebody else has the new one.
    """
    shopper = await find_shopper(session, kind, old)
    if shopper is None:
        message = "Nobody has the old name; whoever comes under the new one is somebody new."
        raise NotFoundError(message)
    await remove_name(session, shopper, kind, old, why="changed", now=now)
    await add_name(session, shopper, kind, new, assurance="claimed", proof=CHANNEL, now=now)


async def _are_two(session: AsyncSession, one: IdentityRow, other: IdentityRow) -> bool:
    """Whether two names are of different people, so that somebody has to be held to join them."""
    return await head_of(session, one.shopper_id) != await head_of(session, other.shopper_id)


async def _is_of_another(session: AsyncSession, number: IdentityRow, kind: str, name: str) -> bool:
    """Whether who has the number is known to the channel, but under other ids than this one."""
    query = select(IdentityRow.lookup).where(
        of_person(IdentityRow.shopper_id, await head_of(session, number.shopper_id)),
        IdentityRow.kind == kind,
        col(IdentityRow.unlinked_at).is_(None),
    )
    known = {*(await session.exec(query)).all()}
    return bool(known) and known.isdisjoint(vault_of(session).lookups(kind, name))
