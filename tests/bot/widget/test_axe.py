"""No rule of axe-core for WCAG 2.2 AA is broken, in whatever state the chat stands."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.bot.widget.driving import Shopper
from tests.bot.widget.fake_gateway import LABELS

pytestmark = pytest.mark.asyncio(loop_scope="session")

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # these are of the page around it, which is the shop's
    "rules": {"page-has-heading-one": {"enabled": False}, "region": {"enabled": False}},
}


async def is_clean(page: Page) -> None:
    await page.evaluate(
        "Promise.allSettled(document.getAnimations({subtree: true}).map(one => one.finished))"
    )
    found = await Axe().run(page, context="askfirst-chat, askfirst-poll", options=RULES)

    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1024])
async def test_from_the_launcher_to_an_answer(page, shop, scheme, width):
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 640})
    shopper = Shopper(page)
    await page.goto(shop)
    await is_clean(page)
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS))
    await is_clean(page)
    await page.get_by_role("button", name="Menu").click()
    await is_clean(page)
    await page.keyboard.press("Escape")
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)
    await is_clean(page)


async def test_what_could_not_be_sent_and_what_is_too_long(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS))
    gateway.broken = True
    await shopper.write("x")
    await expect(page.get_by_role("button", name="Retry")).to_be_visible()
    await shopper.input.fill("x" * 1001)

    await is_clean(page)


async def test_the_question_in_the_page(page, shop):
    await page.goto(f"{shop}/poll")
    await expect(page.get_by_role("button", name="A question for you")).to_be_visible()
    await is_clean(page)
    await page.get_by_role("button", name="A question for you").click()
    await expect(page.locator("askfirst-poll .choices button")).to_have_count(len(LABELS))
    await is_clean(page)


@pytest.mark.parametrize(
    "theme",
    [
        {"surface": "#ffe95e", "text": "#fff", "muted": "#ffd", "accent": "#ff0"},
        {"surface": "#222", "text": "#333", "bubble": "#eee", "accent": "navy"},
        {"surface": "#888", "text": "#777", "bubble": "#000", "muted": "#999"},
        {"surface": "oklch(.6 .2 140)", "text": "hotpink", "bubble": "#fff", "accent": "#767676"},
    ],
)
async def test_colours_of_a_shop_that_nobody_could_read_are_corrected(page, shop, gateway, theme):
    shopper = Shopper(page)
    await page.goto(shop)
    await page.evaluate("theme => Askfirst.setTheme(theme)", theme)
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS))
    gateway.last.tell("status", {"state": "thinking"})
    await shopper.write("hello")

    await is_clean(page)
