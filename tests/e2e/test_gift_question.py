"""A shopper buys what does not fit, is asked once, and what they say arrives where it should."""

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect
from standardwebhooks import Webhook

from tests.bot.widget.driving import Shopper
from tests.e2e.conftest import Visit
from tests.e2e.world import WEBHOOK_SECRET, World

HELLO = (
    "Hello, I am the automated assistant of Corner Shop, not a person. "
    "I am here to note what suits you."
)
CONSENT = (
    "May I keep what you tell me here, so that Corner Shop can fit its suggestions to you? "
    "You can take it back at any time: just write “stop”."
)
KEPT = "Thank you. You can see or take back what I keep whenever you like."
QUESTION = "To get our suggestions right: is “Linen dress” a gift, or for you?"
GIFT = (
    "Thank you, noted: a gift. I leave it out of your own suggestions. A small tip: a note in "
    "your own handwriting, folded into the box, is what people keep."
)
DAY = 15.0


async def eventually(holds: Callable[[], bool], seconds: float = DAY) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110  (what is awaited is outside)
            await asyncio.sleep(0.1)


async def asked(page: Page, visit: Visit, world: World) -> tuple[Shopper, str]:
    """A shopper who gave permission and sees the question, on a page of the shop."""
    customer = await asyncio.to_thread(world.customer_of_mens_clothing)
    await asyncio.to_thread(world.order, customer, "DRS-LIN-01", title="Linen dress")
    shopper = Shopper(page)
    await visit(world, customer)
    await shopper.open()
    await shopper.reads(HELLO, CONSENT)
    await shopper.choice("Yes, you may").click()
    await shopper.reads(HELLO, CONSENT, "Yes, you may", KEPT, QUESTION)
    return shopper, customer


async def test_a_dress_bought_in_the_demo_shop_is_asked_about_and_answered_by_button(
    world: World, page: Page
) -> None:
    shopper = Shopper(page)
    await page.goto(f"{world.url}/?shopper=daniel")
    await page.get_by_role("button", name="Buy Linen dress").click()
    await shopper.reads(HELLO, CONSENT)
    assert world.preferences("9001") == []

    await shopper.choice("Yes, you may").click()
    await shopper.reads(HELLO, CONSENT, "Yes, you may", KEPT, QUESTION)
    await page.reload()
    await shopper.reads(HELLO, CONSENT, "Yes, you may", KEPT, QUESTION)
    await shopper.choice("A gift").click()
    await shopper.reads(HELLO, CONSENT, "Yes, you may", KEPT, QUESTION, "A gift", GIFT)

    [answer] = world.preferences("9001")
    assert (answer["question"], answer["value"], answer["kind"]) == (
        "gift_or_self",
        "gift",
        "declared",
    )
    assert answer["wording"] == QUESTION
    assert answer["about"]["product"] == "Linen dress"
    assert {option["label"] for option in answer["options"]} == {
        "A gift",
        "For me",
        "Someone at home",
        "Rather not say",
        "Don't ask again",
    }
    await eventually(lambda: (world.in_crm("9001") or {}).get("preferences") == [answer])
    await eventually(
        lambda: any(
            profile["identities"] == {"customer": "9001"} and profile["preferences"] == [answer]
            for profile in world.receiver.profiles
        )
    )
    headers, body = world.receiver.posts[-1]
    Webhook(WEBHOOK_SECRET).verify(body, {name.lower(): value for name, value in headers.items()})


async def test_words_answer_in_the_shoppers_language(world: World, page: Page) -> None:
    shopper = Shopper(page)
    await page.goto(f"{world.url}/?shopper=lucia")
    await page.get_by_role("button", name="Buy Oxford shirt").click()
    await expect(shopper.choices).to_have_count(2)
    await shopper.write("sí, claro")
    await expect(shopper.choices).to_have_count(5)
    await shopper.write("es para el cumpleaños de mi hermano")
    await expect(shopper.bubbles.last).to_contain_text("Gracias, anotado: un regalo.")

    [answer] = world.preferences("9004")
    assert (answer["value"], answer["locale"], answer["subject"]) == ("gift", "es", "gift")
    assert answer["own_words"] == "es para el cumpleaños de mi hermano"
    assert answer["detail"] == {"relation": "brother", "occasion": "birthday"}


async def test_what_is_kept_is_seen_corrected_and_taken_back_on_a_page_of_ones_own(
    world: World, page: Page, visit: Visit
) -> None:
    shopper, customer = await asked(page, visit, world)
    await shopper.choice("A gift").click()
    await expect(shopper.bubbles.last).to_contain_text("Thank you, noted: a gift.")
    await page.get_by_role("button", name="Menu").click()
    async with page.context.expect_page() as opening:
        await page.get_by_role("button", name="Your data").click()
    own = await opening.value

    await expect(own.get_by_role("article").first).to_contain_text("“A gift”")
    await own.get_by_label("What is right").select_option("For me")
    await own.get_by_role("button", name="Change it").click()
    await expect(own.get_by_role("article").first).to_contain_text("“For me”")
    assert [one["value"] for one in world.preferences(customer)] == ["self"]

    await own.get_by_role("button", name="Take it back").click()
    await expect(own.get_by_text("Nothing is kept.").first).to_be_visible()
    assert world.preferences(customer) == []


async def test_why_is_answered_and_the_same_question_comes_back(
    world: World, page: Page, visit: Visit
) -> None:
    shopper, customer = await asked(page, visit, world)
    await shopper.write("why do you ask?")
    await expect(shopper.bubbles.nth(-2)).to_contain_text(
        "a gift says nothing about your own taste"
    )
    await expect(shopper.bubbles.last).to_have_text(QUESTION)
    await shopper.write("for me")
    await expect(shopper.bubbles.last).to_contain_text("Thank you, noted: for you.")

    assert [answer["value"] for answer in world.preferences(customer)] == ["self"]


@pytest.mark.parametrize("words", ["rather not say", "I'd rather not tell you that"])
async def test_a_refusal_is_met_kindly_and_stores_nothing(
    world: World, page: Page, visit: Visit, words: str
) -> None:
    shopper, customer = await asked(page, visit, world)
    await shopper.write(words)
    await expect(shopper.bubbles.last).to_contain_text("It changes nothing.")

    assert world.preferences(customer) == []


async def test_stop_ends_it_and_the_crm_is_told(world: World, page: Page, visit: Visit) -> None:
    shopper, customer = await asked(page, visit, world)
    await shopper.write("STOP!")
    await expect(shopper.bubbles.last).to_contain_text("I stop here and ask you nothing more.")

    def reasons() -> list[str]:
        told = world.in_crm(customer) or {"suppressions": []}
        return [entry["reason"] for entry in told["suppressions"]]

    await eventually(lambda: reasons() == ["shopper_said_stop"])
    before = await shopper.bubbles.count()
    await asyncio.to_thread(world.order, customer, "DRS-LIN-01", title="Linen dress")
    await page.reload()
    await asyncio.sleep(2)
    await expect(shopper.bubbles).to_have_count(before)


async def test_without_permission_nothing_is_asked_and_nothing_is_kept(
    world: World, page: Page, visit: Visit
) -> None:
    customer = await asyncio.to_thread(world.customer_of_mens_clothing)
    await asyncio.to_thread(world.order, customer, "DRS-LIN-01", title="Linen dress")
    shopper = Shopper(page)
    await visit(world, customer)
    await shopper.open()
    await shopper.reads(HELLO, CONSENT)
    await shopper.write("ok cool")
    await expect(shopper.bubbles.last).to_contain_text("I only keep something after a clear yes.")
    await shopper.choice("No, thanks").click()
    await expect(shopper.bubbles.last).to_contain_text("I keep nothing")

    assert world.preferences(customer) == []


async def test_an_ordinary_purchase_leads_to_no_question(
    world: World, page: Page, visit: Visit
) -> None:
    customer = await asyncio.to_thread(world.customer_of_mens_clothing)
    await asyncio.to_thread(world.order, customer, "SHR-OXF-01", title="Oxford shirt")
    shopper = Shopper(page)
    await visit(world, customer)
    await shopper.open()
    await expect(shopper.bubbles).to_have_count(2)

    await expect(shopper.choices).to_have_count(0)


async def test_a_message_sent_while_rasa_is_dead_is_answered_once_when_it_is_back(
    world: World, page: Page, visit: Visit
) -> None:
    shopper, customer = await asked(page, visit, world)
    for rasa in world.parts("rasa"):
        rasa.kill()
    await shopper.write("it's a present")
    await expect(shopper.bubbles.last).to_have_text(GIFT, timeout=120_000)

    assert [answer["value"] for answer in world.preferences(customer)] == ["gift"]
    await shopper.reads(HELLO, CONSENT, "Yes, you may", KEPT, QUESTION, "it's a present", GIFT)
