"""What shoppers see and correct of themselves outside of a conversation."""

from datetime import timedelta

import pytest

from preferences.errors import BadInputError, NotFoundError
from preferences.store.corrections import correct_answer
from preferences.store.erasure import erase_shopper
from preferences.store.facts import ErasedError, Fact, Telling, add_facts
from preferences.store.own import read_own
from preferences.store.profiles import read_profile
from preferences.store.progress import end_conversation
from preferences.store.tables import AnswerRow, ConversationRow, OutboxRow
from preferences.store.wishes import Unwanted, add_suppression, lift_suppression
from tests.preferences.scenes import CATALOGUE
from tests.preferences.store.shop import Shop

QUESTION, TO = "gift_or_self", ("log",)


async def correct(shop: Shop, shopper: str, answer: str, value: str) -> None:
    await correct_answer(shop.store, shopper, (answer, value), CATALOGUE, TO, shop.now)


async def test_who_the_shop_vouched_for_sees_everything_and_another_what_was_said_here(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    phone = await shop.meets("4711", "whatsapp")
    somebody = await shop.meets()
    device = await shop.meets("4711")
    async with shop.store.begin() as session:
        (await session.get_one(ConversationRow, device.id)).assurance = "claimed"

    unsure = await read_own(shop.store, device.id, shop.now)
    here, there = (
        await read_own(shop.store, talk.id, shop.now),
        await read_own(shop.store, phone.id, shop.now),
    )
    stranger = await read_own(shop.store, somebody.id, shop.now)

    assert [answer.value for answer in here.answers] == ["gift"]
    assert (here.is_sure, there.is_sure, stranger.is_sure) == (True, True, True)
    assert [answer.value for answer in there.answers] == ["gift"]
    assert stranger.answers == unsure.answers == ()
    assert not unsure.is_sure


async def test_of_a_conversation_that_is_over_nothing_is_shown(shop: Shop) -> None:
    talk = await shop.meets()
    await end_conversation(shop.store, talk.id, shop.now)

    for name in (talk.id, "no such"):
        with pytest.raises(NotFoundError, match="from the chat"):
            await read_own(shop.store, name, shop.now)


async def test_a_correction_is_a_new_answer_under_the_same_words_and_permission(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    [wrong], [before] = await shop.rows(AnswerRow), await shop.rows(OutboxRow)

    later = shop.of(now=shop.now + timedelta(minutes=1))
    await correct(later, talk.shopper, wrong.id, "self")

    [right] = [row for row in await shop.rows(AnswerRow) if row.id != wrong.id]
    assert (right.value, right.subject, right.wording) == ("self", "self", wrong.wording)
    assert (right.consent_id, right.about, right.ask_id) == (wrong.consent_id, wrong.about, None)
    assert right.message_id == f"corrects:{wrong.id}"
    [kept] = (await read_profile(shop.store, talk.shopper, shop.now)).answers
    assert kept.value == "self"
    [row] = await shop.rows(OutboxRow)
    assert row.desired_version > before.desired_version


async def test_what_is_no_more_permitted_is_not_said_anew(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    [said] = [row.id for row in await shop.rows(AnswerRow)]
    await shop.hears(talk, "stop")  # in the chat, while the page is open

    with pytest.raises(NotFoundError, match="took back"):
        await correct(shop, talk.shopper, said, "self")
    assert [row.id for row in await shop.rows(AnswerRow)] == [said]


async def test_only_what_the_shopper_said_is_corrected_and_to_what_can_be_said(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    other = await shop.meets("12")
    fact = Fact("imported", "channel", "email", "crm", shop.now)
    telling = Telling(talk.shopper, [fact], "e-1")
    [imported] = await add_facts(shop.store, telling, CATALOGUE, TO, shop.now)
    [said] = [row.id for row in await shop.rows(AnswerRow) if row.kind == "declared"]

    for shopper, answer in (
        (talk.shopper, imported),
        (talk.shopper, "none"),
        (other.shopper, said),
    ):
        with pytest.raises(NotFoundError, match="no such answer"):
            await correct(shop, shopper, answer, "self")
    with pytest.raises(BadInputError, match="choose one") as refused:
        await correct(shop, talk.shopper, said, "a bicycle")
    assert refused.value.field == "value"

    await erase_shopper(shop.store, talk.shopper, TO, shop.now)
    with pytest.raises(ErasedError):
        await correct(shop, talk.shopper, said, "self")


async def test_a_shopper_lifts_any_wish_but_that_everything_was_deleted(shop: Shop) -> None:
    talk = await shop.meets("4711")
    for wish in (
        Unwanted("topic", QUESTION, "not_relevant", source="shopper"),
        Unwanted("channel", "email", "told_the_shop"),
    ):
        await add_suppression(shop.store, talk.shopper, wish, TO, shop.now)

    await lift_suppression(shop.store, talk.shopper, ("topic", QUESTION), TO, shop.now)
    [left] = (await read_profile(shop.store, talk.shopper, shop.now)).suppressions
    await erase_shopper(shop.store, talk.shopper, TO, shop.now)
    await lift_suppression(shop.store, talk.shopper, ("all", ""), TO, shop.now)

    assert (left.scope, left.source) == ("channel", "shop")
    assert (await read_profile(shop.store, talk.shopper, shop.now)).erased
