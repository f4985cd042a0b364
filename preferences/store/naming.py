"""Keeps the names by which the shop tells of one shopper."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import AskfirstError, BadInputError
from preferences.store.engine import Store
from preferences.store.facts import ErasedError, refuse_erased
from preferences.store.persons import head_of
from preferences.store.shoppers import add_name, find_shopper, known_shopper

_SHOP = "shop"

type Names = Sequence[tuple[str, str]]


class NamesakesError(AskfirstError):
    """The names belong to different shoppers: link these first, or send the names apart."""


async def tell_names(store: Store, names: Names, now: datetime) -> str:
    """Give the person of these names (kind, value), who is new if none of them is known.

    Who had everything deleted is found again, and none of the names is kept.

    :raises BadInputError: there can be no such name; `field` says which.
    :raises NamesakesError: they belong to several shoppers.
    """
    async with store.begin() as session:
        head = await _person(session, names, now)
        try:
            await refuse_erased(session, head)
        except ErasedError:
            return head
        for kind, value in names:
            await add_name(session, head, kind, value, assurance="claimed", proof=_SHOP, now=now)
    return head


async def _person(session: AsyncSession, names: Names, now: datetime) -> str:
    heads = set()
    for number, (kind, value) in enumerate(names):
        try:
            found = await find_shopper(session, kind, value)
        except BadInputError as error:
            raise BadInputError(str(error), field=f"identities.{number}.value") from None
        if found is not None:
            heads.add(await head_of(session, found))
    if len(heads) > 1:
        message = "These names belong to different shoppers; link the two first."
        raise NamesakesError(message)
    if heads:
        return heads.pop()
    kind, value = names[0]
    return await known_shopper(session, kind, value, assurance="claimed", proof=_SHOP, now=now)
