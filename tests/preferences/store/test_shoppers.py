import asyncio

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError, NotFoundError
from preferences.store.engine import open_store
from preferences.store.shoppers import (
    Assurance,
    add_name,
    find_shopper,
    known_shopper,
    shopper_named,
)
from preferences.store.tables import IdentityRow, ShopperRow
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


async def test_a_shopper_is_found_by_a_name_once_somebody_has_it(shop: Shop) -> None:
    talk = await shop.meets("4711")

    assert await shopper_named(shop.store, "customer", "4711") == talk.shopper
    for kind, value in (("customer", "4712"), ("session", "4711")):
        with pytest.raises(NotFoundError, match="no shopper of that id"):
            await shopper_named(shop.store, kind, value)


async def test_a_name_that_was_unlinked_is_free_for_somebody_else(shop: Shop) -> None:
    talk = await shop.meets("4711")
    async with shop.store.begin() as session:
        (identity,) = await shop.rows(IdentityRow)
        identity.unlinked_at = NOW
        await session.merge(identity)

    again = await shop.meets("4711")

    assert again.shopper != talk.shopper
    assert await shopper_named(shop.store, "customer", "4711") == again.shopper


async def test_a_name_of_somebody_else_is_not_given_away(shop: Shop) -> None:
    talk, other = await shop.meets("4711"), await shop.meets("4712")
    told = {"assurance": "claimed", "proof": "shop", "now": NOW}

    with pytest.raises(BadInputError, match="Somebody else has this name"):
        async with shop.store.begin() as session:
            await add_name(session, other.shopper, "customer", "4711", **told)
    assert await shopper_named(shop.store, "customer", "4711") == talk.shopper


async def test_how_sure_it_is_who_they_are_is_kept(shop: Shop) -> None:
    await shop.meets("4711")
    await shop.sells("4712", "order-1", "hat")

    identities = {shop.reads(row, "value"): row.assurance for row in await shop.rows(IdentityRow)}
    assert identities == {"4711": "verified", "4712": "claimed"}


async def _met(session: AsyncSession, assurance: Assurance) -> str:
    return await known_shopper(
        session, "customer", "4711", assurance=assurance, proof="order", now=NOW
    )


async def test_two_who_meet_somebody_new_at_the_same_moment_meet_one_person(
    postgresql_url: str,
) -> None:
    async with open_store(postgresql_url, VAULT) as store:

        async def meet() -> str:
            async with store.begin() as session:
                return await _met(session, "claimed")

        async with store.begin() as session:
            first = await _met(session, "verified")
            second = asyncio.create_task(meet())
            await asyncio.sleep(0.3)  # the second has looked, found nobody, and waits to write

        assert await second == first
        async with store.begin(readonly=True) as session:
            assert await find_shopper(session, "customer", "4711") == first
        assert len(await Shop(store).rows(ShopperRow)) == 1


async def test_a_signed_identity_proves_what_an_order_claimed_and_not_the_other_way(
    shop: Shop,
) -> None:
    await shop.sells("4711", "order-1", "hat")
    shop.waits(DAY)
    await shop.meets("4711")
    await shop.sells("4711", "order-2", "hat")

    (row,) = await shop.rows(IdentityRow)
    assert (row.assurance, row.proof) == ("verified", "identity_token")
    assert (row.linked_at, row.seen_at) == (NOW, NOW + DAY)
