"""Several who write of one person at one moment: nobody is refused for it, and no chain is forked."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store import erasure, persons
from preferences.store.conversations import Conversation
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.expiry import expire_consents
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.holdings import Person
from preferences.store.ledger import verify_chain
from preferences.store.links import link, unlink
from preferences.store.objections import object_by_browser
from preferences.store.persons import hold_person
from preferences.store.tables import AnswerRow, ConsentEventRow, ShopperRow, SuppressionRow
from preferences.store.wishes import (
    Reported,
    Unwanted,
    add_suppression,
    lift_suppression,
    report_decision,
)
from tests.preferences.scenes import CATALOGUE
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

PURPOSES = ("tailor_suggestions", "contact_wishes")
TO = ("log", "other")


async def reports(shop: Shop, talk: Conversation) -> None:
    told = Reported(PURPOSES[0], "withdrawn", None, "en", "shop", "key:1", uuid4().hex)
    purpose = CATALOGUE.purposes[PURPOSES[0]]
    await report_decision(shop.store, talk.shopper, told, purpose, TO, shop.now)


async def stops(shop: Shop, talk: Conversation) -> None:
    await shop.hears(talk, "stop")


async def says(shop: Shop, talk: Conversation) -> None:
    await shop.hears(talk, "it is a gift", "answer", "gift")


async def agrees(shop: Shop, talk: Conversation) -> None:
    await shop.hears(talk, "yes", "affirm")


async def objects(shop: Shop, talk: Conversation) -> None:
    await object_by_browser(shop.store, talk.id, CATALOGUE, TO, shop.now)


async def expires(shop: Shop, _talk: Conversation) -> None:
    await expire_consents(shop.store, TO, shop.now + timedelta(days=800))


async def silences(shop: Shop, talk: Conversation) -> None:
    wish = Unwanted("channel", "sms", "unsubscribed")
    await add_suppression(shop.store, talk.shopper, wish, TO, shop.now)


async def lifts(shop: Shop, talk: Conversation) -> None:
    await lift_suppression(shop.store, talk.shopper, ("channel", "sms"), TO, shop.now)


async def tells(shop: Shop, talk: Conversation) -> None:
    fact = Fact("imported", "gift_or_self", "gift", "crm", shop.now)
    await add_facts(shop.store, Telling(talk.shopper, [fact], uuid4().hex), CATALOGUE, TO, shop.now)


async def joins_another(shop: Shop, talk: Conversation) -> None:
    other = await shop.meets(uuid4().hex)
    told = {"actor": "shop", "destinations": TO, "now": shop.now}
    await link(shop.store, talk.shopper, other.shopper, proof="code", **told)
    await unlink(shop.store, talk.shopper, other.shopper, **told)


WRITERS: tuple[Callable[[Shop, Conversation], Awaitable[None]], ...] = (
    reports,
    stops,
    says,
    agrees,
    objects,
    expires,
    silences,
    lifts,
    tells,
    joins_another,
)


async def one_who_is_two(shop: Shop) -> list[Conversation]:
    """Somebody who talks on two channels as two shoppers, who are one; each has permitted something."""
    talks = []
    for _ in range(2):
        talk, _ = await shop.asks_the_question(uuid4().hex)
        talks.append(talk)
    ends = [talk.shopper for talk in talks]
    told = {"proof": "code", "actor": "shop", "destinations": TO, "now": shop.now}
    await link(shop.store, *ends, **told)
    return talks


@pytest.mark.parametrize("round_", range(6))
async def test_whoever_writes_at_the_same_moment_waits_and_is_not_refused(
    postgresql_url: str, round_: int
) -> None:
    del round_
    async with open_store(postgresql_url, VAULT) as store:
        shop = Shop(store, destinations=TO)
        talks = await one_who_is_two(shop)
        done = await asyncio.gather(
            *(write(shop, talk) for write in WRITERS for talk in talks), return_exceptions=True
        )
        owners = {row.id: row for row in await shop.rows(ShopperRow)}
        events = await shop.rows(ConsentEventRow)

    assert [repr(one) for one in done if one is not None] == []
    for name, owner in owners.items():
        own = [event for event in events if event.shopper_id == name]
        assert verify_chain(own, owner) == []


async def test_who_was_joined_while_they_were_waited_for_is_held_as_who_they_are_now(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await shop.meets("1"), await shop.meets("2")
    told = {"proof": "code", "actor": "shop", "destinations": TO, "now": shop.now}
    await link(shop.store, one.shopper, other.shopper, **told)

    async def as_it_was(_session: AsyncSession, shopper: str) -> str:
        return shopper

    monkeypatch.setattr(persons, "head_of", as_it_was)
    async with shop.store.begin() as session:
        assert await hold_person(session, other.shopper) == one.shopper
        with pytest.raises(NotFoundError):
            await hold_person(session, "forgotten meanwhile")


@pytest.mark.parametrize("is_first", [True, False])
async def test_who_is_joined_while_a_deletion_waits_is_deleted_too(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, *, is_first: bool
) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        shop = Shop(store, destinations=TO)
        (one, _), other = await shop.asks_the_question("1"), await shop.meets("2")
        await tells(shop, other)
        await tells(shop, one)
        hold = erasure._hold
        ends = (one.shopper, other.shopper) if is_first else (other.shopper, one.shopper)

        async def after_a_link(session: AsyncSession, person: Person) -> None:
            await link(store, *ends, proof="code", actor="shop", destinations=TO, now=shop.now)
            await hold(session, person)

        monkeypatch.setattr(erasure, "_hold", after_a_link)
        await erase_shopper(store, one.shopper, TO, shop.now)

        assert await shop.rows(AnswerRow) == []
        assert {row.shopper_id for row in await shop.rows(SuppressionRow)} == {*ends}
