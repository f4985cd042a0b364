"""Two who were one person for a while: what was said under the other's permission, once parted."""

import json
from typing import Any

import pytest

from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper
from preferences.store.export import export_shopper
from preferences.store.importing import import_shopper
from preferences.store.links import link, unlink
from preferences.store.profiles import read_profile
from preferences.store.tables import AnswerRow, ConsentEventRow
from preferences.store.verifying import verify
from tests.preferences.scenes import MINUTE
from tests.preferences.store.seeds import add_answer, add_consent, add_shopper
from tests.preferences.store.shop import Shop

ANNA, BEN = "anna", "ben"


async def _are_parted(shop: Shop) -> None:
    """Anna gave permission, Ben answered under it while the two were taken for one."""
    more = {"actor": "shop", "destinations": ("log",), "now": shop.now}
    async with shop.store.begin() as session:
        for name in (ANNA, BEN):
            await add_shopper(session, name)
        await add_consent(session, ANNA, 1, "given", valid_until=shop.now + 10 * MINUTE)
    await link(shop.store, ANNA, BEN, proof="code", **more)
    async with shop.store.begin() as session:
        at = shop.now + 5 * MINUTE
        await add_answer(session, BEN, consent_id=f"consent-{ANNA}-1", answered_at=at)
    await unlink(shop.store, ANNA, BEN, **more)


async def test_an_answer_under_the_permission_of_another_is_not_used(shop: Shop) -> None:
    await _are_parted(shop)

    assert (await read_profile(shop.store, BEN)).answers == ()
    assert (await read_profile(shop.store, ANNA)).answers == ()


async def test_nobody_is_said_to_have_changed_the_database(shop: Shop) -> None:
    await _are_parted(shop)

    assert await verify(shop.store, BEN) == []
    assert await verify(shop.store, ANNA) == []


async def test_whose_permission_it_was_can_be_erased(shop: Shop) -> None:
    await _are_parted(shop)

    await erase_shopper(shop.store, ANNA, ("log",), shop.now)

    assert await shop.rows(ConsentEventRow) == []
    assert await verify(shop.store, ANNA) == []
    assert await shop.rows(AnswerRow) == []


async def test_who_is_taken_in_alone_comes_without_what_the_other_permitted(
    shop: Shop, elsewhere: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await _are_parted(shop)
    page = await _page(shop.store, BEN)

    await import_shopper(elsewhere, page, ["log"], shop.now)

    held = page["held"] | {"answer": [], "own_words": []}
    assert (await _page(elsewhere, BEN))["held"] == held
    assert await verify(elsewhere, BEN) == []
    assert "Left out: 1 answers" in caplog.text


async def test_who_comes_after_the_other_comes_whole(shop: Shop, elsewhere: Store) -> None:
    await _are_parted(shop)
    pages = {name: await _page(shop.store, name) for name in (ANNA, BEN)}

    for page in pages.values():
        await import_shopper(elsewhere, page, ["log"], shop.now)

    assert pages[BEN]["held"]["answer"]
    for name, page in pages.items():
        assert (await _page(elsewhere, name))["held"] == page["held"]
        assert await verify(elsewhere, name) == []


async def _page(store: Store, shopper: str) -> dict[str, Any]:
    exported: dict[str, Any] = json.loads(json.dumps(await export_shopper(store, shopper)))
    return exported
