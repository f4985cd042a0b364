"""The widget where a newcomer meets it first: in the demo shop, after buying."""

from socket import socket

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from bot.demo.routes import setup as set_up_demo
from bot.widget.routes import setup as set_up_widget
from preferences.settings import Settings
from tests.bot.demo.fake_gateway import FakeGateway as FakeOrders
from tests.bot.widget.driving import Shopper
from tests.bot.widget.fake_gateway import FakeGateway

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def demo(gateway: FakeGateway):
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(
        port=port, identity_secret=gateway.identity_secret, shopify_secret="s" * 32, demo=True
    )
    app = web.Application()
    gateway.setup(app)
    FakeOrders("s" * 32).setup(app)
    set_up_widget(app)
    set_up_demo(app, settings)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def buy(page: Page, demo: str, shopper: str = "daniel") -> Shopper:
    await page.goto(f"{demo}/?shopper={shopper}")
    await page.get_by_role("button", name="Buy Linen dress").click()
    await expect(page.get_by_text("Your order 1042 is on its way.")).to_be_visible()
    return Shopper(page)


async def test_after_buying_the_assistant_opens_by_itself_and_leaves_the_focus(page, demo, gateway):
    shopper = await buy(page, demo)
    await expect(shopper.choices).to_have_count(4)

    assert gateway.last.subject == "9001"
    assert await page.evaluate("document.activeElement === document.body") is True


async def test_once_closed_it_stays_closed_on_that_order(page, demo):
    shopper = await buy(page, demo)
    await expect(shopper.choices).to_have_count(4)
    await shopper.panel.get_by_role("button", name="Close chat").click()
    await page.reload()
    await page.wait_for_timeout(400)

    await expect(shopper.panel).to_be_hidden()


async def test_changing_the_shopper_changes_the_conversation(page, demo, gateway):
    shopper = await buy(page, demo)
    await shopper.choice("A gift").click()
    await expect(shopper.bubbles).to_have_count(4)
    await page.goto(f"{demo}/?shopper=amira")
    await expect(shopper.choices).to_have_count(4)

    await expect(shopper.bubbles).to_have_count(2)
    assert gateway.last.subject == "9002"


async def test_the_shop_only_browsed_asks_nothing(page, demo, gateway):
    await page.goto(f"{demo}/?shopper=amira")
    await expect(Shopper(page).launcher).to_be_visible()
    await page.wait_for_timeout(300)

    assert not [path for path in gateway.requests if "/v1/chat" in path]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_the_smallest_screen(page, demo, scheme):
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": 320, "height": 640})
    for shopper in ("daniel", "amira", "jonas", "lucia", "noa"):
        await page.goto(f"{demo}/?shopper={shopper}")
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.get_by_role("button", name="Buy Linen dress").click()
    await expect(page.get_by_text("is on its way")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    await page.goto(f"{demo}/demo/playground")

    assert await page.evaluate("document.documentElement.scrollWidth") == 320
