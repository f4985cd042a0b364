"""Reads everybody in the store, a few at a time, so that a million take no more memory than one."""

from collections.abc import AsyncIterator, Sequence

from sqlmodel import col, select

from preferences.profile import Profile
from preferences.store.engine import Store
from preferences.store.profiles import read_profiles
from preferences.store.tables import ShopperRow

_BATCH = 200


async def every_profile(store: Store, batch: int = _BATCH) -> AsyncIterator[list[Profile]]:
    """Give the profiles of all persons by id, each batch as it stands when it is read.

    Who is new or changes meanwhile may be missing or older: the change feed tells of them.
    """
    last = ""
    while heads := await _heads(store, last, batch):
        profiles = await read_profiles(store, heads)
        yield [profiles[head] for head in heads if head in profiles]
        last = heads[-1]


async def _heads(store: Store, after: str, limit: int) -> Sequence[str]:
    query = (
        select(ShopperRow.id)
        .where(col(ShopperRow.id) == col(ShopperRow.head_id), col(ShopperRow.id) > after)
        .order_by(col(ShopperRow.id))
        .limit(limit)
    )
    async with store.begin(readonly=True) as session:
        return (await session.exec(query)).all()
