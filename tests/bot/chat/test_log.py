import asyncio
from time import monotonic
from typing import Any

import pytest
from aiohttp_sse import EventSourceResponse

from preferences.understanding import Guess
from tests.bot.conftest import Gateway, Page

ASKED = {"consents": {}, "person": False, "questions": []}


async def polls(page: Page, **query: int) -> list[tuple[str, Any]]:
    url = f"{page.url}/v1/chat/log"
    async with page.http.get(url, params=query, headers=page.headers) as response:
        assert response.status == 200, await response.text()
        return [(name, data) for name, data in (await response.json())["events"]]


async def progress(page: Page) -> dict[str, Any]:
    return dict(await polls(page))["progress"]


async def bought(gateway: Gateway, customer: str) -> Page:
    """Somebody who bought something unusual has opened the chat."""
    for days in range(10, 70, 10):
        await gateway.has_bought(customer, "shirt", days_ago=days)
    await gateway.has_bought(customer, "dress")
    page = await gateway.page(customer)
    await page.say(event="opened")
    return page


async def test_whoever_asks_first_is_told_at_once(gateway: Gateway) -> None:
    page = await gateway.page()
    begun = monotonic()
    events = await polls(page, wait=20)

    assert events == [("progress", ASKED), ("status", {"state": "ready"})]
    assert monotonic() - begun < 5


async def test_whoever_asks_again_hears_as_soon_as_something_is_said(gateway: Gateway) -> None:
    page = await gateway.page()
    asking = asyncio.create_task(polls(page, known=1, wait=20))
    await asyncio.sleep(0.2)
    await page.say(event="opened")
    said: list[Any] = []
    async with asyncio.timeout(10):
        events = await asking
        while not (said := [data for name, data in events if name == "message"]):
            events = await polls(page, known=1, wait=20)

    assert [line["from"] for line in said] == ["assistant"] * 2


async def test_asking_and_streaming_tell_the_same_lines(gateway: Gateway) -> None:
    page = await gateway.page()
    await page.say(text="hello")
    lines = await page.log(3)

    assert [data for name, data in await polls(page) if name == "message"] == lines
    assert [data for name, data in await polls(page, after=2) if name == "message"] == lines[2:]


@pytest.mark.parametrize("after", ["-1", "x", "²", "9999999999", "1.5"])
async def test_a_place_in_the_log_that_is_none_is_refused(gateway: Gateway, after: str) -> None:
    page = await gateway.page()
    for path in ("log", "stream"):
        url = f"{page.url}/v1/chat/{path}"
        async with page.http.get(url, params={"after": after}, headers=page.headers) as response:
            assert response.status == 422


async def test_a_sixth_place_where_a_chat_is_open_is_told_to_wait(gateway: Gateway) -> None:
    page = await gateway.page()
    waiting = [asyncio.create_task(polls(page, known=1, wait=20)) for _ in range(5)]
    await asyncio.sleep(0.3)
    async with page.http.get(f"{page.url}/v1/chat/log", headers=page.headers) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "10"
    await page.say(event="opened")

    assert all(await asyncio.gather(*waiting))


async def test_a_page_hears_which_question_was_put_and_that_it_was_answered(
    gateway: Gateway,
) -> None:
    page = await bought(gateway, "7")
    consent = (await page.log(2))[-1]
    await page.say(press=consent["choices"][0]["press"])
    question = (await page.log(3, after=consent["seq"]))[-1]
    shown = await progress(page)
    await page.say(press=question["choices"][0]["press"])
    await page.log(2, after=question["seq"])
    answered = await progress(page)

    [open_one], [ended] = shown["questions"], answered["questions"]
    assert (open_one["question"], open_one["outcome"]) == ("gift_or_self", None)
    assert ended == open_one | {"outcome": "answered"}
    assert shown["consents"] == {"tailor_suggestions": "given"}


async def test_a_page_hears_that_a_person_was_called(gateway: Gateway) -> None:
    gateway.rasa.taught = {"a person please": (Guess("handoff", 0.9),)}
    page = await gateway.page()
    await page.say(text="a person please")
    await page.log(3)

    assert (await progress(page))["person"] is True


async def test_a_stream_tells_how_things_stand_only_when_that_changes(gateway: Gateway) -> None:
    page = await gateway.page()
    names = []
    async with asyncio.timeout(10), page.stream() as events:
        async for name, _ in events:
            names.append(name)
            if names == ["progress", "status"]:
                await page.say(event="opened")
            if names.count("message") == 2 and name == "status":
                break

    assert names.count("progress") == 1


async def test_a_page_that_goes_away_in_the_middle_of_a_line_is_no_error(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def cut(*_: object, **__: object) -> None:
        raise ConnectionResetError

    page = await gateway.page()
    monkeypatch.setattr(EventSourceResponse, "send", cut)
    async with asyncio.timeout(10), page.stream() as events:
        assert [event async for event in events] == []

    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
