"""Finds whose orders are told of, many at once; who is new begins here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.profile import ERASED
from preferences.store.engine import vault_of
from preferences.store.habits import hold_shoppers
from preferences.store.shoppers import keep_out, new_identity, prove, stranger
from preferences.store.tables import IdentityRow, ShopperRow, SuppressionRow

_PROOF = "order"

type Name = tuple[str, str]
"""A kind of name, and the name in its one spelling."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose a name is, and which person; nobody changes it as long as `held` is."""

    shopper: str
    head: str
    erased: bool
    members: Sequence[str]
    held: Sequence[ShopperRow]
    is_new: bool = False


async def find_buyers(
    session: AsyncSession, names: Collection[Name], now: datetime, before: Collection[str] = ()
) -> dict[Name, Buyer]:
    """Give whose these names are, and hold them, with some others, until the transaction ends."""
    found = await _identities(session, names)
    unmet = [name for name in names if name not in found]
    if unmet:
        await keep_out(session, unmet)
        found |= await _identities(session, unmet)
    for row in found.values():
        prove(row, "claimed", _PROOF, now)
    begun = await _begin(session, [name for name in unmet if name not in found], now)
    held = await hold_shoppers(session, {*(row.shopper_id for row in found.values()), *before})
    heads = {row.id: row.head_id for row in held}
    of_found = {heads[row.shopper_id] for row in found.values()}
    erased, members = await _erased(session, of_found), await _members(session, of_found)
    buyers = {}
    for name, row in found.items():
        head = heads[row.shopper_id]
        own = () if head in erased else members[head]
        buyers[name] = Buyer(row.shopper_id, head, head in erased, own, held)
    for name, shopper in begun.items():
        buyers[name] = Buyer(
            shopper.id, shopper.id, erased=False, members=[shopper.id], held=[shopper], is_new=True
        )
    return buyers


async def _identities(session: AsyncSession, names: Iterable[Name]) -> dict[Name, IdentityRow]:
    vault = vault_of(session)
    asked = {(name[0], lookup): name for name in names for lookup in vault.lookups(*name)}
    query = select(IdentityRow).where(
        col(IdentityRow.kind).in_({kind for kind, _ in asked}),
        col(IdentityRow.lookup).in_([lookup for _, lookup in asked]),
        col(IdentityRow.unlinked_at).is_(None),
    )
    rows = (await session.exec(query)).all()
    return {asked[key]: row for row in rows if (key := (row.kind, row.lookup)) in asked}


async def _begin(
    session: AsyncSession, names: Sequence[Name], now: datetime
) -> Mapping[Name, ShopperRow]:
    begun = {name: stranger(now) for name in names}
    session.add_all(begun.values())
    await session.flush()
    vault = vault_of(session)
    session.add_all(
        new_identity(vault, shopper.id, name, ("claimed", _PROOF), now)
        for name, shopper in begun.items()
    )
    await session.flush()
    return begun


async def _erased(session: AsyncSession, heads: Collection[str]) -> Collection[str]:
    if not heads:
        return ()
    query = (
        select(ShopperRow.head_id)
        .join(SuppressionRow, col(SuppressionRow.shopper_id) == col(ShopperRow.id))
        .where(
            col(ShopperRow.head_id).in_(heads),
            SuppressionRow.reason == ERASED,
            col(SuppressionRow.lifted_at).is_(None),
        )
    )
    return {*(await session.exec(query)).all()}


async def _members(session: AsyncSession, heads: Collection[str]) -> Mapping[str, Sequence[str]]:
    members = defaultdict[str, list[str]](list)
    if heads:
        query = select(ShopperRow.head_id, ShopperRow.id).where(col(ShopperRow.head_id).in_(heads))
        for head, shopper in (await session.exec(query.order_by(col(ShopperRow.id)))).all():
            members[head].append(shopper)
    return members
