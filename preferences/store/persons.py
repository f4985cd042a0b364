"""Who is who: rows stay with the shopper they were written for, a person is all of their shoppers."""

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.tables import ShopperRow

_ALONE = {"key_share": True}
"""Keeps out everybody else who locks the row, and nobody who writes something that refers to it."""


async def head_of(session: AsyncSession, shopper: str) -> str:
    """Give the id by which a shopper's person is known outside: their own unless they were linked.

    :raises NotFoundError: there is no such shopper.
    """
    row = await session.get(ShopperRow, shopper)
    if row is None:
        raise unknown_shopper()
    return row.head_id


def unknown_shopper() -> NotFoundError:
    """Make the error that says that nobody here has an id, or a name: both look the same."""
    return NotFoundError("There is no shopper of that id; take one that this shop was told before.")


async def hold_person(session: AsyncSession, shopper: str) -> str:
    """Have a person to oneself until the transaction ends, and give their id.

    Whatever is read afterwards is what whoever held them before has committed: of two who decide at
    the same moment, on whichever channels, the second one knows what the first one asked. Whoever
    locks any row of a shopper holds the person first, so that two never wait in a circle.

    :raises NotFoundError: there is no such shopper.
    """
    head = await head_of(session, shopper)
    while True:
        row = await session.get(ShopperRow, head, with_for_update=_ALONE, populate_existing=True)
        if head != shopper:
            row = await session.get(ShopperRow, shopper, populate_existing=True)
        if row is None:
            raise unknown_shopper()
        if row.head_id == head:
            return head
        head = row.head_id  # they were joined or parted meanwhile


async def members_of(session: AsyncSession, head: str) -> list[str]:
    """Give the shoppers that a person is, in a fixed order; of an id that is no head, nobody."""
    query = select(ShopperRow.id).where(ShopperRow.head_id == head).order_by(col(ShopperRow.id))
    return list((await session.exec(query)).all())


def of_person(owner: str, head: str) -> ColumnElement[bool]:
    """Tell of a table's column of shoppers that its row belongs to a person, whoever wrote it."""
    return col(owner).in_(select(ShopperRow.id).where(ShopperRow.head_id == head))
