"""Who is glad of the shop is invited in the talk, over the real store: signs, budget, code, promotion."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from preferences.catalogue import load_catalogue
from preferences.dialogue.respond import Assistant
from preferences.profile import as_json
from preferences.store.arrivals import count_as_press
from preferences.store.conversations import Conversation
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.profiles import read_profile
from preferences.store.states import read_asked
from preferences.store.tables import (
    AskRow,
    ConversationRow,
    DecisionRow,
    DispatchRow,
    MessageRow,
    ReferralCodeRow,
    SuppressionRow,
)
from preferences.store.wishes import Unwanted, add_suppression
from tests.preferences.scenes import DAY, INVITING, NOW, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop

CATALOGUE = load_catalogue()
TERMS = " ".join(INVITING.terms["en"])


async def glad(shop: Shop, customer: str, *, orders: int = 3, said: str = "good") -> Conversation:
    """Somebody who ordered so often, and of whose experience a review tells, comes back."""
    shop.assistant = Assistant(CATALOGUE, VOICE, POLICY, INVITING)
    for number in range(orders):
        await shop.sells(customer, f"{customer}-{number}", "hat")
    talk = await shop.meets(customer)
    if said:
        await praises(shop, talk, said)
    shop.waits(DAY)
    return await shop.meets(customer)


async def praises(shop: Shop, talk: Conversation, said: str = "good") -> None:
    told = Fact("imported", "how_was_it", said, "reviews", shop.now)
    telling = Telling(talk.shopper, (told,), shop.now.isoformat())
    await add_facts(shop.store, telling, CATALOGUE, shop.destinations, shop.now)


async def reasons(shop: Shop) -> Sequence[str]:
    *_, newest = sorted(await shop.rows(DecisionRow), key=lambda row: row.at)
    return [reason["code"] for reason in newest.reasons]


def invitation(replies: Replies) -> dict[str, Any]:
    (one,) = [reply for reply in replies if reply["text"] == TERMS]
    return one


async def test_who_is_glad_is_invited_and_takes_a_link(shop: Shop) -> None:
    talk = await glad(shop, "7")
    asked = invitation(await shop.sees(talk, "opened"))
    assert await shop.rows(ReferralCodeRow) == []
    rung = shop.rung

    link, words = await shop.feels(talk, asked["ask"], "Get my link", 0)

    (row,) = await shop.rows(ReferralCodeRow)
    assert words["text"].endswith(row.code)
    assert "links" not in link
    assert {one["way"] for one in words["links"]} == {
        "copy", "mail", "whatsapp", "messenger", "sms", "sheet",
    }  # fmt: skip
    (ask,) = [one for one in await shop.rows(AskRow) if one.kind == "invite"]
    assert (ask.question_id, ask.outcome, ask.wording) == ("referral", "answered", TERMS)
    until = shop.now + INVITING.promotion_days * DAY
    profile = as_json(await read_profile(shop.store, talk.shopper))
    assert profile["referral"]["replaces_next_promotion_until"] == until.isoformat()
    assert shop.rung == rung + 1


@pytest.mark.parametrize(
    ("orders", "said", "invited"),
    [(3, "good", True), (2, "good", False), (3, "", False), (3, "bad", False)],
)
async def test_two_signs_that_rest_on_different_things_are_needed(
    shop: Shop, orders: int, said: str, *, invited: bool
) -> None:
    talk = await glad(shop, "7", orders=orders, said=said)

    replies = await shop.sees(talk, "opened")

    assert (TERMS in [reply["text"] for reply in replies]) is invited
    if not invited:
        assert await reasons(shop) == ["nothing_to_ask"]


async def test_who_is_not_vouched_for_is_not_invited(shop: Shop) -> None:
    talk = await glad(shop, "7")
    async with shop.store.begin() as session:
        row = await session.get_one(ConversationRow, talk.id)
        row.assurance = "claimed"

    replies = await shop.sees(talk, "opened")

    assert TERMS not in [reply["text"] for reply in replies]


async def test_it_uses_up_the_budget_and_comes_back_only_after_its_rest(shop: Shop) -> None:
    talk = await glad(shop, "7")
    asked = invitation(await shop.sees(talk, "opened"))
    await shop.feels(talk, asked["ask"], "No, thank you", 1)
    assert await shop.rows(ReferralCodeRow) == []

    for days in (1, 30, 140):
        shop.waits(days * DAY)
        replies = await shop.sees(await shop.meets("7"), "opened")
        assert TERMS not in [reply["text"] for reply in replies]
        assert "was_declined" in await reasons(shop)
    shop.waits(20 * DAY)
    await praises(shop, talk)
    assert TERMS in [one["text"] for one in await shop.sees(await shop.meets("7"), "opened")]


async def test_a_silence_of_any_reason_forbids_it(shop: Shop) -> None:
    talk = await glad(shop, "7")
    quiet = Unwanted("topic", "referral", "asked_the_shop")
    await add_suppression(shop.store, talk.shopper, quiet, (), shop.now)

    replies = await shop.sees(talk, "opened")

    assert TERMS not in [reply["text"] for reply in replies]


async def test_as_delivered_nobody_is_invited(shop: Shop) -> None:
    talk = await glad(shop, "7")
    shop.assistant = replace(
        shop.assistant, referral=INVITING.model_copy(update={"enabled": False})
    )

    replies = await shop.sees(talk, "opened")

    assert TERMS not in [reply["text"] for reply in replies]
    assert await reasons(shop) == ["nothing_to_ask"]


async def tipped(shop: Shop) -> tuple[Conversation, dict[str, Any]]:
    """Somebody answers, and sees the taps under the tip."""
    talk, ask = await shop.asks_the_question("7")
    (thanks,) = await shop.feels(talk, ask, "A gift", 0)
    return talk, thanks


async def test_a_tap_under_a_tip_is_kept_until_a_day(shop: Shop) -> None:
    talk, thanks = await tipped(shop)
    assert [choice["label"] for choice in thanks["choices"]] == ["Tip not for me", "No more tips"]

    (reply,) = await shop.feels(talk, thanks["ask"], "No more tips", 1)

    assert reply["text"] == VOICE.say("tips_muted", "en")
    (row,) = await shop.rows(SuppressionRow)
    assert (row.scope, row.target, row.source) == ("topic", "tips", "shopper")
    assert row.expires_at == shop.now + POLICY.days_muted * DAY


async def test_a_tap_of_another_conversation_is_none(shop: Shop) -> None:
    _, thanks = await tipped(shop)
    other = await shop.meets("8")

    await shop.feels(other, thanks["ask"], "No more tips", 1)

    assert await shop.rows(SuppressionRow) == []


async def test_what_is_suggested_is_no_ask_that_counts(shop: Shop) -> None:
    talk, thanks = await tipped(shop)

    (row,) = [one for one in await shop.rows(AskRow) if one.kind == "suggestion"]
    async with shop.store.begin(readonly=True) as session:
        counted = await read_asked(session, talk.shopper, talk.id, shop.now)
    assert (row.id, row.outcome, row.closed_at) == (thanks["ask"], "answered", shop.now)
    assert {one.kind for one in counted} == {"consent", "question"}


async def test_a_number_taps_where_it_was_shown_as_one(shop: Shop) -> None:
    talk, thanks = await tipped(shop)
    shown = next(row for row in await shop.rows(MessageRow) if row.body.get("ask") == thanks["ask"])
    async with shop.store.begin() as session:
        session.add(
            DispatchRow(
                id="d", conversation_id=talk.id, reply_to=shown.reply_to or 0, channel="twilio",
                state="sent", form="numbered", next_attempt_at=NOW, created_at=NOW,
            )
        )  # fmt: skip
    number = await shop.gets(talk, "text", "2")

    assert not await count_as_press(shop.store, talk.id, number.message_id, 3)
    assert await count_as_press(shop.store, talk.id, number.message_id, 2)
    await shop.answers(number)

    assert [row.target for row in await shop.rows(SuppressionRow)] == ["tips"]
