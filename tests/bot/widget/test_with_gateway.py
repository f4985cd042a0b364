"""The widget on the real gateway and store: what its stand-in cannot show."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from preferences.catalogue import load_catalogue
from preferences.store.tables import ConsentRow, ConversationRow
from preferences.understanding import Guess
from tests.bot.widget.driving import Shopper
from tests.bot.widget.real import open_shop
from tests.preferences.store.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple]:
    async with open_shop(tmp_path_factory.mktemp("shop")) as running:
        running[1].taught = {"for my dad": (Guess("answer", 0.98, "gift_or_self", "gift"),)}
        yield running


async def buys(page: Page, shop: str, shopper: str) -> Shopper:
    await page.goto(f"{shop}/?shopper={shopper}")
    await page.get_by_role("button", name="Buy Linen dress").click()
    return Shopper(page)


async def test_a_browser_that_signals_privacy_control_is_never_asked(
    browser: Browser, running: tuple
) -> None:
    shop, rasa, _ = running
    context = await browser.new_context(
        extra_http_headers={"Sec-GPC": "1"}, timezone_id="Asia/Tokyo"
    )
    shopper = await buys(await context.new_page(), shop, "amira")
    await expect(shopper.bubbles).to_have_count(2, timeout=60_000)
    await expect(shopper.choices).to_have_count(0)
    await context.close()
    rows = await Shop(rasa.store).rows(ConsentRow)

    assert {row.purpose for row in rows if row.state == "objected"} == set(
        load_catalogue().purposes
    )
    assert [row.zone for row in await Shop(rasa.store).rows(ConversationRow)] == ["Asia/Tokyo"]


async def test_a_new_deployment_in_the_middle_of_a_question_changes_nothing(
    page: Page, running: tuple
) -> None:
    shop, _, replace = running
    shopper = await buys(page, shop, "daniel")
    await page.evaluate(
        "heard = []; for (const name of ['question:shown', 'question:answered', 'consent:changed'])"
        " Askfirst.on(name, () => heard.push(name)); null"
    )
    await expect(shopper.choices).to_have_count(2, timeout=60_000)
    await shopper.choices.first.click()
    await expect(shopper.choices).to_have_count(5)
    await replace()
    await shopper.choices.first.click()

    await expect(shopper.choices).to_have_count(0)
    async with asyncio.timeout(20):
        while len(heard := await page.evaluate("heard")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert sorted(heard) == ["consent:changed", "question:answered", "question:shown"]
    await expect(page.locator("askfirst-chat .failed")).to_have_count(0)


async def test_every_control_of_the_playground_does_what_it_says(
    page: Page, running: tuple
) -> None:
    shop, _, _ = running
    shopper = Shopper(page)
    await page.goto(f"{shop}/demo/playground")
    log = page.locator("#log li")
    await expect(log.first).to_have_text("ready")
    await page.locator("[name=accent]").fill("#ffcc00")
    await page.locator("[name=scheme]").select_option("dark")
    await page.locator("[name=position]").select_option("start")
    await page.locator("[name=locale]").select_option("de")
    await expect(page.get_by_role("button", name="Chat öffnen")).to_be_visible()
    for name in ("identify", "open", "close", "toggle", "track order", "hide", "show", "logout"):
        await page.get_by_role("button", name=name, exact=True).click()
    await expect(log.filter(has_text="Askfirst.logout()")).to_have_count(1)
    await expect(shopper.panel).to_be_hidden()
    box = await shopper.launcher.bounding_box()
    assert box is not None
    assert box["x"] == 20
    await page.get_by_role("button", name="destroy").click()
    await expect(page.locator("askfirst-chat")).to_have_count(0)
    await page.get_by_role("button", name="open", exact=True).click()

    await expect(log.last).to_have_text("the chat was destroyed: load this page again")
