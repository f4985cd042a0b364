"""What a shopper does with the widget, in the words of the tests."""

import asyncio
from collections.abc import Callable

from playwright.async_api import Locator, Page, expect


class Shopper:
    """Sees and does what a person at the page can."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.launcher = page.locator("askfirst-chat .launcher")
        self.panel = page.locator("askfirst-chat dialog")
        self.log = page.get_by_role("log")
        self.input = page.locator("askfirst-chat textarea")
        self.status = page.locator("askfirst-chat .status")
        self.bubbles = page.locator("askfirst-chat .bubble")
        self.choices = page.locator("askfirst-chat .choices button")

    async def open(self) -> None:
        await self.launcher.click()
        await expect(self.panel).to_be_visible()

    def choice(self, label: str) -> Locator:
        return self.page.get_by_role("button", name=label, exact=True)

    async def write(self, text: str) -> None:
        await self.input.fill(text)
        await self.input.press("Enter")

    async def reads(self, *texts: str) -> None:
        """The log shows exactly these messages."""
        await expect(self.bubbles).to_have_text(list(texts))

    async def stored(self, store: str) -> list[str]:
        keys: list[str] = await self.page.evaluate(f"Object.keys({store}).sort()")
        return keys


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what the fake gateway should come to know."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.02)
