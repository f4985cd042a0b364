"""Finds the shopper behind a name that a channel or the shop uses."""

from datetime import datetime
from typing import Literal

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.tables import IdentityRow, ShopperRow

_IN_FORCE = col(IdentityRow.unlinked_at).is_(None)

Assurance = Literal["anonymous", "claimed", "verified"]


async def find_shopper(session: AsyncSession, kind: str, value: str) -> str | None:
    """Give the shopper whom this name is linked to now, or None."""
    query = select(IdentityRow.shopper_id).where(
        IdentityRow.kind == kind,
        IdentityRow.value == value,
        _IN_FORCE,
    )
    return (await session.exec(query)).first()


async def shopper_named(store: Store, kind: str, value: str) -> str:
    """Give the shopper whom this name is linked to.

    :raises NotFoundError: nobody has that name.
    """
    async with store.begin(readonly=True) as session:
        shopper = await find_shopper(session, kind, value)
    if shopper is None:
        message = "There is no shopper of that id; take one that this shop was told before."
        raise NotFoundError(message)
    return shopper


async def known_shopper(
    session: AsyncSession, kind: str, value: str, assurance: Assurance, now: datetime
) -> str:
    """Give the shopper of this name, who is new if nobody has it yet."""
    found = await find_shopper(session, kind, value)
    if found is not None:
        return found
    try:
        async with session.begin_nested():
            return await _first_of_name(session, kind, value, assurance, now)
    except IntegrityError:  # somebody else was met under this name a moment ago
        query = select(IdentityRow.shopper_id).where(
            IdentityRow.kind == kind, IdentityRow.value == value, _IN_FORCE
        )
        return (await session.exec(query)).one()


async def _first_of_name(
    session: AsyncSession, kind: str, value: str, assurance: Assurance, now: datetime
) -> str:
    shopper = await new_shopper(session, now)
    session.add(
        IdentityRow(
            id=new_id(),
            shopper_id=shopper,
            kind=kind,
            value=value,
            assurance=assurance,
            linked_at=now,
        )
    )
    await session.flush()
    return shopper


async def new_shopper(session: AsyncSession, now: datetime) -> str:
    """Give somebody of whom nothing is known."""
    shopper = ShopperRow(id=new_id(), created_at=now)
    session.add(shopper)
    await session.flush()
    return shopper.id
