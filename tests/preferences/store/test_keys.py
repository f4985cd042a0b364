from datetime import timedelta
from hashlib import sha256

import pytest
from sqlmodel import update

from preferences.errors import BadInputError, NotFoundError
from preferences.store.keys import LONGEST, check_key, issue_key, list_keys, revoke_key
from preferences.store.tables import ApiKeyRow
from tests.preferences.scenes import DAY, MINUTE, NOW
from tests.preferences.store.shop import Shop

SCOPES = frozenset({"read"})


@pytest.fixture
async def key(shop: Shop) -> str:
    return await issue_key(shop.store, "the CRM", SCOPES, DAY, NOW)


async def test_a_key_in_force_tells_what_it_may_do(shop: Shop, key: str) -> None:
    checked = await check_key(shop.store, key, NOW + DAY - MINUTE)

    assert checked is not None
    assert checked.scopes == SCOPES


async def test_an_unknown_key_opens_nothing(shop: Shop, key: str) -> None:
    for unknown in ("", key[:-1], f"{key} ", "ask_", sha256(key.encode()).hexdigest()):
        assert await check_key(shop.store, unknown, NOW) is None


async def test_an_expired_key_opens_nothing(shop: Shop, key: str) -> None:
    assert await check_key(shop.store, key, NOW + DAY) is None


async def test_a_revoked_key_opens_nothing(shop: Shop, key: str) -> None:
    async with shop.store.begin() as session:
        await session.exec(update(ApiKeyRow).values(revoked_at=NOW))

    assert await check_key(shop.store, key, NOW) is None


async def test_only_the_hash_of_a_key_is_kept(shop: Shop, key: str) -> None:
    (row,) = await shop.rows(ApiKeyRow)

    assert row.sha256 == sha256(key.encode()).hexdigest()
    assert key not in str(row.model_dump())
    assert (row.label, row.created_at, row.expires_at) == ("the CRM", NOW, NOW + DAY)


async def test_no_two_keys_are_the_same(shop: Shop, key: str) -> None:
    assert await issue_key(shop.store, "the CRM", SCOPES, DAY, NOW) != key
    assert key.startswith("ask_")


async def test_every_key_is_listed_without_itself(shop: Shop, key: str) -> None:
    await issue_key(shop.store, "the shop", {"write"}, DAY, NOW + MINUTE)

    first, second = await list_keys(shop.store)

    assert (first.label, first.scopes, first.in_force(NOW)) == ("the CRM", ("read",), True)
    assert (second.label, second.expires_at) == ("the shop", NOW + MINUTE + DAY)
    assert key not in str(first)


async def test_a_key_is_revoked_once_and_for_all(shop: Shop, key: str) -> None:
    [entry] = await list_keys(shop.store)
    await revoke_key(shop.store, entry.id, NOW)
    await revoke_key(shop.store, entry.id, NOW + DAY)

    assert await check_key(shop.store, key, NOW) is None
    assert [entry.revoked_at for entry in await list_keys(shop.store)] == [NOW]
    with pytest.raises(NotFoundError):
        await revoke_key(shop.store, "nobody", NOW)


async def test_a_key_needs_scopes_that_are_known_and_an_end_in_sight(shop: Shop) -> None:
    for scopes, lasts, field in (
        (set[str](), DAY, "scopes"),
        ({"read", "everything"}, DAY, "scopes"),
        ({"read"}, timedelta(), "days"),
        ({"read"}, LONGEST + MINUTE, "days"),
    ):
        with pytest.raises(BadInputError) as refused:
            await issue_key(shop.store, "x", scopes, lasts, NOW)
        assert refused.value.field == field
    assert await list_keys(shop.store) == []
