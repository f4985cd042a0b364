"""Coming back: to another page or tab, after a while, as somebody else, through a bad network."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.bot.widget.conftest import identity_of
from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import LABELS, say
from tests.bot.widget.test_sdk import opened

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_answer_while_on_another_page_is_counted_there(page, shop, gateway):
    shopper = await opened(page, shop)
    await shopper.launcher.click()
    gateway.last.add({"from": "assistant", **say("One more thing")})
    await page.goto(f"{shop}/?other=page")

    await expect(page.get_by_role("button", name="Open chat, 1 new message")).to_be_visible()
    await expect(shopper.panel).to_be_hidden()
    assert gateway.acts.count("<opened>") == 1


async def test_what_was_read_in_one_tab_is_read_in_the_other(page, context, shop, gateway):
    first = await opened(page, shop)
    await first.choice("For me").click()
    await expect(first.bubbles).to_have_count(4)
    await first.launcher.click()
    second = Shopper(await context.new_page())
    await second.page.goto(shop)
    await until(lambda: len(gateway.last.streams) == 2)
    gateway.last.add({"from": "assistant", **say("One more thing")})
    news = first.page.get_by_role("button", name="Open chat, 1 new message")
    await expect(news).to_be_visible()
    await second.open()

    await expect(news).to_have_count(0)


async def test_who_signs_out_in_one_tab_is_signed_out_in_the_other(page, context, shop, gateway):
    query = f"?identity={identity_of('42')}"
    first = await opened(page, shop, query)
    await first.choice("For me").click()
    second = Shopper(await context.new_page())
    await second.page.goto(f"{shop}/{query}")
    await second.open()
    await expect(second.bubbles).to_have_count(4)
    await first.page.evaluate("Askfirst.logout()")

    await expect(second.panel).to_be_hidden()
    await expect(second.bubbles).to_have_count(0)
    await second.open()
    await until(lambda: [one.subject for one in gateway.sessions.values()] == [None])


async def test_a_page_from_before_somebody_signed_in_does_not_end_their_conversation(
    page, context, shop, gateway
):
    """It goes on for a stranger, by itself; where they are signed in, all is as it was."""
    old = await opened(page, shop)
    signed_in = Shopper(await context.new_page())
    await signed_in.page.goto(f"{shop}/?identity={identity_of('42')}")
    await signed_in.open()
    await signed_in.write("a secret")
    await expect(signed_in.bubbles.filter(has_text="Noted: a secret")).to_be_visible()
    gateway.end("session-1")
    await old.write("anybody?")
    await expect(old.bubbles.filter(has_text="Noted: anybody?")).to_be_visible()
    await signed_in.page.reload()

    await expect(signed_in.bubbles.filter(has_text="Noted: a secret")).to_be_visible()
    await expect(old.bubbles.filter(has_text="a secret")).to_have_count(0)
    assert [one.get("session") for one in gateway.begun] == [None, "session-1", None]
    await page.goto(f"{shop}/?identity={identity_of('42')}")
    await expect(old.bubbles.filter(has_text="Noted: a secret")).to_be_visible()
    assert len(gateway.begun) == 3


async def test_on_a_page_that_names_nobody_any_more_a_stranger_s_chat_takes_the_place(page, shop):
    shopper = await opened(page, shop, f"?identity={identity_of('42')}")
    await shopper.write("a secret")
    await expect(shopper.bubbles.filter(has_text="Noted")).to_be_visible()
    await page.goto(shop)
    await expect(shopper.choices).to_have_count(len(LABELS))
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    kept = await page.evaluate("JSON.parse(localStorage['askfirst.session']).subject")
    assert kept is None


async def test_who_is_somebody_else_begins_again(page, shop, gateway):
    shopper = await opened(page, shop, f"?identity={identity_of('42')}")
    await shopper.write("a secret")
    await expect(shopper.bubbles.filter(has_text="Noted")).to_be_visible()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Not you? Start again").click()

    await expect(shopper.choices).to_have_count(len(LABELS))
    await expect(shopper.bubbles).to_have_count(2)
    assert [one.subject for one in gateway.sessions.values()] == [None]


async def test_after_a_while_the_device_is_asked_whether_it_is_still_the_same_person(
    page, shop, gateway
):
    shopper = await opened(page, shop)
    for line in gateway.last.log:
        line["at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    await page.reload()
    await page.get_by_role("button", name="Not you? Start again").click()

    await expect(shopper.bubbles).to_have_count(2)
    assert len(gateway.sessions) == 1


async def test_where_streams_are_held_back_the_log_is_asked_for(page, shop, gateway):
    gateway.held_back = True
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS), timeout=12_000)
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)

    assert "GET /v1/chat/log" in gateway.requests
    assert gateway.requests.count("GET /v1/chat/stream") == 1


async def test_a_gateway_that_is_replaced_loses_nothing(page, shop, gateway):
    shopper = await opened(page, shop)
    gateway.broken = True
    gateway.last.tell("end", {})
    await shopper.write("still there?")
    await expect(page.get_by_role("alert").filter(has_text="Not sent")).to_be_visible()
    gateway.broken = False

    await page.get_by_role("button", name="Retry").click()
    await expect(shopper.bubbles.filter(has_text="Noted: still there?")).to_have_count(1)
    assert len(gateway.sessions) == 1


async def test_the_menu_calls_a_person_and_ends_the_questions(page, shop, gateway):
    shopper = await opened(page, shop)
    menu = page.get_by_role("button", name="Menu")
    await menu.click()
    await page.get_by_role("button", name="Talk to a person").click()
    await until(lambda: "I would like to talk to a person" in gateway.acts)
    await menu.click()
    await page.get_by_role("button", name="No more questions").click()

    await until(lambda: gateway.acts[-1] == "stop")
    await menu.click()
    await page.keyboard.press("Escape")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(shopper.panel).to_be_visible()


async def test_the_transcript_is_a_page_with_every_word(page, shop, context):
    await page.add_init_script("window.print = () => { window.printed = true }")
    await context.add_init_script("window.print = () => { window.printed = true }")
    shopper = await opened(page, shop)
    await shopper.write("<b>hello</b>")
    await expect(shopper.bubbles).to_have_count(4)
    await page.get_by_role("button", name="Menu").click()
    async with context.expect_page() as opening:
        await page.get_by_role("button", name="Print or save").click()
    paper = await opening.value
    await expect(paper.locator("dd")).to_have_count(4)

    assert await paper.locator("dd").all_text_contents() == [
        "Hello, I am an automated assistant. You can stop me at any time.",
        "To get suggestions right: is the linen dress a gift, or for you?" + "".join(LABELS),
        "<b>hello</b>",
        "Noted: <b>hello</b>",
    ]
    assert await paper.title() == "Corner Shop assistant (automated)"
