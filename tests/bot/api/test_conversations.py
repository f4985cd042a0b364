import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.parts import STORE
from preferences.store.conversations import read_waiting
from preferences.store.keys import issue_key
from preferences.understanding import Guess
from tests.bot.conftest import Gateway, Page


async def called(gateway: Gateway) -> tuple[Page, str]:
    """Somebody wants a person; gives their page and the conversation's name."""
    gateway.rasa.taught = {
        "a person please": (Guess("handoff", 0.9),),
        "hello": (Guess("greet", 0.9),),
    }
    page = await gateway.page()
    await page.say(text="a person please")
    await page.log(3)
    return page, gateway.rasa.turns[-1]["sender"]


async def asks(
    gateway: Gateway, path: str, *scopes: str, method: str = "GET"
) -> tuple[int, dict[str, object]]:
    now, lasts = datetime.now(UTC), timedelta(hours=1)
    key = await issue_key(gateway.app[STORE], "a help desk", frozenset(scopes), lasts, now)
    headers = {"Authorization": f"Bearer {key}"}
    async with gateway.http.request(method, gateway.url + path, headers=headers) as response:
        return response.status, await response.json()


async def test_it_is_told_that_a_person_was_called_and_nothing_else(gateway: Gateway) -> None:
    _, name = await called(gateway)

    status, told = await asks(gateway, f"/v1/conversations/{name}", "read")

    assert (status, told["id"], told["handed_off"]) == (200, name, True)
    assert datetime.fromisoformat(str(told["handed_off_at"])) <= datetime.now(UTC)
    assert set(told) == {"id", "handed_off", "handed_off_at"}


async def test_after_it_was_handed_back_the_assistant_answers_again(gateway: Gateway) -> None:
    page, name = await called(gateway)
    await page.say(text="hello")
    while await read_waiting(gateway.app[STORE]):  # noqa: ASYNC110  (silence tells nobody)
        await asyncio.sleep(0.02)
    back = f"/v1/conversations/{name}/hand-back"

    for _ in range(2):
        status, told = await asks(gateway, back, "write", method="POST")
        assert (status, told["handed_off"], told["handed_off_at"]) == (200, False, None)
    await page.say(text="hello")

    lines = await page.log(6)
    assert [line["from"] for line in lines[3:]] == ["shopper", "shopper", "assistant"]


@pytest.mark.parametrize(
    ("path", "method", "scope"),
    [
        ("/v1/conversations/nobody", "GET", "write"),
        ("/v1/conversations/nobody/hand-back", "POST", "read"),
    ],
)
async def test_a_key_needs_the_scope(gateway: Gateway, path: str, method: str, scope: str) -> None:
    async with gateway.http.request(method, gateway.url + path) as response:
        assert response.status == 401
    status, told = await asks(gateway, path, scope, method=method)

    assert status == 403
    assert "lacks the scope" in str(told["detail"])


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/conversations/nobody", "GET"), ("/v1/conversations/nobody/hand-back", "POST")],
)
async def test_a_conversation_nobody_knows_is_not_found(
    gateway: Gateway, path: str, method: str
) -> None:
    status, told = await asks(gateway, path, "read", "write", method=method)

    assert status == 404
    assert "not known" in str(told["detail"])
