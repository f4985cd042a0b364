"""A conversation in the widget, from the first opening to the last answer."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.bot.widget.conftest import identity_of
from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import (
    ASSISTANT,
    LABELS,
    QUESTION,
    gift_or_self,
    question,
    say,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO = gift_or_self({"event": "opened"})[0]["text"]


async def asked(page: Page, shop: str, **query: str) -> Shopper:
    """A shopper who has opened the chat and been asked the question."""
    shopper = Shopper(page)
    await page.goto(shop + "/?" + "&".join(f"{key}={value}" for key, value in query.items()))
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(LABELS))
    return shopper


async def test_opening_names_the_automated_assistant_and_asks(page, shop, gateway):
    shopper = await asked(page, shop)

    await expect(page.get_by_role("heading", name=ASSISTANT)).to_be_visible()
    await shopper.reads(HELLO, QUESTION)
    assert gateway.acts == ["<opened>"]


async def test_a_button_answers_with_its_token_and_stays_readable_as_its_label(page, shop, gateway):
    shopper = await asked(page, shop)
    await shopper.choice("A gift").click()

    await shopper.reads(
        HELLO, QUESTION, "A gift", "Thanks, noted: I'll leave it out of your suggestions."
    )
    await expect(shopper.choices).to_have_count(0)
    assert gateway.received[1]["press"] == "press-A gift"
    assert "text" not in gateway.received[1]


async def test_words_answer_as_well_and_take_the_buttons_away(page, shop, gateway):
    shopper = await asked(page, shop)
    await shopper.write("it's for my sister's birthday")

    await shopper.reads(
        HELLO, QUESTION, "it's for my sister's birthday", "Noted: it's for my sister's birthday"
    )
    await expect(shopper.choices).to_have_count(0)
    assert gateway.acts == ["<opened>", "it's for my sister's birthday"]


async def test_a_question_asked_again_has_the_only_buttons(page, shop):
    shopper = await asked(page, shop)
    await shopper.write("why do you ask?")
    await expect(shopper.bubbles).to_have_count(4)

    await expect(shopper.choices).to_have_text(LABELS)


async def test_reload_in_the_middle_shows_the_same_conversation_and_takes_the_answer(
    page, shop, gateway
):
    shopper = await asked(page, shop)
    await page.reload()

    await shopper.reads(HELLO, QUESTION)
    await shopper.choice("For me").click()
    await shopper.reads(HELLO, QUESTION, "For me", "Great, noted.")
    assert gateway.acts == ["<opened>", "For me"]
    assert len(gateway.sessions) == 1


async def test_an_answered_question_has_no_buttons_after_a_reload(page, shop):
    shopper = await asked(page, shop)
    await shopper.choice("For me").click()
    await expect(shopper.bubbles).to_have_count(4)
    await page.reload()

    await expect(shopper.bubbles).to_have_count(4)
    await expect(shopper.choices).to_have_count(0)


async def test_a_question_the_gateway_closed_has_no_buttons(page, shop, gateway):
    gateway.script = lambda _act: [question() | {"closed": True}]
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()

    await shopper.reads(QUESTION)
    await expect(shopper.choices).to_have_count(0)


async def test_while_the_assistant_wakes_words_are_kept_and_answered_in_order(page, shop, gateway):
    gateway.waking = True
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.status).to_contain_text("waking up")
    await shopper.write("first")
    await shopper.write("second")
    await until(lambda: gateway.acts[-2:] == ["first", "second"])
    gateway.wake()

    await expect(shopper.bubbles.filter(has_text="Noted: second")).to_be_visible()
    texts = await shopper.bubbles.all_text_contents()
    assert texts.index("Noted: first") < texts.index("Noted: second")
    await expect(shopper.status).not_to_contain_text("waking up")


async def test_thinking_is_shown_and_ends_with_the_answer(page, shop, gateway):
    shopper = await asked(page, shop)
    gateway.last.tell("status", {"state": "thinking"})
    await expect(shopper.status).to_contain_text("typing")
    gateway.last.add({"from": "assistant", **say("Here it is")})

    await expect(shopper.status).to_have_text("")


async def test_a_thousand_characters_go_and_one_more_is_neither_sent_nor_cut(page, shop, gateway):
    shopper = await asked(page, shop)
    await shopper.write("x" * 1001)
    await expect(page.locator("askfirst-chat .counter")).to_have_text("1 characters too many")
    await expect(shopper.input).to_have_value("x" * 1001)
    await shopper.write("   ")
    await shopper.write("y" * 1000)
    await until(lambda: len(gateway.acts) == 2)

    assert gateway.acts[1] == "y" * 1000


async def test_an_answer_while_the_chat_is_closed_is_counted_on_the_launcher(page, shop, gateway):
    shopper = await asked(page, shop)
    await shopper.launcher.click()
    await expect(shopper.panel).to_be_hidden()
    gateway.last.add({"from": "assistant", **say("One more thing")})

    await expect(page.get_by_role("button", name="Open chat, 1 new message")).to_be_visible()
    await expect(page.locator("askfirst-chat .badge")).to_have_text("1")
    await expect(page.get_by_role("status").filter(has_text="1 new message")).to_have_count(1)
    await shopper.open()
    await expect(page.locator("askfirst-chat .badge")).to_be_hidden()


async def test_an_expired_session_is_replaced_and_the_words_arrive_once(page, shop, gateway):
    shopper = await asked(page, shop, identity=identity_of("9001"))
    gateway.expire_sessions()
    await shopper.write("still here?")

    await expect(shopper.bubbles.filter(has_text="Noted: still here?")).to_be_visible()
    assert gateway.acts.count("still here?") == 1
    assert [c.subject for c in gateway.sessions.values()] == ["9001"]


async def test_an_identity_that_ran_out_is_asked_for_again(page, shop, gateway):
    await asked(page, shop, identity=identity_of("77", life=-60), **{"identity-url": "/fresh"})

    assert gateway.last.subject == "77"


async def test_an_identity_that_ran_out_and_has_no_source_serves_a_stranger(page, shop, gateway):
    await asked(page, shop, identity=identity_of("77", life=-60))

    assert gateway.last.subject is None


async def test_another_shopper_on_the_same_browser_sees_nothing_of_the_first(page, shop, gateway):
    first = await asked(page, shop, identity=identity_of("9001"))
    await first.write("a secret")
    await until(lambda: len(gateway.acts) == 2)
    second = Shopper(page)
    await page.goto(f"{shop}/?identity={identity_of('9002')}")

    await second.reads(HELLO, QUESTION)
    await until(lambda: [c.subject for c in gateway.sessions.values()] == ["9002"])


async def test_words_follow_the_page_language(page, shop):
    shopper = await asked(page, shop, locale="es-MX")

    await expect(shopper.input).to_have_attribute("placeholder", "Escribe un mensaje")


async def test_each_message_has_its_own_direction_and_language(page, shop, gateway):
    gateway.script = lambda _act: [say("مرحبا بكم في متجرنا", lang="ar")]
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()

    await expect(shopper.bubbles).to_have_attribute("lang", "ar")
    assert await shopper.bubbles.evaluate("node => getComputedStyle(node).direction") == "rtl"


async def test_coming_back_after_a_while_is_told_to_the_assistant_once(page, shop, gateway):
    shopper = await asked(page, shop)
    for line in gateway.last.log:
        line["at"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    gateway.script = lambda _act: []
    await page.reload()
    await until(lambda: gateway.acts == ["<opened>", "<opened>"])
    await shopper.launcher.click()
    await shopper.open()
    await page.wait_for_timeout(500)

    assert gateway.acts == ["<opened>", "<opened>"]


async def test_messages_of_another_day_say_which(page, shop, gateway):
    shopper = await asked(page, shop)
    gateway.last.log[0]["at"] = "2026-03-08T12:00:00Z"
    await page.reload()
    await expect(shopper.bubbles).to_have_count(2)

    days = page.locator("askfirst-chat .day")
    await expect(days.first).to_have_text("March 8, 2026")
