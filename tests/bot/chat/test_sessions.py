import asyncio
from typing import Any

import pytest

from bot.parts import STORE
from preferences.store.tables import ConversationRow, MessageRow
from tests.bot.conftest import Gateway, Page, Start
from tests.preferences.store.shop import Shop


async def asks(page: Page, method: str, path: str = "session", **body: Any) -> tuple[int, Any]:
    url = f"{page.url}/v1/chat/{path}"
    async with page.http.request(method, url, json=body, headers=page.headers) as response:
        return response.status, await response.json() if response.content_length else None


async def zone_of(gateway: Gateway) -> str:
    [row] = await Shop(gateway.app[STORE]).rows(ConversationRow)
    return row.zone


async def test_the_time_zone_of_the_device_is_kept(gateway: Gateway) -> None:
    await gateway.page(zone="America/Lima")

    assert await zone_of(gateway) == "America/Lima"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "x" * 2000, 7, None, ["UTC"]])
async def test_what_is_no_time_zone_is_not(gateway: Gateway, zone: object) -> None:
    await gateway.page(zone=zone)

    assert await zone_of(gateway) == ""


async def test_language_and_zone_can_change_within_a_conversation(gateway: Gateway) -> None:
    page = await gateway.page(locale="en", zone="Europe/Berlin")

    status, told = await asks(page, "PATCH", locale="es-MX", zone="America/Mexico_City")
    await page.say(event="opened")

    assert (status, told) == (200, {"assistant": "Asistente de Corner Shop (automático)"})
    assert await zone_of(gateway) == "America/Mexico_City"
    assert (await page.log(1))[0]["text"].startswith("Hola")


@pytest.mark.parametrize("body", [{}, {"locale": "tlh"}, {"locale": 1, "zone": "nowhere"}])
async def test_a_change_to_nothing_known_is_told_how(gateway: Gateway, body: Any) -> None:
    page = await gateway.page()

    status, problem = await asks(page, "PATCH", **body)

    assert (status, problem["type"]) == (422, "/problems/badinput")
    assert "Europe/Berlin" in problem["detail"]


async def test_a_session_that_ended_opens_nothing(gateway: Gateway) -> None:
    page = await gateway.page()
    await page.say(event="opened")
    await page.log(1)

    assert (await asks(page, "DELETE"))[0] == 204
    assert (await asks(page, "DELETE"))[0] == 204
    assert (await page.say(text="hello"))[0] == 401
    for method, path in (("PATCH", "session"), ("GET", "stream"), ("GET", "log")):
        assert (await asks(page, method, path, locale="de"))[0] == 401


async def test_an_open_stream_ends_with_its_session(gateway: Gateway) -> None:
    page = await gateway.page()
    async with asyncio.timeout(5), page.stream() as events:
        await anext(events)
        await asks(page, "DELETE")
        async for _ in events:
            pass


async def test_signing_in_ends_the_session_of_the_stranger(gateway: Gateway) -> None:
    stranger = await gateway.page()
    signed_in = await gateway.page("4711", session=stranger.session)

    assert (await stranger.say(text="hello"))[0] == 401
    assert (await signed_in.say(text="hello"))[0] == 202


async def test_nobody_can_end_somebody_elses_session(gateway: Gateway) -> None:
    known = await gateway.page("4711")
    await gateway.page("4712", session=known.session)

    assert (await known.say(text="hello"))[0] == 202


async def test_what_is_no_occasion_by_the_shops_policy_is_not_kept(gateway: Gateway) -> None:
    page = await gateway.page()

    status, told = await page.say(event="viewed")
    assert (status, told["seq"]) == (202, 0)
    assert await Shop(gateway.app[STORE]).rows(MessageRow) == []


async def test_an_order_that_the_page_tells_of_is_an_occasion_and_no_proof(
    gateway: Gateway,
) -> None:
    page = await gateway.page()
    await page.say(event="opened")
    await page.log(2)

    status, told = await page.say(event="purchased")

    assert (status, told["seq"]) == (202, 4)
    [purchased] = [r for r in await Shop(gateway.app[STORE]).rows(MessageRow) if r.seq == 4]
    assert (purchased.kind, purchased.body) == ("event", {})


async def test_all_pages_together_are_limited_too(start: Start) -> None:
    free = {"messages_per_minute": 0, "messages_per_minute_per_address": 0}
    async with start(messages_per_minute_of_all=1, **free) as gateway:
        page, other = await gateway.page(), await gateway.page()
        statuses = [(await page.say(event="viewed"))[0] for _ in range(100)]
        limited, problem = await other.say(text="and me?")
        stopped, _ = await other.say(text="STOP")

    assert statuses == [202] * 100
    assert limited == 429
    assert int(problem["headers"]["Retry-After"]) > 30
    assert stopped == 202
