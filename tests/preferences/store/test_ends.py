"""What time alone changes is told: to mirrors by the feed, to CRMs by the outbox."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from preferences.catalogue import load_catalogue
from preferences.profile import Profile
from preferences.store import ends
from preferences.store.changes import Change, read_changes
from preferences.store.ends import tell_ends
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.links import link
from preferences.store.naming import tell_names
from preferences.store.outbox import claim
from preferences.store.outcomes import Told, acknowledge
from preferences.store.profiles import read_profiles
from preferences.store.tables import ShopperRow
from preferences.store.wishes import Unwanted, add_suppression, lift_suppression
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.seeds import PURPOSE, add_answer, add_consent, add_shopper
from tests.preferences.store.shop import Shop

TO = ("log",)
SECOND = timedelta(seconds=1)
FAR = NOW + 4000 * DAY
CATALOGUE = load_catalogue()


async def anna_answers(shop: Shop, **more: object) -> None:
    async with shop.store.begin() as session:
        await add_shopper(session, "anna")
        await add_consent(session, "anna", 1, "given")
        await add_answer(session, "anna", consent_id="consent-anna-1", **more)


async def news(shop: Shop, now: datetime, after: int = 0) -> list[Change]:
    """What is told by a look at this time; CRMs take it all."""
    await tell_ends(shop.store, TO, now)
    return await read_changes(shop.store, after, 1000)


async def to_be_told(shop: Shop) -> list[str]:
    due = await claim(shop.store, "log", 1000, FAR)
    await acknowledge(
        shop.store, "log", [Told(one.shopper, one.version, "hash") for one in due], FAR
    )
    return [one.shopper for one in due]


async def profile(shop: Shop, shopper: str, at: datetime) -> Profile:
    return (await read_profiles(shop.store, [shopper], at))[shopper]


async def test_an_answer_past_its_half_life_is_told_once_and_not_before(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW + DAY)

    assert await news(shop, NOW + DAY - SECOND) == []
    assert await to_be_told(shop) == []
    assert len((await profile(shop, "anna", NOW + DAY - SECOND)).answers) == 1

    [change] = await news(shop, NOW + DAY)
    assert (change.shopper, change.type) == ("anna", "preference.expired")
    assert (change.detail, change.at) == ({"question": "gift_or_self"}, NOW + DAY)
    assert await to_be_told(shop) == ["anna"]
    gone = await profile(shop, "anna", NOW + DAY)
    assert (gone.answers, len(gone.expired)) == ((), 1)

    assert await news(shop, NOW + 2 * DAY, change.position) == []
    assert await to_be_told(shop) == []


async def test_an_answer_given_anew_before_is_not_said_to_have_expired(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW + DAY, answered_at=NOW)
    async with shop.store.begin() as session:
        proof = {"consent_id": "consent-anna-1", "answered_at": NOW + SECOND}
        await add_answer(session, "anna", 2, "self", fresh_until=NOW + 9 * DAY, **proof)

    assert await news(shop, NOW + DAY) == []
    assert [one.type for one in await news(shop, NOW + 9 * DAY)] == ["preference.expired"]


async def test_an_answer_that_was_withdrawn_ends_in_silence(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW + DAY)
    async with shop.store.begin() as session:
        await add_consent(session, "anna", 2, "withdrawn")

    assert await news(shop, NOW + DAY) == []


async def test_a_fact_that_contradicts_no_more_is_told_too(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW + 3000 * DAY, about=None)
    fact = Fact("imported", "gift_or_self", "self", "old crm", NOW)
    telling = Telling("anna", [fact], "import")
    await add_facts(shop.store, telling, CATALOGUE, TO, NOW)
    end = NOW + timedelta(days=CATALOGUE.questions["gift_or_self"].half_life_days)
    assert len((await profile(shop, "anna", end - SECOND)).conflicts) == 1

    assert [one.type for one in await news(shop, end)] == [
        "preference.imported",
        "preference.expired",
    ]
    assert (await profile(shop, "anna", end)).conflicts == ()


async def test_of_one_who_was_linked_the_person_is_named(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW + DAY)
    async with shop.store.begin() as session:
        await add_shopper(session, "ben")
    await link(shop.store, "ben", "anna", proof="code", actor="shop", destinations=(), now=NOW)

    assert (await news(shop, NOW + DAY))[-1].shopper == "ben"
    assert await to_be_told(shop) == ["ben"]


async def test_a_pause_that_is_over_is_told_and_one_that_was_lifted_is_not(shop: Shop) -> None:
    for number in "12":
        await tell_names(shop.store, [("customer", number)], NOW)
    anna, ben = [row.id for row in await shop.rows(ShopperRow)]
    pause = Unwanted("all", "", "asked", lasts=DAY)
    for one in (anna, ben):
        await add_suppression(shop.store, one, pause, TO, NOW)
    await add_suppression(shop.store, ben, replace(pause, target="x", lasts=None), TO, NOW)
    await lift_suppression(shop.store, ben, ("all", ""), TO, NOW)
    told = (await news(shop, NOW + DAY - SECOND))[-1].position
    await to_be_told(shop)

    [change] = await news(shop, NOW + DAY, told)

    assert (change.shopper, change.type) == (anna, "suppression.expired")
    assert change.detail == {"scope": "all", "target": ""}
    assert await to_be_told(shop) == [anna]
    assert await news(shop, NOW + 2 * DAY, change.position) == []


async def test_a_permission_whose_time_is_over_is_told_first(shop: Shop) -> None:
    async with shop.store.begin() as session:
        await add_shopper(session, "anna")
        await add_consent(session, "anna", 1, "given", valid_until=NOW + DAY)
        end = NOW + DAY
        await add_answer(session, "anna", consent_id="consent-anna-1", fresh_until=end)

    first, *_ = await news(shop, NOW + DAY)

    assert (first.type, first.detail) == ("consent.expired", {"purpose": PURPOSE})


async def test_more_ends_than_a_batch_at_one_moment_are_all_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "_BATCH", 2)
    async with shop.store.begin() as session:
        for number in range(5):
            await add_shopper(session, f"s-{number}")
            await add_consent(session, f"s-{number}", 1, "given")
            consent = f"consent-s-{number}-1"
            await add_answer(session, f"s-{number}", consent_id=consent, fresh_until=NOW)

    assert {one.shopper for one in await news(shop, NOW)} == {f"s-{n}" for n in range(5)}
    assert len(await read_changes(shop.store, 0, 1000)) == 5


async def test_of_two_who_look_at_once_one_tells(shop: Shop) -> None:
    await anna_answers(shop, fresh_until=NOW)

    await asyncio.gather(*(tell_ends(shop.store, TO, NOW) for _ in range(4)))

    assert len(await read_changes(shop.store, 0, 1000)) == 1
