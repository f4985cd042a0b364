"""The question in the page itself: one tap, the same record, and nothing before it is wanted."""

import pytest
from playwright.async_api import Page, expect

from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import LABELS, QUESTION, THANKS

pytestmark = pytest.mark.asyncio(loop_scope="session")


def buttons(page: Page):
    return page.locator("askfirst-poll .choices button")


async def test_it_asks_for_nothing_before_it_is_tapped(page, shop, gateway):
    await page.goto(f"{shop}/poll")
    await expect(page.get_by_role("button", name="A question for you")).to_be_visible()
    await page.wait_for_timeout(200)

    assert not [path for path in gateway.requests if "/v1/" in path]
    assert await Shopper(page).stored("localStorage") == []


async def test_one_tap_answers_and_the_chat_shows_the_same(page, shop, gateway):
    await page.goto(f"{shop}/poll")
    await page.get_by_role("button", name="A question for you").click()
    await expect(buttons(page)).to_have_text(LABELS)
    await expect(page.locator("askfirst-poll [role=group]")).to_have_attribute(
        "aria-label", QUESTION
    )
    await buttons(page).first.click()
    await expect(page.locator("askfirst-poll p")).to_have_text([THANKS["A gift"]])

    assert gateway.acts == ["<opened>", "A gift"]
    shopper = Shopper(page)
    await shopper.open()
    await expect(shopper.bubbles).to_have_count(4)
    assert gateway.acts == ["<opened>", "A gift"]


async def test_with_consent_it_asks_by_itself_once_it_is_seen(page, shop, gateway):
    await page.goto(f"{shop}/poll?consent=given&below=1")
    await page.wait_for_timeout(300)
    assert not [path for path in gateway.requests if "/v1/" in path or "chat.js" in path]
    await page.locator("askfirst-poll").scroll_into_view_if_needed()

    await expect(buttons(page)).to_have_text(LABELS)
    assert await Shopper(page).stored("localStorage") == []


async def test_moved_to_another_place_of_the_page_it_goes_on(page, shop, gateway):
    await page.goto(f"{shop}/poll?consent=given")
    await expect(buttons(page)).to_have_text(LABELS)
    await page.evaluate(
        "const poll = document.querySelector('askfirst-poll'); const box ="
        " document.createElement('main'); document.body.append(box); poll.remove(); box.append(poll)"
    )
    await page.locator("askfirst-poll .choices button").nth(1).click()

    await expect(page.locator("askfirst-poll p")).to_have_text([THANKS["For me"]])
    assert gateway.acts == ["<opened>", "For me"]


async def test_own_words_go_to_the_chat(page, shop, gateway):
    await page.goto(f"{shop}/poll?consent=given")
    await page.get_by_role("button", name="Answer in your own words").click()
    shopper = Shopper(page)
    await expect(shopper.input).to_be_focused()
    await shopper.write("for my sister")
    await until(lambda: gateway.acts == ["<opened>", "for my sister"])

    await expect(buttons(page)).to_have_count(0)
    await expect(page.locator("askfirst-poll p")).to_have_text(["Noted: for my sister"])
