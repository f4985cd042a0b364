"""The widget for everybody: keyboard, screen reader, small screens, colours of any shop."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.bot.widget.driving import Shopper
from tests.bot.widget.fake_gateway import LABELS, QUESTION, question, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCENTS = ["", "#ffe95e", "#001f3f", "#f00", "#7a7a7a", "#767676", "teal", "oklch(0.7 0.2 140)"]
CONTRAST = """node => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const luminance = (colour) => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => {
      const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(node);
  const [a, b] = [luminance(style.color), luminance(style.backgroundColor)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def shopper(page: Page, shop: str) -> Shopper:
    await page.goto(shop)
    return Shopper(page)


async def asked(shopper: Shopper) -> None:
    await shopper.open()
    await expect(shopper.choices).to_have_count(4)


async def test_a_whole_conversation_by_keyboard(shopper, page, gateway):
    await page.focus("#search")
    await page.keyboard.press("Tab")
    await expect(shopper.launcher).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(shopper.input).to_be_focused()
    await expect(shopper.choices).to_have_count(4)
    for _ in range(4):
        await page.keyboard.press("Shift+Tab")
    await expect(shopper.choice("A gift")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(shopper.bubbles).to_have_count(4)
    await expect(shopper.input).to_be_focused()
    await page.keyboard.press("Escape")

    await expect(shopper.panel).to_be_hidden()
    await expect(shopper.launcher).to_be_focused()
    assert gateway.acts == ["<opened>", "A gift"]


async def test_arrow_keys_choose_nothing(shopper, page, gateway):
    await asked(shopper)
    await shopper.choice("A gift").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "Home", "End"):
        await page.keyboard.press(key)
    await page.wait_for_timeout(150)

    assert gateway.acts == ["<opened>"]
    await expect(shopper.choices).to_have_count(4)


async def test_escape_outside_the_panel_belongs_to_the_page(shopper, page):
    await asked(shopper)
    await page.focus("#search")
    await page.keyboard.press("Escape")

    await expect(shopper.panel).to_be_visible()


async def test_roles_and_names_tell_a_screen_reader_what_is_what(shopper, page):
    await asked(shopper)

    log = page.get_by_role("log", name="Conversation")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log).to_have_attribute("aria-relevant", "additions")
    await expect(page.get_by_role("group", name=QUESTION)).to_be_visible()
    await expect(page.get_by_role("textbox", name="Write a message")).to_be_visible()
    dialog = page.get_by_role("dialog", name="Corner Shop assistant (automated)")
    await expect(dialog).to_be_visible()
    await expect(shopper.launcher).to_have_attribute("aria-expanded", "true")
    await expect(shopper.launcher).to_have_attribute("aria-controls", "panel")
    await expect(shopper.status).to_have_attribute("role", "status")


async def test_messages_already_shown_are_left_alone_by_new_ones(shopper, gateway):
    await asked(shopper)
    await shopper.bubbles.first.evaluate("node => { node.marked = true }")
    gateway.last.add({"from": "assistant", **say("more")})
    await expect(shopper.bubbles).to_have_count(3)

    assert await shopper.bubbles.first.evaluate("node => node.marked") is True


async def test_what_was_said_before_is_not_read_out_and_what_comes_is(shopper, page, gateway):
    await asked(shopper)
    await page.add_init_script(
        "live = []; const look = () => { const log = document.querySelector('askfirst-chat')"
        "?.shadowRoot?.querySelector('.log'); if (!log) return void requestAnimationFrame(look);"
        " new MutationObserver(() => live.push(log.ariaLive)).observe(log, {childList: true}) };"
        " look()"
    )
    await page.route("**/v1/chat/stream?*", after_a_while)
    await page.reload()
    await expect(shopper.log).to_have_attribute("aria-live", "polite")
    before = await page.evaluate("live.splice(0)")
    gateway.last.add({"from": "assistant", **say("more")})
    await expect(shopper.bubbles).to_have_count(3)

    assert set(before) == {"off"}
    assert await page.evaluate("live") == ["polite"]


async def after_a_while(route) -> None:
    await route.request.frame.page.wait_for_timeout(300)
    await route.continue_()


async def test_every_target_is_at_least_44_pixels(shopper, page, gateway):
    gateway.broken = True
    await shopper.open()
    await shopper.write("x")
    await expect(page.get_by_role("button", name="Retry")).to_be_visible()
    gateway.broken = False
    await page.get_by_role("button", name="Retry").click()
    await expect(shopper.bubbles.filter(has_text="Noted: x")).to_be_visible()
    gateway.last.add({"from": "assistant", **question()})
    await expect(shopper.choices).to_have_count(4)
    await page.get_by_role("button", name="Menu").click()
    targets = page.locator("askfirst-chat").locator("button, textarea")

    sizes = [await target.bounding_box() for target in await targets.all()]
    assert len(sizes) == 14
    assert min(min(box["width"], box["height"]) for box in sizes if box) >= 44


async def test_what_has_the_focus_is_never_covered(shopper, page, gateway):
    """Reached from above, by the keyboard: the field below the log stands over none of it."""
    gateway.script = lambda _act: [say("line\n" * 60), question()]
    await asked(shopper)
    await shopper.log.focus()
    await shopper.log.evaluate("node => { node.scrollTop = 0 }")
    seen = (
        "node => { const {left, top, right, bottom} = node.getBoundingClientRect();"
        " return [top + 1, (top + bottom) / 2, bottom - 1].every(y =>"
        " node.getRootNode().elementFromPoint((left + right) / 2, y) === node) }"
    )

    for label in LABELS:
        await page.keyboard.press("Tab")
        await expect(shopper.choice(label)).to_be_focused()
        assert await shopper.choice(label).evaluate(seen), label


async def test_choices_have_equal_weight(shopper):
    await asked(shopper)

    looks = await shopper.choices.evaluate_all(
        "all => all.map(one => { const {width, height} = one.getBoundingClientRect();"
        " const style = getComputedStyle(one);"
        " return [Math.round(width), Math.round(height), style.color, style.backgroundColor,"
        " style.borderColor, style.fontWeight].join() })"
    )
    assert len(set(looks)) == 1


@pytest.mark.parametrize("width", [320, 390])
async def test_a_small_screen_gets_a_full_sheet_without_sideways_scrolling(
    shopper, page, gateway, width
):
    gateway.script = lambda _act: [say("W" * 300), question(labels=["L" * 60, "No"])]
    await page.set_viewport_size({"width": width, "height": 600})
    await shopper.open()
    await expect(shopper.choices).to_have_count(2)

    box = await shopper.panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": width, "height": 600}
    for place in (
        "document.scrollingElement",
        "document.querySelector('askfirst-chat').shadowRoot.querySelector('.log')",
    ):
        assert await page.evaluate(f"{place}.scrollWidth - {place}.clientWidth") <= 0
    assert await shopper.panel.evaluate("node => node.matches(':modal')") is True


async def test_a_sheet_the_page_opens_is_partial_until_the_shopper_writes(shopper, page):
    await page.set_viewport_size({"width": 360, "height": 700})
    await page.focus("#search")
    await page.evaluate("Askfirst.open()")
    await expect(shopper.choices).to_have_count(4)
    partial = await shopper.panel.bounding_box()
    await expect(page.locator("#search")).to_be_focused()
    await shopper.input.click()

    await expect(shopper.panel).to_have_js_property("offsetHeight", 700)
    await expect(shopper.input).to_be_focused()
    assert partial is not None
    assert partial["height"] < 600
    assert await shopper.panel.evaluate("node => node.matches(':modal')") is True


async def test_the_page_beside_an_open_window_stays_usable(shopper, page):
    await asked(shopper)
    await page.fill("#search", "socks")

    await expect(shopper.panel).to_be_visible()
    assert await shopper.panel.evaluate("node => node.matches(':modal')") is False


async def test_reduced_motion_moves_nothing(shopper, page, gateway):
    await page.emulate_media(reduced_motion="reduce")
    await asked(shopper)
    gateway.last.tell("status", {"state": "thinking"})
    await expect(shopper.status).to_contain_text("typing")

    assert (
        await page.evaluate(
            "document.querySelector('askfirst-chat').shadowRoot.getAnimations().length"
        )
        == 0
    )
    for part in (shopper.panel, page.locator("askfirst-chat .dots i").first):
        assert await part.evaluate("node => getComputedStyle(node).animationName") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_on_a_shops_own_accent_can_be_read(shopper, page, scheme):
    await page.emulate_media(color_scheme=scheme)
    await asked(shopper)
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    for accent in ACCENTS:
        await page.evaluate(
            "accent => document.querySelector('askfirst-chat')"
            ".style.setProperty('--askfirst-accent', accent)",
            accent,
        )
        for part in (shopper.launcher, shopper.bubbles.nth(2), page.locator(".send")):
            assert await part.evaluate(CONTRAST) >= 4.5, accent


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_words_can_be_read_on_their_ground(shopper, page, scheme):
    await page.emulate_media(color_scheme=scheme)
    await asked(shopper)

    for part in (shopper.panel, shopper.bubbles.first, shopper.choices.first):
        assert await part.evaluate(CONTRAST) >= 4.5


async def test_text_twice_as_large_still_fits(shopper, page):
    await page.set_viewport_size({"width": 640, "height": 480})
    await page.evaluate(
        "document.querySelector('askfirst-chat').style.setProperty('--askfirst-font-size', '32px')"
    )
    await asked(shopper)

    assert (
        await page.evaluate(
            "(log => log.scrollWidth - log.clientWidth)"
            "(document.querySelector('askfirst-chat').shadowRoot.querySelector('.log'))"
        )
        <= 0
    )
    await expect(shopper.input).to_be_in_viewport()


async def test_in_a_right_to_left_page_the_launcher_stands_on_the_left(page, shop):
    shopper = Shopper(page)
    await page.goto(f"{shop}/?dir=rtl")
    await asked(shopper)

    launcher, panel = await shopper.launcher.bounding_box(), await shopper.panel.bounding_box()
    assert launcher is not None
    assert panel is not None
    assert launcher["x"] == panel["x"] == 20


async def test_forced_colours_keep_every_outline(shopper, page):
    await page.emulate_media(forced_colors="active")
    await asked(shopper)

    send, bubble = page.locator("askfirst-chat .send"), shopper.bubbles.first
    for part in (shopper.launcher, shopper.choices.first, bubble, send):
        width = await part.evaluate("node => getComputedStyle(node).borderTopWidth")
        assert re.match(r"[1-9]", width)
    icon, ground = await shopper.launcher.evaluate(
        "node => [getComputedStyle(node, '::before'), getComputedStyle(node)]"
        ".map(style => style.backgroundColor)"
    )
    assert icon != ground


async def test_by_touch_neither_opening_nor_answering_calls_the_keyboard(browser, shop):
    context = await browser.new_context(
        viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True
    )
    shopper = Shopper(await context.new_page())
    await shopper.page.goto(shop)
    await shopper.launcher.tap()
    await expect(shopper.choices).to_have_count(4)
    await expect(shopper.log).to_be_focused()
    await shopper.choice("For me").tap()
    await expect(shopper.bubbles).to_have_count(4)

    await expect(shopper.log).to_be_focused()
    await context.close()
