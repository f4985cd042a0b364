"""Tryton and BottleCRM, the very programs: what was said in chat is in them, and what was taken back is not."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
import yaml
from sqlmodel import col, func, select

from preferences.profile import as_json
from preferences.store.conversations import Conversation
from preferences.store.erasure import erase_shopper
from preferences.store.outbox import mark
from preferences.store.profiles import read_profile
from preferences.store.tables import OutboxRow
from preferences.store.wishes import Reported, report_decision
from sync.mapping import HERE
from sync.service import serve
from tests.bot.conftest import FakeRasa, Gateway, Page
from tests.preferences.store.seeds import (
    PURPOSE,
    add_answer,
    add_consent,
    add_identity,
    add_shopper,
)
from tests.sync.pages import CATALOGUE
from tests.sync.real.conftest import World
from tests.sync.real.crms import ANSWER, BottleCrm, Card, TrytonCrm
from tests.sync.real.people import ANSWERS, email

PEOPLE = 1000
TALKING = int(os.environ.get("CRM_TALKING", "20"))
"""So many answer turn by turn; the rest are put into the store in one go, to be done in time."""


@asynccontextmanager
async def syncing(world: World) -> AsyncIterator[None]:
    """Have `python -m sync` run meanwhile."""
    stop = asyncio.Event()
    service = asyncio.create_task(serve(world.settings, stop))
    try:
        yield
    finally:
        stop.set()
        await service


async def until(true: Callable[[], object], within: float = 120) -> None:
    end = monotonic() + within
    while not await asyncio.to_thread(true):
        assert monotonic() < end, "it did not come true"
        await asyncio.sleep(0.1)


async def waiting(world: World) -> int:
    undone = col(OutboxRow.desired_version) != col(OutboxRow.synced_version)
    async with world.store.begin(readonly=True) as session:
        return (await session.exec(select(func.count()).select_from(OutboxRow).where(undone))).one()


async def told(world: World, within: float = 300) -> None:
    """Wait until the outbox is empty."""
    end = monotonic() + within
    while left := await waiting(world):
        assert monotonic() < end, f"{left} are still to be told"
        await asyncio.sleep(0.1)


async def have_answered(world: World, first: int, last: int) -> dict[str, Card]:
    """Put people into the store who answered, and give what a CRM should show of them."""
    cards = {}
    async with world.store.begin() as session:
        for number in range(first, last):
            shopper, answer = f"shopper-{number}", ANSWERS[number % 2]
            await add_shopper(session, shopper)
            await add_identity(session, shopper, "email", email(number))
            await add_consent(session, shopper, 1, "given")
            await add_answer(session, shopper, value=answer, words="für Zoë 🎁")
            await mark(session, shopper, [world.crm.name], datetime.now(UTC), urgent=False)
            cards[shopper] = Card(email(number), answer, "given")
    return cards


@pytest.mark.timeout(900)
async def test_a_thousand_who_answered_are_a_thousand_records_whatever_breaks(
    world: World,
) -> None:
    code, said = await world.types("preflight --create")
    assert code == 0, said
    crm, people = world.crm, world.people
    expected = await have_answered(world, TALKING, PEOPLE)

    async with syncing(world):
        await people.answer(0, TALKING // 2)
        await until(lambda: crm.count() > 50)
        crm.child.kill()
        await people.answer(TALKING // 2, TALKING)
        crm.child.start()
        await told(world)

    expected |= {
        shopper: Card(email(number), answer, "given")
        for number, (shopper, answer) in enumerate(people.said.items())
    }
    assert len(expected) == PEOPLE
    assert await asyncio.to_thread(crm.cards) == expected
    assert await asyncio.to_thread(crm.count) == PEOPLE
    code, said = await world.types("reconcile")
    assert (code, said) == (0, f"{PEOPLE} records read, 0 drifted.\n")

    stopped, withdrawn, erased, *_ = people.said
    await people.says(stopped, "stop", "stop")
    told_by_the_shop = Reported(PURPOSE, "withdrawn", "no", "en", "shop", "key:1", uuid4().hex)
    purpose, now = CATALOGUE.purposes[PURPOSE], datetime.now(UTC)
    names = (crm.name,)
    await report_decision(world.store, withdrawn, told_by_the_shop, purpose, names, now)
    await erase_shopper(world.store, erased, names, now)
    begun = monotonic()
    async with syncing(world):
        await told(world)
    seconds = monotonic() - begun

    cards = await asyncio.to_thread(crm.cards)
    assert cards[stopped].stopped
    assert cards[withdrawn] == Card(expected[withdrawn].email, "", "withdrawn")
    assert erased not in cards
    assert await asyncio.to_thread(crm.count) == PEOPLE - 1
    assert seconds < 60
    others = {stopped, withdrawn, erased}
    assert {one: card for one, card in cards.items() if one not in others} == {
        one: card for one, card in expected.items() if one not in others
    }


async def test_what_is_said_to_the_gateway_is_in_the_crm(
    world: World, gateway: Gateway, rasa: FakeRasa
) -> None:
    rasa.destinations = (world.crm.name,)
    await world.types("preflight --create")
    before = await asyncio.to_thread(world.crm.count)
    async with syncing(world):
        for number in range(3):
            await chats(gateway, f"gateway-{number}")
        await told(world)

    assert await asyncio.to_thread(world.crm.count) == before + 3
    cards = await asyncio.to_thread(world.crm.cards)
    found = [cards[shopper] for shopper in await shoppers_told(world)]
    assert found == [Card("", "gift", "given")] * 3


async def chats(gateway: Gateway, customer: str) -> None:
    """Somebody opens the chat after an unusual purchase, agrees and says that it is a gift."""
    for days in range(10, 70, 10):
        await gateway.has_bought(customer, "shirt", days_ago=days)
    await gateway.has_bought(customer, "dress")
    page = await gateway.page(customer)
    await page.say(event="opened")
    notice = await asked(page, after=0)
    await page.say(press=notice["choices"][0]["press"])
    question = await asked(page, after=notice["seq"])
    presses = {one["label"]: one["press"] for one in question["choices"]}
    await page.say(press=presses["A gift"])
    await page.log(2, after=question["seq"])


async def asked(page: Page, after: int) -> dict[str, Any]:
    """Wait for something that is to be answered."""
    async with asyncio.timeout(20), page.stream(after) as events:
        async for name, line in events:
            if (
                name == "message"
                and line.get("choices")
                and line["kind"] in ("consent", "question")
            ):
                found: dict[str, Any] = line
                return found
    raise AssertionError(name)


async def shoppers_told(world: World) -> list[str]:
    async with world.store.begin(readonly=True) as session:
        return list((await session.exec(select(OutboxRow.shopper_id))).all())


@pytest.mark.parametrize("crm", ["bottlecrm"], indirect=True)
async def test_what_bottlecrm_drops_without_a_word_is_noticed(world: World) -> None:
    crm = world.crm
    assert isinstance(crm, BottleCrm)
    await world.types("preflight --create")
    cards = await have_answered(world, 2000, 2004)
    async with syncing(world):
        await told(world)
        await asyncio.to_thread(crm.switch_off, ANSWER)
        await changes_mind(world, "shopper-2000", "self")
        await told(world)  # it answered 200

    code, said = await world.types("reconcile")
    assert (code, said) == (1, f"{ANSWER}: 1 differ\n4 records read, 1 drifted.\n")
    code, said = await world.types("preflight")
    assert (code, said.splitlines()[0]) == (1, f"missing: {ANSWER} (text)")
    await changes_mind(world, "shopper-2001", "gift")  # a worker that starts now sees it itself
    code, said = await world.types("once")
    assert await asyncio.to_thread(crm.cards) | cards == await asyncio.to_thread(crm.cards)
    code, said = await world.types("status")
    assert f"no custom field {ANSWER}" in said

    await world.types("preflight --create")
    await world.types("replay")
    await world.types("reconcile --repair")
    code, said = await world.types("once")
    assert code == 0, said
    assert (await world.types("reconcile"))[1] == "4 records read, 0 drifted.\n"
    cards |= {"shopper-2000": replace(cards["shopper-2000"], answer="self")}
    cards |= {"shopper-2001": replace(cards["shopper-2001"], answer="gift")}
    held = await asyncio.to_thread(crm.cards)
    assert {shopper: held[shopper] for shopper in cards} == cards


@pytest.mark.parametrize("crm", ["tryton"], indirect=True)
async def test_what_somebody_broke_there_is_noticed_and_mended(world: World) -> None:
    crm = world.crm
    assert isinstance(crm, TrytonCrm)
    await world.types("preflight --create")
    cards = await have_answered(world, 2000, 2004)
    assert (await world.types("once"))[0] == 0

    await asyncio.to_thread(crm.lose, "shopper-2001")

    code, said = await world.types("reconcile --repair")
    assert code == 1
    assert f"{ANSWER}: 1 differ\n" in said
    assert "4 records read, 1 drifted.\n1 are told again.\n" in said
    assert (await world.types("once"))[0] == 0
    assert (await world.types("reconcile"))[1] == "4 records read, 0 drifted.\n"
    held = await asyncio.to_thread(crm.cards)
    assert {shopper: held[shopper] for shopper in cards} == cards


async def changes_mind(world: World, shopper: str, answer: str) -> None:
    async with world.store.begin() as session:
        await add_answer(session, shopper, 2, value=answer)
        await mark(session, shopper, [world.crm.name], datetime.now(UTC), urgent=False)


async def test_what_the_crm_knows_is_known_here(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = "category.Matters most" if world.crm.name == "tryton" else "what_matters"
    page = yaml.safe_load((HERE / f"{world.crm.name}.yml").read_text())
    kind = "choices" if world.crm.name == "tryton" else "text"
    asked = {"from": "answers.matters_most.value", "to": field, "type": kind, "direction": "pull"}
    page["fields"].append(asked)
    (tmp_path / f"{world.crm.name}.yml").write_text(yaml.safe_dump(page))
    monkeypatch.setenv("ASKFIRST_MAPPINGS_DIR", str(tmp_path))
    await world.types("preflight --create")
    known = (await permits(world, 9000)).shopper
    code, said = await world.types("once")
    assert code == 0, said

    channel = await asyncio.to_thread(world.crm.leaves_by_itself, known, email(9000))
    await asyncio.to_thread(world.crm.knows, known, "price")
    code, said = await world.types("once")
    assert code == 0, said

    profile = as_json(await read_profile(world.store, known))
    (fact,) = profile["preferences"]
    assert (fact["question"], fact["value"], fact["kind"]) == (
        "matters_most",
        "price",
        "imported",
    )
    assert fact["source"] == f"crm/{world.crm.name}"
    (left,) = profile["suppressions"]
    assert (left["scope"], left["target"], left["source"]) == ("channel", channel, "crm")


async def permits(world: World, number: int) -> Conversation:
    """Somebody may be asked, and is known to the CRM by an address."""
    talk = await world.people.shop.meets(f"customer-{number}")
    await world.people.leave_address(talk.shopper, email(number))
    async with world.store.begin() as session:
        await add_consent(session, talk.shopper, 1, "given", conversation_id=talk.id)
        await mark(session, talk.shopper, [world.crm.name], datetime.now(UTC), urgent=False)
    return talk
