"""What a shop's engineers call: before the chat is there, while it is open, and to end it."""

import re

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from tests.bot.widget.conftest import PACKAGE, POLICY, identity_of
from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import ASSISTANT, LABELS, FakeGateway, progress, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTEN = (
    "heard = []; for (const name of %s) Askfirst.on(name, detail => heard.push("
    "[name, detail?.question ?? detail?.state ?? detail?.reason ?? detail ?? null])); null"
)


async def heard(page: Page) -> list[list[object]]:
    told: list[list[object]] = await page.evaluate("heard")
    return told


async def opened(page: Page, shop: str, query: str = "") -> Shopper:
    shopper = Shopper(page)
    await page.goto(f"{shop}/{query}")
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS))
    return shopper


async def test_calls_made_before_the_loader_is_there_are_made_then(page, shop, gateway):
    token = identity_of("42")
    queue = f"window.Askfirst = [['identify', {{token: '{token}'}}], ['setLocale', 'de'], ['open']]"
    await page.add_init_script(queue)
    await page.goto(shop)
    await expect(Shopper(page).choices).to_have_count(len(LABELS))
    await page.evaluate("Askfirst.push(['close'])")

    await expect(Shopper(page).panel).to_be_hidden()
    assert gateway.last.subject == "42"
    assert gateway.begun[0]["locale"] == "de"


async def test_nothing_is_there_before_boot_where_it_does_not_load_by_itself(page, shop, gateway):
    await page.goto(f"{shop}/?autoload=false")
    await page.wait_for_timeout(200)
    await expect(page.locator("askfirst-chat")).to_have_count(0)
    await page.evaluate("Askfirst.boot({position: 'start', locale: 'es'})")

    await expect(page.get_by_role("button", name="Abrir chat")).to_be_visible()
    box = await Shopper(page).launcher.bounding_box()
    assert box is not None
    assert box["x"] == 20
    assert gateway.sessions == {}


async def test_the_page_may_bring_the_element_itself(page, shop):
    await page.goto(f"{shop}/element")
    await expect(page.locator("askfirst-chat")).to_have_count(1)
    await page.get_by_role("button", name="Chat öffnen").click()

    await expect(Shopper(page).panel).to_be_visible()


async def test_the_module_boots_the_same_chat(page, shop):
    await page.goto(f"{shop}/module")
    await page.get_by_role("button", name="Abrir chat").click()
    await expect(Shopper(page).choices).to_have_count(len(LABELS))

    assert await page.evaluate("shopModule.askfirst === window.Askfirst")


async def test_who_is_told_by_name_and_token_alike_is_taken_only_if_they_agree(page, shop, gateway):
    await opened(page, shop)
    await page.evaluate(LISTEN % "['error']")
    give = "token => Askfirst.identify({userId: 43, token})"
    await page.evaluate(give, identity_of("42"))
    assert await heard(page) == [["error", "identity"]]
    await page.evaluate(give, identity_of("43"))

    await until(lambda: gateway.last.subject == "43")


async def test_logout_ends_the_session_at_the_gateway_too(page, shop, gateway):
    await opened(page, shop, f"?identity={identity_of('42')}")
    await page.evaluate("Askfirst.logout()")

    await until(lambda: gateway.sessions == {})
    assert await Shopper(page).stored("localStorage") == []


async def test_logout_on_a_page_that_never_booted_the_chat_ends_it_as_well(page, shop, gateway):
    shopper = await opened(page, shop)
    await page.evaluate("Askfirst.close()")
    await page.goto(f"{shop}/?autoload=false")
    await page.evaluate("Askfirst.logout()")

    await until(lambda: gateway.sessions == {})
    assert await shopper.stored("localStorage") == []


async def test_logout_forgets_what_is_kept_here_though_the_chat_cannot_be_loaded(page, shop):
    shopper = await opened(page, shop)
    await page.route("**/widget/chat.js", lambda route: route.abort())
    await page.reload()
    await page.evaluate("Askfirst.logout()")

    assert await shopper.stored("localStorage") == []
    assert await shopper.stored("sessionStorage") == []


async def test_show_and_hide_move_the_whole_of_it(page, shop):
    shopper = await opened(page, shop)
    await page.evaluate("Askfirst.hide()")
    await expect(shopper.launcher).to_be_hidden()
    await expect(shopper.panel).to_be_hidden()
    await page.evaluate("Askfirst.show()")

    await expect(shopper.launcher).to_be_visible()
    await expect(shopper.panel).to_be_hidden()


async def test_toggle_opens_what_is_closed_and_closes_what_is_open(page, shop):
    shopper = await opened(page, shop)
    await page.evaluate("Askfirst.toggle()")
    await expect(shopper.panel).to_be_hidden()
    await page.evaluate("Askfirst.toggle()")

    await expect(shopper.panel).to_be_visible()


async def test_what_the_page_tells_wrongly_is_an_error_of_its_own(page, shop, gateway):
    await opened(page, shop)
    await page.evaluate(LISTEN % "['error']")
    await page.evaluate("Askfirst.track('ordre', {id: 1})")

    assert await heard(page) == [["error", "track"]]
    assert gateway.acts == ["<opened>"]


async def test_another_language_keeps_the_conversation_and_what_is_being_written(
    page, shop, gateway
):
    shopper = await opened(page, shop)
    await shopper.input.fill("half a sen")
    await page.evaluate("Askfirst.setLocale('de')")

    await expect(shopper.input).to_have_attribute("placeholder", "Nachricht schreiben")
    await expect(shopper.input).to_have_value("half a sen")
    await expect(shopper.input).to_be_focused()
    await expect(shopper.choices).to_have_count(len(LABELS))
    await until(lambda: [one["locale"] for one in gateway.changed] == ["de"])
    await expect(page.get_by_role("heading")).to_have_text(["A shop", f"{ASSISTANT} (de)"])


async def test_a_theme_holds_for_launcher_and_panel_and_takes_no_other_css(page, shop):
    shopper = await opened(page, shop)
    await page.evaluate(
        "Askfirst.setTheme({accent: '#c00', surface: '#fffbe6', scheme: 'light', radius: '4px',"
        " text: 'red;} *{display:none', bogus: 'url(x)'})"
    )
    colour = "(node, name) => getComputedStyle(node).getPropertyValue(name)"

    assert await shopper.launcher.evaluate(colour, "background-color") == "rgb(204, 0, 0)"
    assert await shopper.panel.evaluate(colour, "background-color") == "rgb(255, 251, 230)"
    assert await shopper.panel.evaluate(colour, "border-radius") == "4px"
    assert await shopper.panel.evaluate(colour, "color") == "rgb(27, 34, 32)"


async def test_a_theme_given_at_boot_holds_for_the_launcher_at_once(page, shop):
    await page.goto(f"{shop}/?autoload=false")
    await page.evaluate("Askfirst.boot({theme: {accent: 'rgb(1, 2, 3)'}})")

    background = "node => getComputedStyle(node).backgroundColor"
    assert await Shopper(page).launcher.evaluate(background) == "rgb(1, 2, 3)"


async def test_events_tell_what_became_of_questions_permission_and_person(page, shop, gateway):
    await page.goto(shop)
    names = ["question:shown", "question:answered", "question:skipped", "consent:changed"]
    await page.evaluate(LISTEN % [*names, "handoff:start", "handoff:end"])
    await Shopper(page).open()
    await expect(Shopper(page).choices).to_have_count(len(LABELS))
    first = {"ask": "1", "question": "gift_or_self", "outcome": None}
    second = {"ask": "2", "question": "how_was_it", "outcome": None}
    talk = gateway.last
    talk.stands(questions=[first])
    talk.stands(questions=[first | {"outcome": "answered"}], consents={"tailor": "given"})
    talk.stands(questions=[second, first | {"outcome": "answered"}])
    talk.stands(questions=[second | {"outcome": "declined"}, first | {"outcome": "answered"}])
    talk.stands(person=True)
    talk.stands(person=False, consents={"tailor": "withdrawn"})
    await page.wait_for_function("heard.length >= 8")

    assert await heard(page) == [
        ["question:shown", "gift_or_self"],
        ["question:answered", "gift_or_self"],
        ["consent:changed", "given"],
        ["question:shown", "how_was_it"],
        ["question:skipped", "how_was_it"],
        ["handoff:start", None],
        ["consent:changed", "withdrawn"],
        ["handoff:end", None],
    ]


async def test_a_page_hears_what_is_unread_and_that_somebody_signed_out(page, shop, gateway):
    await page.add_init_script("window.Askfirst = [['on', 'ready', () => { window.early = true }]]")
    shopper = await opened(page, shop)
    await page.evaluate(LISTEN % "['ready', 'unread', 'close', 'logout']")
    await shopper.launcher.click()
    for _ in range(2):
        gateway.last.add({"from": "assistant", "kind": "say", "text": "More", "choices": []})
    await page.wait_for_function("heard.some(([name, count]) => name === 'unread' && count === 2)")
    await shopper.open()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Not you? Start again").click()
    await page.wait_for_function("heard.some(([name]) => name === 'logout')")

    told = await heard(page)
    assert await page.evaluate("window.early")
    assert told[:2] == [["ready", None], ["close", None]]
    assert [count for name, count in told if name == "unread"][-2:] == [2, 0]


async def test_a_connection_that_breaks_again_and_again_is_told_once(page, shop, gateway):
    shopper = await opened(page, shop)
    await page.evaluate(LISTEN % "['error']")
    gateway.broken = True
    gateway.last.tell("end", {})
    await expect(shopper.status).to_have_text("No connection. Trying again…")
    tried = gateway.requests.count("GET /v1/chat/stream")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await until(lambda: gateway.requests.count("GET /v1/chat/stream") > tried)
    await page.wait_for_timeout(100)

    assert await heard(page) == [["error", "connection"]]


async def test_what_was_there_before_the_page_is_no_news(page, shop, gateway):
    shopper = await opened(page, shop)
    asked = {"ask": "1", "question": "gift_or_self", "outcome": "answered"}
    gateway.last.progress = progress(questions=[asked], consents={"tailor": "given"}, person=True)
    await page.reload()
    await page.evaluate(LISTEN % "['question:answered', 'consent:changed', 'handoff:start']")
    await expect(shopper.status).to_have_text("A person from the shop will answer here.")

    assert await heard(page) == []


async def test_an_order_is_told_once_and_only_in_a_chat_that_began(page, shop, gateway):
    await page.goto(shop)
    order = "Askfirst.track('order', {id: 'A 1042'})"
    await page.evaluate(order)
    await Shopper(page).open()
    await expect(Shopper(page).choices).to_have_count(len(LABELS))
    await page.evaluate(f"{order}; {order}; Askfirst.track('product_view', {{sku: 'x'}})")
    await until(lambda: len(gateway.received) == 3)
    await page.evaluate(order)
    await page.wait_for_timeout(200)

    assert [one["event"] for one in gateway.received] == ["opened", "purchased", "viewed"]
    assert gateway.received[1]["client_message_id"] == "order-A-1042"


async def test_a_question_that_the_shopper_closes_at_once_is_told_with_how_long_it_was_seen(
    page, shop, gateway
):
    shopper = await opened(page, shop)
    await shopper.launcher.click()
    await until(lambda: len(gateway.received) == 2)

    told = gateway.received[1]
    assert (told["event"], told["seq"]) == ("dismissed", 2)
    assert 0 <= told["seconds"] < 10
    await shopper.open()
    await shopper.launcher.click()
    await page.wait_for_timeout(200)
    assert gateway.acts == ["<opened>", "<dismissed>"]  # once for each question


@pytest.mark.parametrize("closing", ["Askfirst.close()", "Askfirst.hide()"])
async def test_what_the_page_closes_was_not_dismissed(page, shop, gateway, closing):
    shopper = await opened(page, shop)
    await page.evaluate(closing)
    await expect(shopper.panel).to_be_hidden()
    await page.wait_for_timeout(200)

    assert gateway.acts == ["<opened>"]


async def test_what_was_answered_or_stood_there_before_is_not_dismissed(page, shop, gateway):
    shopper = await opened(page, shop)
    await page.reload()
    await expect(shopper.choices).to_have_count(len(LABELS))
    await shopper.launcher.click()
    await shopper.open()
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)
    await shopper.launcher.click()
    await page.wait_for_timeout(200)

    assert gateway.acts == ["<opened>", "For me"]


async def test_what_brought_the_shopper_goes_along_when_the_chat_is_opened(page, shop, gateway):
    await opened(page, shop, "?utm_campaign=geschenke&utm_source=ann")

    [told] = gateway.received
    assert {name: told[name] for name in told if name != "client_message_id"} == {
        "event": "opened",
        "entry": "geschenke",
    }


async def test_where_the_shopper_is_is_told_when_the_page_says_so(page, shop, gateway):
    await opened(page, shop)
    await page.evaluate("Askfirst.track('surroundings', {place: 'DE-BE', weather: 'rain'})")
    await until(lambda: len(gateway.received) == 2)

    told = gateway.received[1]
    assert (told["event"], told["place"], told["weather"]) == ("surroundings", "DE-BE", "rain")


async def test_the_gateway_is_told_where_the_device_is_and_what_its_browser_signals(
    browser, shop, gateway
):
    context = await browser.new_context(timezone_id="America/Lima")
    await context.add_init_script(
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
    )
    await opened(await context.new_page(), shop)
    await context.close()

    assert gateway.begun == [{"locale": "en", "zone": "America/Lima", "gpc": True}]


async def test_the_methods_are_those_that_the_declarations_name(page, shop):
    await page.goto(shop)
    methods = await page.evaluate("Object.keys(Askfirst)")
    types = (PACKAGE / "index.d.ts").read_text()
    declared = types.partition("export interface Askfirst {")[2].partition("\n}\n")[0]

    assert set(methods) == {"load", *re.findall(r"^  (\w+)[<(]", declared, re.MULTILINE)}


async def test_works_on_a_page_whose_style_sheets_fight_everything(
    page, shop, gateway: FakeGateway
):
    hostile = (
        "*{display:none!important;all:unset!important;color:red!important;font-size:3px!important;"
        "--text:red;--accent:red;--surface:red;visibility:hidden!important;transform:rotate(9deg)}"
        "button{display:none!important}askfirst-chat{position:static!important;opacity:0!important}"
    )

    async def fought(_request: web.Request) -> web.Response:
        html = (
            "<!doctype html><title>x</title><style nonce=a>" + hostile + "</style>"
            f'<script async src="{shop}/widget/askfirst.js"></script><body><h1>x</h1>'
        )
        policy = POLICY.replace("'self'", f"'self' {shop}") + "; style-src 'nonce-a'"
        headers = {"Content-Security-Policy": policy}
        return web.Response(text=html, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", fought)
    async with serving(app) as address:
        gateway.allow_origin = address
        shopper = Shopper(page)
        await page.goto(address)
        await shopper.open()
        await shopper.choice("For me").click()
        await expect(shopper.bubbles).to_have_count(4)

        look = await shopper.bubbles.first.evaluate(
            "node => [getComputedStyle(node).fontSize, getComputedStyle(node).color]"
        )
        box = await shopper.launcher.bounding_box()
    assert look == ["16px", "rgb(27, 34, 32)"]
    assert box == {"x": 948, "y": 684, "width": 56, "height": 56}
