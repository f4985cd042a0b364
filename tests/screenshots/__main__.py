"""Takes the documents' pictures of the chat: `make screenshots`, or the names of those wanted."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from preferences.understanding import Guess
from tests.bot.widget.conftest import CHROMIUM
from tests.bot.widget.driving import Shopper
from tests.bot.widget.real import open_shop

IMAGES = Path(__file__).parents[2] / "docs/images"
PATIENCE = 60_000  # milliseconds: nothing is measured here, and the machine may be busy
_SAID = {
    "it's for my sister's birthday": (Guess("answer", 0.98, "gift_or_self", "gift"),),
    "my cat passed away today": (Guess("sensitive_event", 0.98),),
    "why do you ask?": (Guess("ask_why", 0.98),),
}
_WIDE: dict[str, Any] = {"width": 1120, "height": 740}
_NARROW: dict[str, Any] = {"width": 360, "height": 720}

_TOUCH: dict[str, Any] = {"has_touch": True, "is_mobile": True}

Scene = Callable[[Page, str], Awaitable[Page | None]]
"""Gives the page to be taken where it is another one."""


async def _buys(page: Page, shop: str, shopper: str = "daniel") -> Shopper:
    await page.goto(f"{shop}/?shopper={shopper}")
    await page.get_by_role("button", name="Buy Linen dress").click()
    someone = Shopper(page)
    await expect(someone.choices).not_to_have_count(0)
    return someone


async def _asked(page: Page, shop: str, shopper: str = "daniel") -> Shopper:
    someone = await _buys(page, shop, shopper)
    lines = await someone.bubbles.count()
    await someone.choices.first.click()
    await expect(someone.choices).to_have_count(5)
    await expect(someone.bubbles).not_to_have_count(lines)
    return someone


async def question(page: Page, shop: str) -> None:
    await _asked(page, shop)


async def answered(page: Page, shop: str) -> None:
    someone = await _asked(page, shop)
    await someone.write("why do you ask?")
    await expect(someone.choices).to_have_count(5)
    await someone.write("it's for my sister's birthday")
    await expect(someone.bubbles.filter(has_text="noted")).to_be_visible()


async def permission(page: Page, shop: str) -> None:
    await _buys(page, shop)


async def grief(page: Page, shop: str) -> None:
    someone = await _asked(page, shop)
    await someone.write("my cat passed away today")
    await expect(someone.bubbles.filter(has_text="sorry")).to_be_visible()


async def right_to_left(page: Page, shop: str) -> None:
    await page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' })"
    )
    someone = await _asked(page, shop)
    await someone.write("هل هذا الفستان متوفر باللون الأزرق؟")
    await expect(someone.bubbles).to_have_count(7)


async def offline(page: Page, shop: str) -> None:
    someone = await _asked(page, shop)
    await page.context.set_offline(True)
    await someone.write("it's for my sister's birthday")
    await expect(page.get_by_role("button", name="Retry")).to_be_visible(timeout=20_000)


async def menu(page: Page, shop: str) -> None:
    await _asked(page, shop)
    await page.get_by_role("button", name="Menu").click()


async def own_page(page: Page, shop: str) -> Page:
    someone = await _asked(page, shop)
    await someone.choices.first.click()
    await expect(someone.choices).to_have_count(0)
    await page.get_by_role("button", name="Menu").click()
    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="Your data").click()
    own = await opened.value
    await own.wait_for_url("**/my-data")
    return own


async def large_text(page: Page, shop: str) -> None:
    someone = await _asked(page, shop)
    await page.evaluate("Askfirst.setTheme({'font-size': '32px'})")
    await someone.log.evaluate("node => { node.scrollTop = node.scrollHeight }")


async def poll(page: Page, shop: str) -> None:
    await page.goto(f"{shop}/?shopper=daniel")
    await page.request.post(f"{shop}/demo/buy", form={"sku": "DRS-LIN-01"})
    await page.goto(f"{shop}/demo/playground")
    await page.get_by_role("button", name="identify").click()
    await page.get_by_role("button", name="A question for you").click()
    await page.locator("askfirst-poll .choices").wait_for()
    await page.locator("askfirst-poll").scroll_into_view_if_needed()


async def playground(page: Page, shop: str) -> None:
    await page.goto(f"{shop}/demo/playground")
    await page.locator("[name=accent]").fill("#b3261e")
    await page.locator("[name=scheme]").select_option("light")
    await page.locator("[name=locale]").select_option("es")
    await page.get_by_role("button", name="open", exact=True).click()
    await expect(Shopper(page).bubbles).not_to_have_count(0)


# name: what is done, the window, and what the browser says of its user
_SCENES: dict[str, tuple[Scene, dict[str, Any], dict[str, Any]]] = {
    "widget-light": (answered, _WIDE, {}),
    "widget-dark": (answered, _WIDE, {"color_scheme": "dark"}),
    "widget-narrow": (question, _NARROW, _TOUCH),
    "widget-rtl": (right_to_left, _WIDE, {}),
    "widget-question": (question, _WIDE, {}),
    "widget-permission": (permission, _NARROW, _TOUCH),
    "widget-grief": (grief, _NARROW, _TOUCH),
    "widget-offline": (offline, _NARROW, _TOUCH),
    "widget-menu": (menu, _WIDE, {}),
    "widget-large-text": (large_text, _NARROW, {}),
    "widget-forced-colours": (answered, _NARROW, {"forced_colors": "active"}),
    "widget-poll": (poll, {"width": 760, "height": 720}, {}),
    "widget-own-page": (own_page, {"width": 860, "height": 900}, {}),
    "widget-playground": (playground, {"width": 1500, "height": 860}, {}),
}


async def _take(browser: Browser, name: str) -> None:
    scene, window, media = _SCENES[name]
    context = await browser.new_context(
        viewport=window, reduced_motion="reduce", device_scale_factor=1.5, **media
    )
    with TemporaryDirectory(prefix="askfirst-screenshot-") as folder:
        async with open_shop(Path(folder)) as (shop, rasa, _replace):
            rasa.taught = _SAID
            page = await context.new_page()
            page.set_default_timeout(PATIENCE)
            shown = await scene(page, shop) or page
            await shown.mouse.move(1, 1)
            await shown.wait_for_timeout(300)
            await shown.screenshot(path=IMAGES / f"{name}.png")
            await context.close()
    sys.stdout.write(f"{name}\n")


async def _run(names: list[str]) -> None:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in names:
            await _take(browser, name)


def main() -> int:
    """Take the pictures that are named, or all."""
    names = sys.argv[1:] or list(_SCENES)
    if unknown := set(names) - _SCENES.keys():
        sys.stderr.write(f"There is no picture {', '.join(unknown)}; there are {list(_SCENES)}.\n")
        return 2
    asyncio.run(_run(names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
