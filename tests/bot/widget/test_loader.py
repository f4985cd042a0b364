"""The loader on a shop's page: what it asks for, what it keeps, and what a shop can do with it."""

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.bot.widget.conftest import identity_of, shop_page
from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nothing_is_requested_or_stored_before_the_chat_is_opened(
    page, context, shop, gateway
):
    await page.goto(f"{shop}/?identity={identity_of('1')}")
    await expect(Shopper(page).launcher).to_be_visible()
    await page.wait_for_timeout(400)

    asked_for = [path for path in gateway.requests if "favicon" not in path]
    assert asked_for == ["GET /", "GET /widget/askfirst.js"]
    assert await Shopper(page).stored("localStorage") == []
    assert await Shopper(page).stored("sessionStorage") == []
    assert await context.cookies() == []


async def test_a_chat_the_shopper_opened_outlives_the_tab(page, shop):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)

    assert await shopper.stored("localStorage") == ["askfirst.session"]


async def test_a_chat_the_page_opened_is_kept_for_the_tab_until_the_shopper_acts(page, shop):
    shopper = Shopper(page)
    await page.goto(shop)
    await page.evaluate("Askfirst.open()")
    await expect(shopper.choices).not_to_have_count(0)
    before = await shopper.stored("localStorage")
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    assert before == []
    assert await shopper.stored("localStorage") == ["askfirst.session"]


async def test_where_the_browser_blocks_storage_somebody_talks_as_ever(page, context, shop):
    errors, shopper = [], Shopper(page)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.add_init_script("""
        for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
            Object.defineProperty(window, name, {
                get() { throw new DOMException("blocked", "SecurityError"); },
            });
    """)
    await page.goto(shop)
    await shopper.open()
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    assert errors == []
    assert await context.cookies() == []


async def test_opening_by_the_page_leaves_the_focus_and_by_the_shopper_takes_it(page, shop):
    shopper = Shopper(page)
    await page.goto(shop)
    await page.focus("#search")
    await page.evaluate("Askfirst.open()")
    await expect(shopper.panel).to_be_visible()
    await expect(page.locator("#search")).to_be_focused()
    await page.evaluate("Askfirst.close()")
    await shopper.open()

    await expect(shopper.input).to_be_focused()


async def test_after_a_reload_the_chat_is_open_only_if_it_was(page, shop):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await page.reload()
    await expect(shopper.panel).to_be_visible()
    await shopper.launcher.click()
    await expect(shopper.panel).to_be_hidden()
    await page.reload()
    await page.wait_for_timeout(300)

    await expect(shopper.panel).to_be_hidden()


async def test_a_page_can_listen_and_stop_listening(page, shop, gateway):
    await page.goto(shop)
    await page.evaluate(
        "heard = []; for (const name of ['open', 'close', 'message'])"
        " off = Askfirst.on(name, detail => heard.push(detail?.kind ?? name)); null"
    )
    await page.evaluate("Askfirst.open()")
    await expect(Shopper(page).choices).not_to_have_count(0)
    await page.evaluate("off(); Askfirst.toggle()")
    await expect(Shopper(page).panel).to_be_hidden()
    gateway.last.add({"from": "assistant", "kind": "say", "text": "More", "choices": []})
    await expect(page.locator("askfirst-chat .badge")).to_have_text("1")

    assert await page.evaluate("heard") == ["open", "say", "question", "close"]


async def test_events_tell_no_words_of_the_conversation(page, shop):
    await page.goto(shop)
    await page.evaluate("heard = []; Askfirst.on('message', detail => heard.push(detail)); null")
    await page.evaluate("Askfirst.open()")
    await expect(Shopper(page).choices).not_to_have_count(0)

    assert [set(one) for one in await page.evaluate("heard")] == [{"seq", "from", "kind"}] * 2


async def test_identify_changes_the_conversation_with_the_person(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    await page.evaluate("token => Askfirst.identify({token})", identity_of("42"))
    await until(lambda: gateway.last.subject == "42" and len(gateway.last.log) == 2)

    await expect(shopper.bubbles).to_have_count(2)


async def test_who_signs_in_offers_the_session_of_before_once(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    await page.goto(f"{shop}/?identity={identity_of('42')}")  # the chat opens again by itself
    await until(lambda: len(gateway.begun) == 2)
    await page.evaluate("token => Askfirst.identify({token})", identity_of("43"))
    await until(lambda: len(gateway.begun) == 3)

    assert [one.get("session") for one in gateway.begun] == [None, "session-1", None]


async def test_who_signs_in_on_the_page_offers_the_session_of_before(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    await page.evaluate("token => Askfirst.identify({token})", identity_of("42"))
    await until(lambda: len(gateway.begun) == 2)

    assert [one.get("session") for one in gateway.begun] == [None, "session-1"]


async def test_logout_forgets_everything_and_closes(page, shop):
    shopper = Shopper(page)
    await page.goto(f"{shop}/?identity={identity_of('42')}")
    await shopper.open()
    await shopper.write("a secret")
    await expect(shopper.bubbles.filter(has_text="Noted")).to_be_visible()
    await page.evaluate("Askfirst.logout()")

    await expect(shopper.panel).to_be_hidden()
    await expect(shopper.bubbles).to_have_count(0)
    assert await shopper.stored("localStorage") == []
    assert await shopper.stored("sessionStorage") == []


async def test_destroy_leaves_no_trace_on_the_page(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    await page.evaluate("Askfirst.destroy()")
    await page.evaluate("document.documentElement.append(document.createElement('template'))")

    await expect(page.locator("askfirst-chat")).to_have_count(0)
    assert await page.evaluate("'Askfirst' in window") is False
    await until(lambda: not gateway.last.streams)


async def test_the_launcher_survives_a_page_that_swaps_its_body(page, shop):
    await page.goto(shop)
    await expect(Shopper(page).launcher).to_be_visible()
    await page.evaluate(
        "document.documentElement.replaceChild(document.createElement('body'), document.body)"
    )

    await expect(Shopper(page).launcher).to_have_count(1)


async def test_a_chat_that_could_not_be_loaded_can_be_tried_again(page, shop):
    shopper = Shopper(page)
    await page.goto(shop)
    await page.route("**/widget/chat.js", lambda route: route.abort())
    await page.evaluate("heard = []; Askfirst.on('error', ({reason}) => heard.push(reason)); null")
    await shopper.launcher.click()
    await expect(page.get_by_role("button", name="not loaded")).to_be_visible()
    assert await page.evaluate("heard") == ["load"]
    await page.unroute("**/widget/chat.js")
    await shopper.open()

    await expect(shopper.choices).not_to_have_count(0)


async def test_works_on_a_shop_of_another_origin(page, shop, gateway):
    async def foreign(_request: web.Request) -> web.Response:
        return web.Response(text=shop_page({}, widget=shop), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", foreign)
    async with serving(app) as address:
        gateway.allow_origin = address
        shopper = Shopper(page)
        await page.goto(address)
        await shopper.open()
        await shopper.choice("For me").click()

        await expect(shopper.bubbles).to_have_count(4)


async def test_where_the_browser_keeps_nothing_a_conversation_goes_all_the_same(
    page, context, shop, gateway
):
    await page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name,"
        " { get() { throw new DOMException('blocked', 'SecurityError') } })"
    )
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    assert gateway.acts == ["<opened>", "For me"]
    assert await context.cookies() == []


async def test_a_tab_nobody_looks_at_holds_no_connection(page, shop, gateway):
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    change = "document.dispatchEvent(new Event('visibilitychange'))"
    await page.evaluate(hide % "true" + change)
    await until(lambda: not gateway.last.streams)
    gateway.last.add({"from": "assistant", "kind": "say", "text": "Later", "choices": []})
    await page.evaluate(hide % "false" + change)

    await expect(shopper.bubbles).to_have_count(3)
