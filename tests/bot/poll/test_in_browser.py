"""From the mail to the thanks in a real browser: without any script, and into the chat."""

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from tests.bot.api.conftest import Api
from tests.bot.poll.conftest import Mail, mailed
from tests.bot.widget.conftest import CHROMIUM, shop_page
from tests.bot.widget.driving import Shopper
from tests.preferences.scenes import VOICE

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PATIENCE = 15_000  # milliseconds: nothing is measured here


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def is_clean(page: Page) -> None:
    found = await Axe().run(page, options=RULES)

    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_link_is_followed_and_answered_without_any_script(
    browser: Browser, mail: Mail
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    await page.goto(mail.url("sms"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("A question from Corner Shop")
    await expect(page.get_by_role("heading", level=2).first).to_have_text(mail.told["wording"])
    assert await mail.values() == []
    await page.get_by_role("button", name="Yes, that is my answer").click()
    await expect(page.get_by_role("status")).to_contain_text("Thank you")
    assert await mail.values() == ["sms"]
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("post")

    assert await mail.values() == ["sms", "post"]
    assert await context.cookies() == []


async def test_the_keyboard_alone_reaches_the_answer_first(browser: Browser, mail: Mail) -> None:
    page = await browser.new_page()
    await page.goto(mail.url("sms"))
    await page.keyboard.press("Tab")
    first = page.get_by_role("button", name="Yes, that is my answer")
    await expect(first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Thank you")

    assert await mail.values() == ["sms"]


async def test_all_answers_are_of_equal_rank(browser: Browser, mail: Mail) -> None:
    page = await browser.new_page(viewport={"width": 900, "height": 900})
    await page.goto(mail.url("sms"))
    looks = await page.evaluate(
        """[...document.querySelectorAll("button")].map((one) => {
            const { color, backgroundColor, border, font, minHeight } = getComputedStyle(one);
            return [color, backgroundColor, border, font, minHeight].join();
        })"""
    )

    assert len({*looks}) == 1


async def test_every_page_can_be_read_by_everybody(browser: Browser, api: Api, mail: Mail) -> None:
    for scheme, width in (("light", 320), ("dark", 1024)):
        page = await browser.new_page(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 700},
        )
        for name in ("sms", "stop"):
            await page.goto(mail.url(name))
            await is_clean(page)
        await page.goto(f"{api.gateway.url}/poll/x")
        await expect(page.get_by_role("status")).to_have_text(VOICE.say("poll_over", "en"))
        await is_clean(page)
    await page.goto(mail.url("sms"))
    await page.get_by_role("button", name="Yes, that is my answer").click()
    await expect(page.get_by_role("status")).to_contain_text("Thank you")
    await is_clean(page)
    await page.goto(mail.url("sms"))
    await expect(page.get_by_role("status")).to_contain_text("answered already")
    await is_clean(page)


async def test_the_way_into_the_talk_opens_the_chat_with_the_question(
    browser: Browser, api: Api, shopper: str
) -> None:
    mail = await mailed(api, shopper, page=f"{api.gateway.url}/shop?x=1")
    html = shop_page({"identity": api.gateway.identity("7")})
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE)

    async def shop(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html")

    await page.route("**/shop?x=1", shop)
    await page.goto(mail.url("sms"))
    await page.get_by_role("link", name="Answer in the chat").click()
    someone = Shopper(page)
    await expect(someone.bubbles).to_have_count(2, timeout=PATIENCE)
    await expect(someone.bubbles.last).to_contain_text(mail.told["wording"])
    assert page.url == f"{api.gateway.url}/shop?x=1"  # nothing of the link is left in the address
    await someone.choice("SMS").click()
    await expect(someone.bubbles).to_have_count(4, timeout=PATIENCE)
    await page.reload()
    await expect(someone.bubbles).to_have_count(4, timeout=PATIENCE)

    assert await mail.values() == ["sms"]
    [answer] = await mail.answers()
    assert answer.channel == "web"
