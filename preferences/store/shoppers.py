"""Finds the shopper behind a name that a channel or the shop uses, and keeps the names of each."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import ARRAY, BigInteger, func, literal
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError, NotFoundError
from preferences.names import normal
from preferences.store.engine import Store, vault_of
from preferences.store.ids import new_id
from preferences.store.persons import head_of, unknown_shopper
from preferences.store.sealed import put_sealed
from preferences.store.tables import IdentityRow, ShopperRow
from preferences.store.vault import Vault

Assurance = Literal["anonymous", "claimed", "verified"]
"""How sure it is whose name this is; it rises on proof and never falls."""

_RANK = {"anonymous": 0, "claimed": 1, "verified": 2}
_IN_FORCE = col(IdentityRow.unlinked_at).is_(None)


async def find_name(session: AsyncSession, kind: str, name: str) -> IdentityRow | None:
    """Give what is kept of a name in its one spelling, if it is linked to somebody now."""
    lookups = vault_of(session).lookups(kind, name)
    query = select(IdentityRow).where(
        IdentityRow.kind == kind, col(IdentityRow.lookup).in_(lookups), _IN_FORCE
    )
    return (await session.exec(query)).first()


async def find_shopper(session: AsyncSession, kind: str, value: str) -> str | None:
    """Give the shopper whom this name is linked to now, or None.

    :raises BadInputError: there can be no such name.
    """
    row = await find_name(session, kind, normal(kind, value))
    return None if row is None else row.shopper_id


async def shopper_named(store: Store, kind: str, value: str) -> str:
    """Give the person who has this name, by the id that is told outside.

    :raises NotFoundError: nobody has that name.
    :raises BadInputError: there can be no such name.
    """
    async with store.begin(readonly=True) as session:
        shopper = await find_shopper(session, kind, value)
        if shopper is None:
            raise unknown_shopper()
        return await head_of(session, shopper)


async def known_shopper(
    session: AsyncSession, kind: str, value: str, *, assurance: Assurance, proof: str, now: datetime
) -> str:
    """Give the shopper of this name, who is new if nobody has it yet.

    :raises BadInputError: there can be no such name.
    """
    name = normal(kind, value)
    found = await _met(session, kind, name)
    if found is not None:
        prove(found, assurance, proof, now)
        return found.shopper_id
    shopper = await new_shopper(session, now)
    await _name(session, shopper, kind, name, assurance=assurance, proof=proof, now=now)
    return shopper


async def add_name(
    session: AsyncSession,
    shopper: str,
    kind: str,
    value: str,
    *,
    assurance: Assurance,
    proof: str,
    now: datetime,
) -> None:
    """Link a name to a shopper, or prove one anew that their person has already.

    :raises BadInputError: there can be no such name, or somebody else has it.
    """
    name = normal(kind, value)
    found = await _met(session, kind, name)
    if found is None:
        await _name(session, shopper, kind, name, assurance=assurance, proof=proof, now=now)
    elif await head_of(session, found.shopper_id) == await head_of(session, shopper):
        prove(found, assurance, proof, now)
    else:
        message = "Somebody else has this name; link the two, or remove it there first."
        raise BadInputError(message, field="value")


async def remove_name(
    session: AsyncSession, shopper: str, kind: str, value: str, *, why: str, now: datetime
) -> None:
    """Unlink a name from a shopper's person: whoever is met under it from now on is somebody new.

    :raises NotFoundError: they have no such name.
    :raises BadInputError: there can be no such name.
    """
    found = await find_name(session, kind, normal(kind, value))
    if found is None or await head_of(session, found.shopper_id) != await head_of(session, shopper):
        message = "This shopper has no such name; there is nothing to unlink."
        raise NotFoundError(message)
    await unlink_name(session, found, why, now)


async def new_shopper(session: AsyncSession, now: datetime) -> str:
    """Give somebody of whom nothing is known."""
    row = stranger(now)
    session.add(row)
    await session.flush()
    return row.id


def stranger(now: datetime) -> ShopperRow:
    """Make the row of somebody of whom nothing is known."""
    name = new_id()
    return ShopperRow(id=name, head_id=name, created_at=now)


def new_identity(
    vault: Vault,
    shopper: str,
    named: tuple[str, str],
    proven: tuple[Assurance, str],
    now: datetime,
) -> IdentityRow:
    """Make the row of a name, by kind and in its one spelling, with how sure it is and on what proof."""
    kind, name = named
    assurance, proof = proven
    row = IdentityRow(
        id=new_id(),
        shopper_id=shopper,
        kind=kind,
        lookup=vault.lookup(kind, name),
        assurance=assurance,
        proof=proof,
        linked_at=now,
        seen_at=now,
    )
    put_sealed(vault, row, "value", name)
    return row


async def unlink_name(session: AsyncSession, name: IdentityRow, why: str, now: datetime) -> None:
    """End what a name was linked to; the row stays, and tells why."""
    name.unlinked_at, name.unlinked_why = now, why
    await session.flush()


async def keep_out(session: AsyncSession, names: Iterable[tuple[str, str]]) -> None:
    """Keep others from meeting somebody under these names until the transaction ends.

    SQLite has one writer anyway. PostgreSQL locks a number made of the name, not of its keyed hash:
    two processes may have different newest keys, and must not make two people of one.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digests = {sha256(f"{kind}\n{name}".encode()).digest()[:8] for kind, name in names}
    numbers = sorted(int.from_bytes(one, signed=True) for one in digests)
    each = func.unnest(literal(numbers, ARRAY(BigInteger)))
    await session.exec(select(func.pg_advisory_xact_lock(each)))


async def _met(session: AsyncSession, kind: str, name: str) -> IdentityRow | None:
    """Give what is kept of a name; where it is nothing, nobody else begins to keep it meanwhile."""
    found = await find_name(session, kind, name)
    if found is None:
        await keep_out(session, [(kind, name)])
        found = await find_name(session, kind, name)
    return found


async def _name(
    session: AsyncSession,
    shopper: str,
    kind: str,
    name: str,
    *,
    assurance: Assurance,
    proof: str,
    now: datetime,
) -> None:
    session.add(new_identity(vault_of(session), shopper, (kind, name), (assurance, proof), now))
    await session.flush()


def prove(row: IdentityRow, assurance: Assurance, proof: str, now: datetime) -> None:
    """Note that a name was met again, and on what proof if that is better than what is known."""
    if _RANK[assurance] > _RANK[row.assurance]:
        row.assurance, row.proof = assurance, proof
    row.seen_at = max(row.seen_at, now)
