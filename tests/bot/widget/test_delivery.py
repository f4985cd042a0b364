"""What the shopper said arrives once, in order, whatever the network does."""

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.bot.widget.driving import Shopper, until
from tests.bot.widget.fake_gateway import say

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def shopper(page: Page, shop: str) -> Shopper:
    """Somebody who has been asked the question."""
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).not_to_have_count(0)
    return shopper


def unsent(shopper: Shopper):
    return shopper.page.get_by_role("alert").filter(has_text="Not sent")


async def test_offline_words_are_marked_not_sent_and_go_when_the_network_is_back(
    shopper, context, gateway
):
    await context.set_offline(True)
    await shopper.write("hello from the tunnel")
    await expect(unsent(shopper)).to_be_visible()
    await expect(shopper.status).to_have_text("No connection. Trying again…")
    await context.set_offline(False)

    await expect(shopper.bubbles.filter(has_text="Noted: hello from the tunnel")).to_be_visible()
    await expect(unsent(shopper)).to_have_count(0)
    assert gateway.acts == ["<opened>", "hello from the tunnel"]


async def test_retry_sends_what_failed_in_order_and_once(shopper, gateway):
    gateway.broken = True
    await shopper.write("one")
    await shopper.write("two")
    await expect(unsent(shopper)).to_have_count(2)
    gateway.broken = False
    await shopper.page.get_by_role("button", name="Retry").first.click()
    await expect(shopper.bubbles.filter(has_text="Noted: two")).to_be_visible()

    assert gateway.acts == ["<opened>", "one", "two"]
    await expect(shopper.input).to_be_focused()


async def test_a_button_pressed_offline_is_kept_too(shopper, context, gateway):
    await context.set_offline(True)
    await shopper.choice("A gift").click()
    await expect(unsent(shopper)).to_be_visible()
    await context.set_offline(False)

    await until(lambda: gateway.acts == ["<opened>", "A gift"])


async def test_a_refusal_is_told_in_the_gateways_words_and_not_tried_again(shopper, gateway):
    gateway.refuse["bad"] = "This cannot be answered here."
    await shopper.write("bad")
    await expect(unsent(shopper)).to_have_text("Not sent: This cannot be answered here.")
    await shopper.write("good")
    await expect(shopper.bubbles.filter(has_text="Noted: good")).to_be_visible()

    await expect(shopper.page.get_by_role("button", name="Retry")).to_have_count(0)
    assert gateway.acts == ["<opened>", "good"]


async def test_words_unsent_at_a_reload_are_sent_after_it(shopper, gateway):
    gateway.broken = True
    await shopper.write("do not lose me")
    await until(lambda: gateway.requests.count("POST /v1/chat/messages") == 2)
    await shopper.page.reload()
    gateway.broken = False

    await expect(shopper.bubbles.filter(has_text="Noted: do not lose me")).to_be_visible()
    assert gateway.acts == ["<opened>", "do not lose me"]


async def test_an_answer_lost_on_the_way_does_not_send_the_words_twice(shopper, gateway):
    await shopper.page.route("**/v1/chat/messages", swallow_answer, times=1)
    await shopper.write("once only")
    await expect(shopper.bubbles.filter(has_text="Noted: once only")).to_have_count(1)
    await shopper.page.wait_for_timeout(1200)

    assert gateway.acts == ["<opened>", "once only"]
    await expect(unsent(shopper)).to_have_count(0)


async def swallow_answer(route) -> None:
    await route.fetch()
    await route.abort()


async def test_a_broken_stream_resumes_where_it_was(shopper, gateway):
    conversation = gateway.last
    conversation.tell("end", {})
    await until(lambda: not conversation.streams)
    conversation.add({"from": "assistant", **say("said meanwhile")})
    before = await shopper.bubbles.count()

    await expect(shopper.bubbles.filter(has_text="said meanwhile")).to_have_count(1)
    await expect(shopper.bubbles).to_have_count(before + 1)


async def test_messages_stand_in_the_order_of_the_log(shopper, gateway):
    """An answer on its way while the shopper writes belongs before what they wrote."""
    await shopper.page.route("**/v1/chat/messages", after_a_while)
    await shopper.write("late")
    gateway.last.add({"from": "assistant", **say("early")})
    await expect(shopper.bubbles.filter(has_text="Noted: late")).to_be_visible()

    assert (await shopper.bubbles.all_text_contents())[-3:] == ["early", "late", "Noted: late"]


async def after_a_while(route) -> None:
    await route.request.frame.page.wait_for_timeout(300)
    await route.continue_()


async def test_words_the_log_already_shows_are_not_called_unsent(shopper, gateway):
    """The gateway took them, but every answer to the sending is lost on the way."""
    await shopper.page.route("**/v1/chat/messages", swallow_answer)
    await shopper.write("taken")
    await expect(shopper.bubbles.filter(has_text="Noted: taken")).to_be_visible()
    await shopper.page.wait_for_timeout(4000)

    await expect(unsent(shopper)).to_have_count(0)
    await expect(shopper.bubbles.filter(has_text="taken")).to_have_count(2)
    assert gateway.acts == ["<opened>", "taken"]


async def test_two_tabs_share_one_session_even_after_it_expires(shopper, context, shop, gateway):
    other = Shopper(await context.new_page())
    await other.page.goto(shop)
    await other.open()
    await expect(other.choices).not_to_have_count(0)
    gateway.expire_sessions()
    await shopper.write("anybody?")
    await expect(shopper.bubbles.filter(has_text="Noted: anybody?")).to_be_visible()

    await expect(other.bubbles.filter(has_text="Noted: anybody?")).to_have_count(1)
    assert len(gateway.sessions) == 1
    assert gateway.acts.count("anybody?") == 1


async def test_a_page_that_may_not_embed_the_chat_is_told_why(page, shop):
    async def refuse(route) -> None:
        await route.fulfill(
            status=403,
            content_type="application/problem+json",
            body='{"detail": "This page is not on the list."}',
        )

    shopper = Shopper(page)
    await page.route("**/v1/chat/sessions", refuse)
    await page.goto(shop)
    await shopper.open()

    await expect(shopper.status).to_have_text("This page is not on the list.")


async def test_words_put_off_by_the_gateway_wait_as_long_as_it_says_and_go_once(shopper, gateway):
    gateway.tried.clear()
    gateway.busy = 1
    await shopper.write("are you there?")
    await until(lambda: gateway.acts == ["<opened>", "are you there?"])

    put_off, taken = gateway.tried
    assert taken - put_off >= 1.5
    await expect(shopper.page.get_by_role("button", name="Retry")).to_have_count(0)
