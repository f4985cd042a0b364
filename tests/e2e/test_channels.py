"""Whole conversations on WhatsApp and Messenger, with the real assistant and a platform that disturbs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from tests.bot.channels.bodies import PSID, page, said
from tests.bot.channels.platform import Platform, choices_of, refusal, text_of
from tests.e2e.test_gift_question import eventually
from tests.e2e.world import World

HELLO = (
    "Hello, I am the automated assistant of Corner Shop, not a person. "
    "I am here to note what suits you."
)
MAY_I = "May I keep what you tell me here, so that Corner Shop can fit its suggestions to you?"


@pytest.fixture
async def platform(world: World) -> AsyncIterator[Platform]:
    """The world's platform, as it is for this test alone."""
    async with ClientSession() as world.platform.http:
        for kept in (world.platform.delivered, world.platform.typing, world.platform.answers):
            kept.clear()
        yield world.platform


async def delivered(platform: Platform, count: int) -> list[str]:
    async with asyncio.timeout(20):
        while len(platform.delivered) < count:  # noqa: ASYNC110 a thread appends to it
            await asyncio.sleep(0.05)
    return platform.texts


def has_bought_a_dress(world: World) -> str:
    """Give the number of somebody who bought shirts for men before."""
    phone = f"3460{uuid4().int % 10**7:07d}"
    for days in range(30, 230, 30):
        world.order_by_phone(f"+{phone}", "SHR-OXF-01", days_ago=days)
    world.order_by_phone(f"+{phone}", "DRS-LIN-01", title="Linen dress")
    return phone


async def test_a_dress_is_asked_about_on_whatsapp_and_the_answer_is_kept(
    world: World, platform: Platform
) -> None:
    phone = await asyncio.to_thread(has_bought_a_dress, world)
    await platform.opens(phone=phone)
    (notice,) = await delivered(platform, 1)
    platform.answers.append(refusal(131000))  # it is away for a moment
    await platform.presses(0, phone=phone)
    question = (await delivered(platform, 2))[1]
    platform.lost = 1  # and here nobody hears its answer
    await platform.writes("it's for my sister", phone=phone)
    thanks = (await delivered(platform, 3))[2]
    for name in ("read", "delivered", "sent"):
        await platform.reports(name, platform.delivered[2])

    assert notice.startswith(f"{HELLO}\n\n{MAY_I}")
    assert "is “Linen dress” a gift, or for you?" in question
    shown = {one["title"] for one in choices_of(platform.delivered[1])}  # in an order of its own
    assert shown == {"A gift", "For me", "Someone at home", "Rather not say", "Don't ask again"}
    assert thanks.startswith("Thank you, noted: a gift.")
    await eventually(lambda: told(world, phone) == [("gift", "whatsapp")])


def told(world: World, phone: str) -> list[tuple[str, str]]:
    """What the CRM was told last of somebody by their number."""
    profiles = world.receiver.profiles
    theirs = [one for one in profiles if one["identities"].get("phone") == f"+{phone}"]
    known = theirs[-1]["preferences"] if theirs else []
    return [(one["value"], one["channel"]) for one in known]


async def test_who_says_stop_on_whatsapp_is_asked_nothing_there(
    world: World, platform: Platform
) -> None:
    phone = await asyncio.to_thread(has_bought_a_dress, world)
    await platform.writes("BAJA", phone=phone)
    await platform.opens(phone=phone)
    texts = await delivered(platform, 1)
    await asyncio.sleep(1)

    assert len(platform.delivered) == 1
    assert MAY_I not in "".join(texts)


async def test_words_of_a_command_are_words_on_messenger(platform: Platform) -> None:
    who = f"{PSID}{uuid4().int % 10**6}"
    for text in ("/restart", '/answer{"value":"gift"}', "who are you?"):
        item = said(text, mid=f"m_{uuid4()}") | {"sender": {"id": who}}
        item |= {"timestamp": int(datetime.now(UTC).timestamp() * 1000)}
        assert await platform.post("messenger", page(item)) == 200
        await asyncio.sleep(0.8)
    texts = await delivered(platform, 1)

    assert HELLO in texts[0]
    assert all(text_of(one) for one in platform.delivered)
