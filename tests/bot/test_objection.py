import pytest

from bot.parts import STORE
from preferences.catalogue import load_catalogue
from preferences.store.tables import ConsentRow, MessageRow
from tests.bot.conftest import Gateway, Page
from tests.preferences.store.shop import Shop

PURPOSES = frozenset(load_catalogue().purposes)


async def page_of(gateway: Gateway, customer: str, **headers: str) -> Page:
    """A page whose browser sends headers of its own with everything."""
    url, body = f"{gateway.url}/v1/chat/sessions", {"identity": gateway.identity(customer)}
    async with gateway.http.post(url, json=body, headers=headers) as response:
        return Page(gateway.http, gateway.url, (await response.json())["session"])


async def objected(gateway: Gateway) -> frozenset[str]:
    rows = await Shop(gateway.app[STORE]).rows(ConsentRow)
    return frozenset(row.purpose for row in rows if row.state == "objected")


async def test_a_browser_that_objects_is_heard_before_the_first_question(gateway: Gateway) -> None:
    for days in range(10, 70, 10):
        await gateway.has_bought("7", "shirt", days_ago=days)
    await gateway.has_bought("7", "dress")

    page = await page_of(gateway, "7", **{"Sec-GPC": "1"})
    assert await Shop(gateway.app[STORE]).rows(MessageRow) == []
    assert await objected(gateway) == PURPOSES
    await page.say(event="opened")
    lines = await page.log(2)

    assert [line["choices"] for line in lines] == [[], []]


@pytest.mark.parametrize(("told", "heard"), [(True, PURPOSES), (False, set()), ("yes", set())])
async def test_a_page_whose_scripts_see_the_objection_tells_it(
    gateway: Gateway, told: object, heard: set[str]
) -> None:
    await gateway.page("7", gpc=told)

    assert await objected(gateway) == heard


@pytest.mark.parametrize("signal", [{}, {"Sec-GPC": "0"}, {"Sec-GPC": "yes"}])
async def test_any_other_browser_is_asked_as_ever(gateway: Gateway, signal: dict[str, str]) -> None:
    await page_of(gateway, "7", **signal)

    assert await objected(gateway) == frozenset()
