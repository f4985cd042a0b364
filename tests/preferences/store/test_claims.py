"""What was said on a device before somebody signed in: theirs after a yes, gone after a no."""

import pytest

from preferences.conversation import Claimed
from preferences.errors import NotFoundError
from preferences.store.claims import settle
from preferences.store.conversations import Conversation, start_conversation
from preferences.store.links import link
from preferences.store.profiles import read_profile
from preferences.store.shoppers import add_name
from preferences.store.tables import (
    AnswerRow,
    ConversationRow,
    DecisionRow,
    LinkRow,
    MessageRow,
    SuppressionRow,
)
from tests.preferences.scenes import CATALOGUE, DAY, MINUTE, PURPOSE, VOICE
from tests.preferences.store.shop import Replies, Shop

CLAIM = VOICE.say("claim_ask", "en")


async def a_stranger_who_answered(shop: Shop) -> Conversation:
    """Somebody unknown tells which channel they like, permits it to be kept, and confirms it."""
    talk = await shop.meets()
    told = await shop.hears(talk, "a gift", "answer", "gift")
    permit = await shop.feels(talk, told[-1]["ask"], "Yes, you may", 0)
    await shop.feels(talk, permit[-1]["ask"], "Yes", 0)
    shop.waits(MINUTE)
    return talk


async def signs_in(
    shop: Shop, before: Conversation, customer: str = "4711"
) -> tuple[Conversation, Replies]:
    talk = await start_conversation(
        shop.store,
        channel="web",
        locale="en",
        customer=customer,
        now=shop.now,
        previous=before.id,
    )
    return talk, await shop.sees(talk, "opened")


async def answers_of(shop: Shop, talk: Conversation) -> list[str]:
    return [one.value for one in (await read_profile(shop.store, talk.shopper, shop.now)).answers]


async def test_a_yes_makes_it_part_of_the_account_and_can_be_taken_back(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, replies = await signs_in(shop, stranger)

    assert [reply["text"] for reply in replies] == [VOICE.say("hello", "en"), CLAIM]
    assert [row.reasons[0]["code"] for row in await shop.rows(DecisionRow)][-1] == "claim_first"
    rung = shop.rung
    kept = await shop.feels(talk, replies[-1]["ask"], "Yes, keep it", 0)

    assert [reply["text"] for reply in kept] == [VOICE.say("claim_kept", "en")]
    assert shop.rung == rung + 1
    assert await answers_of(shop, talk) == ["gift"]
    (row,) = await shop.rows(LinkRow)
    assert (row.head_id, row.shopper_id) == (talk.shopper, stranger.shopper)
    assert (row.proof, row.actor) == ("shopper", "shopper")
    told = await shop.hears(talk, "what do you know about me", "ask_data")
    assert "gift" in told[0]["text"].lower()


async def test_a_no_deletes_it_at_once(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, replies = await signs_in(shop, stranger)

    gone = await shop.feels(talk, replies[-1]["ask"], "No, delete it", 1)

    assert [reply["text"] for reply in gone] == [VOICE.say("claim_deleted", "en")]
    assert await shop.rows(AnswerRow) == []
    assert await answers_of(shop, talk) == []
    assert not any(row.conversation_id == stranger.id for row in await shop.rows(MessageRow))
    assert (await read_profile(shop.store, stranger.shopper)).erased
    assert not (await read_profile(shop.store, talk.shopper)).erased
    assert await shop.rows(LinkRow) == []


async def test_it_is_asked_once(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, replies = await signs_in(shop, stranger)

    await shop.hears(talk, "not now", "pause")
    again = await shop.sees(talk, "opened")

    assert replies[-1]["text"] == CLAIM
    assert again == []
    assert len(await shop.rows(AnswerRow)) == 1


async def test_who_put_it_off_and_has_everything_deleted_leaves_nothing_on_the_device(
    shop: Shop,
) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, _ = await signs_in(shop, stranger)

    asked = await shop.hears(talk, "delete all my data", "erase_data")
    assert len(await shop.rows(AnswerRow)) == 1
    await shop.feels(talk, asked[-1]["ask"], "Yes, delete it", 0)

    assert await shop.rows(AnswerRow) == []
    told = [row.shopper_id for row in await shop.rows(SuppressionRow)]
    assert set(told) == {stranger.shopper, talk.shopper}


async def test_there_is_nothing_to_claim_where_nothing_was_answered(shop: Shop) -> None:
    stranger = await shop.meets()
    await shop.hears(stranger, "hello", "greet")

    _, replies = await signs_in(shop, stranger)

    assert CLAIM not in [reply["text"] for reply in replies]


async def test_what_is_withdrawn_cannot_be_claimed(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    await shop.hears(stranger, "stop")

    _, replies = await signs_in(shop, stranger)

    assert CLAIM not in [reply["text"] for reply in replies]


async def test_what_was_permitted_for_a_time_that_is_over_cannot_be_claimed(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    shop.waits(DAY * CATALOGUE.purposes[PURPOSE].valid_days)

    _, replies = await signs_in(shop, stranger)

    assert CLAIM not in [reply["text"] for reply in replies]


async def test_who_has_a_name_by_now_is_no_stranger_that_somebody_else_may_claim(
    shop: Shop,
) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, asked = await signs_in(shop, stranger)
    told = {"assurance": "verified", "proof": "code", "now": shop.now}
    async with shop.store.begin() as session:
        await add_name(session, stranger.shopper, "email", "kim@shop.example", **told)

    late = await shop.feels(talk, asked[-1]["ask"], "Yes, keep it", 0)

    assert VOICE.say("claim_kept", "en") not in [reply["text"] for reply in late]
    assert await answers_of(shop, talk) == []
    assert await answers_of(shop, stranger) == ["gift"]


async def test_what_somebody_else_said_who_had_signed_in_cannot_be_claimed(shop: Shop) -> None:
    first, ask = await shop.asks_the_question("4712")
    await shop.feels(first, ask, "A gift", 0)

    talk, replies = await signs_in(shop, first)

    assert CLAIM not in [reply["text"] for reply in replies]
    (row,) = [row for row in await shop.rows(ConversationRow) if row.id == talk.id]
    assert row.claimable_id is None


async def test_who_claimed_it_first_has_it(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    first, asked = await signs_in(shop, stranger)
    second, asked_too = await signs_in(shop, stranger, "4712")
    assert asked_too[-1]["text"] == CLAIM

    await shop.feels(first, asked[-1]["ask"], "Yes, keep it", 0)
    late = await shop.feels(second, asked_too[-1]["ask"], "Yes, keep it", 0)
    third, replies = await signs_in(shop, stranger, "4713")

    assert VOICE.say("claim_kept", "en") not in [reply["text"] for reply in late]
    assert CLAIM not in [reply["text"] for reply in replies]
    assert await answers_of(shop, first) == ["gift"]
    assert await answers_of(shop, second) == await answers_of(shop, third) == []


async def test_between_the_question_and_the_yes_nobody_can_slip_in(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    first, second = await shop.meets("4711"), await shop.meets("4712")
    await link(
        shop.store, first.shopper, stranger.shopper,
        proof="code", actor="shopper", destinations=(), now=shop.now,
    )  # fmt: skip

    async with shop.store.begin() as session:
        claimed = Claimed(stranger.shopper, accepted=True)
        await settle(session, second.shopper, claimed, ("log",), shop.now)

    assert len(await shop.rows(LinkRow)) == 1
    assert await answers_of(shop, second) == []


async def test_what_the_device_held_before_takes_and_tells_nothing_more(shop: Shop) -> None:
    stranger = await a_stranger_who_answered(shop)
    talk, replies = await signs_in(shop, stranger)
    await shop.feels(talk, replies[-1]["ask"], "Yes, keep it", 0)

    with pytest.raises(NotFoundError, match="begin a new one"):
        await shop.hears(stranger, "what do you know about me", "ask_data")


@pytest.mark.parametrize("previous", ["nobody knows it", None])
async def test_a_conversation_that_is_not_known_claims_nothing(
    shop: Shop, previous: str | None
) -> None:
    talk = await start_conversation(
        shop.store, channel="web", locale="en", customer="4711", now=shop.now, previous=previous
    )

    (row,) = await shop.rows(ConversationRow)
    assert (row.id, row.claimable_id) == (talk.id, None)
    with pytest.raises(NotFoundError):
        await read_profile(shop.store, "nobody")
