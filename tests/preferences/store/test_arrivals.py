"""What platforms report of a shopper, at the edges: nobody known, nothing open, nothing kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from preferences.errors import BadInputError
from preferences.store.addresses import Place
from preferences.store.arrivals import (
    Arrival,
    Reception,
    arrive,
    conversations_at,
    count_as_press,
    fold,
    follow,
    give_floor,
    take_floor,
    unsay,
)
from preferences.store.conversations import Conversation, read_unanswered
from preferences.store.dispatches import (
    News,
    accepted,
    begin_sending,
    end,
    hear,
    hear_until,
    put_off,
    read_dispatches,
    read_due,
)
from preferences.store.shoppers import add_name
from preferences.store.tables import (
    AnswerRow,
    ConversationRow,
    DispatchRow,
    MessageRow,
    OwnWordsRow,
)
from tests.preferences.scenes import DAY, MINUTE, NOW
from tests.preferences.store.shop import Shop

HERE, ELSEWHERE = Place("whatsapp", "1"), Place("whatsapp", "2")
RECEPTION = Reception("en", ("log",), timedelta(hours=12))
ANA = {"phone": "+34600111222"}


async def come(
    shop: Shop, *arrivals: Arrival, names: dict[str, str] | None = None, now: datetime = NOW
) -> tuple[Conversation, int]:
    def read(_conversation: str) -> Sequence[Arrival]:
        return arrivals

    return await arrive(
        shop.store,
        HERE,
        names or ANA,
        read,
        reception=RECEPTION,
        referral={"ref": "flyer"},
        now=now,
    )


def text(name: str, words: str = "hello", at: datetime = NOW) -> Arrival:
    return Arrival(name, "text", words, at)


async def test_the_same_is_kept_once_even_within_one_report(shop: Shop) -> None:
    talk, waiting = await come(shop, text("a"), text("a"), text("b"))
    again, more = await come(shop, text("b"))

    assert (waiting, more, talk) == (2, 0, again)
    assert len(await shop.rows(MessageRow)) == 2


async def test_what_is_old_moves_nobody_s_last_visit_back(shop: Shop) -> None:
    await come(shop, text("a"))
    await come(shop, text("b", at=NOW - DAY))

    assert {row.seen_at for row in await shop.rows(ConversationRow)} == {NOW}


async def test_each_number_of_a_person_and_of_the_shop_has_its_own_conversation(shop: Shop) -> None:
    talk, _ = await come(shop, text("a"))
    async with shop.store.begin() as session:
        await add_name(
            session, talk.shopper, "phone", "+34600999888",
            assurance="claimed", proof="shop", now=NOW,
        )  # fmt: skip
    other, _ = await come(shop, text("b"), names={"phone": "+34600999888"})

    assert other.shopper == talk.shopper
    assert other.id != talk.id
    assert await conversations_at(shop.store, HERE, ANA) == [talk.id]
    assert await conversations_at(shop.store, ELSEWHERE, ANA) == []
    assert {str(row.referral) for row in await shop.rows(ConversationRow)} == {"{'ref': 'flyer'}"}
    assert await follow(shop.store, "phone", ANA["phone"], "+34600777666", NOW)
    assert await conversations_at(shop.store, HERE, {"phone": "+34600777666"}) == [talk.id]


async def test_nobody_can_have_an_impossible_name(shop: Shop) -> None:
    with pytest.raises(BadInputError):
        await come(shop, text("a"), names={"phone": "+1"})
    assert await conversations_at(shop.store, HERE, {"phone": "+1", "whatsapp": ""}) == []


async def test_a_pause_is_over_after_its_hours_and_not_before(shop: Shop) -> None:
    await give_floor(shop.store, HERE, ANA, reception=RECEPTION, now=NOW)
    await come(shop, text("a"), now=NOW + timedelta(hours=11))
    (row,) = await shop.rows(ConversationRow)
    assert row.handed_off_at == NOW
    await come(shop, text("b"), now=NOW + timedelta(hours=13))
    (row,) = await shop.rows(ConversationRow)
    assert (row.handed_off_at, row.handed_off_until) == (None, None)


async def test_a_pause_lasts_from_the_last_word_of_the_person_who_came(shop: Shop) -> None:
    last = NOW + timedelta(hours=10)
    for at in (NOW, last):
        await give_floor(shop.store, HERE, ANA, reception=RECEPTION, now=at)
    await come(shop, text("a"), now=NOW + timedelta(hours=13))
    (row,) = await shop.rows(ConversationRow)

    assert (row.handed_off_at, row.handed_off_until) == (last, last + RECEPTION.takeover)


@pytest.mark.parametrize("writes", [False, True])
async def test_a_person_who_was_called_has_the_floor_until_it_is_handed_back(
    shop: Shop, *, writes: bool
) -> None:
    await come(shop, text("a person, please"))
    (row,) = await shop.rows(ConversationRow)
    async with shop.store.begin() as session:  # as the turn does
        (await session.get_one(ConversationRow, row.id)).handed_off_at = NOW
    if writes:
        await give_floor(shop.store, HERE, ANA, reception=RECEPTION, now=NOW + timedelta(hours=1))
    await come(shop, text("still there?"), now=NOW + timedelta(days=30))
    (row,) = await shop.rows(ConversationRow)
    assert (row.handed_off_at, row.handed_off_until) == (NOW, None)
    await take_floor(shop.store, HERE, ANA)
    (row,) = await shop.rows(ConversationRow)

    assert row.handed_off_at is None


async def test_a_floor_that_nobody_has_is_given_back_without_harm(shop: Shop) -> None:
    await take_floor(shop.store, HERE, ANA)
    await give_floor(shop.store, HERE, ANA, reception=RECEPTION, now=NOW)
    await take_floor(shop.store, HERE, ANA)

    assert [row.handed_off_at for row in await shop.rows(ConversationRow)] == [None]


async def test_who_is_renamed_is_followed_only_if_known_and_only_to_a_free_name(shop: Shop) -> None:
    assert not await follow(shop.store, "phone", "+34600111222", "+34600999888", NOW)
    await come(shop, text("a"), names=ANA | {"whatsapp": "ES.1"})
    await come(shop, text("b"), names={"whatsapp": "ES.2"})
    assert not await follow(shop.store, "whatsapp", "ES.1", "ES.2", NOW)
    assert not await follow(shop.store, "phone", "+34600111222", "nonsense", NOW)
    assert await follow(shop.store, "whatsapp", "ES.1", "ES.3", NOW)
    assert await follow(shop.store, "phone", "+34600111222", "+34600999888", NOW)

    there = await conversations_at(shop.store, HERE, {"whatsapp": "ES.3", "phone": "+34600999888"})
    assert len(there) == 1


async def test_words_are_taken_back_with_those_of_the_answer_that_they_were(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift for my sister", "answer", "gift")
    async with shop.store.begin() as session:
        await add_name(
            session, talk.shopper, "phone", ANA["phone"], assurance="claimed", proof="shop", now=NOW
        )
        row = await session.get_one(ConversationRow, talk.id)
        row.channel, row.account = HERE.channel, HERE.account
        message = (await session.exec(select(AnswerRow.message_id))).one()
    assert len(await shop.rows(OwnWordsRow)) == 1
    await unsay(shop.store, HERE, {"phone": "+34600999888"}, message, None)
    await unsay(shop.store, HERE, ANA, "of nothing", None)
    assert len(await shop.rows(OwnWordsRow)) == 1
    await unsay(shop.store, HERE, ANA, message, "a gift")

    assert await shop.rows(OwnWordsRow) == []
    kept = [row for row in await shop.rows(MessageRow) if row.message_id == message]
    assert shop.reads(kept[0], "text") == "a gift"


async def test_lines_are_folded_into_the_last_one_unless_one_was_answered(shop: Shop) -> None:
    talk, _ = await come(shop, text("a", "one"), text("b", "two", NOW + MINUTE))
    await fold(shop.store, talk.id, ["a", "of nothing"], "one\nnothing")
    await fold(shop.store, talk.id, ["a", "b"], "one\ntwo")
    await fold(shop.store, talk.id, ["a", "b"], "three")

    assert [one.text for one in await read_unanswered(shop.store, talk.shopper)] == ["one\ntwo"]


async def test_a_number_is_a_press_only_of_numbered_options_that_are_open(shop: Shop) -> None:
    talk, notice = await shop.asks_for_permission("4711")
    assert not await count_as_press(shop.store, "nowhere", "m", 1)
    shown = next(row for row in await shop.rows(MessageRow) if row.body.get("ask") == notice)
    number = await shop.gets(talk, "text", "1")
    assert not await count_as_press(shop.store, talk.id, number.message_id, 1)
    async with shop.store.begin() as session:
        session.add(
            DispatchRow(
                id="d", conversation_id=talk.id, reply_to=shown.reply_to or 0, channel="twilio",
                state="sent", form="numbered", next_attempt_at=NOW, created_at=NOW,
            )
        )  # fmt: skip
    assert not await count_as_press(shop.store, talk.id, number.message_id, 3)
    assert not await count_as_press(shop.store, talk.id, "of nothing", 1)
    assert await count_as_press(shop.store, talk.id, number.message_id, 1)

    (kept,) = [row for row in await shop.rows(MessageRow) if row.message_id == number.message_id]
    assert (kept.kind, kept.body) == ("press", {"ask": notice, "option": 0})
    replies = await shop.answers(number)
    assert replies
    greeted, _ = await come(shop, text("a"))
    assert not await count_as_press(shop.store, greeted.id, "a", 1)


async def test_what_is_on_its_way_only_moves_forward(shop: Shop) -> None:
    talk, _ = await come(shop, text("a"))
    (received,) = await read_unanswered(shop.store, talk.shopper)
    await shop.answers(received)
    (one,) = await read_dispatches(shop.store, talk.shopper)
    later = shop.now + DAY
    assert await read_due(shop.store, later) == [talk.shopper]
    assert (one.to, one.in_reply_to, one.lines[0].ask) == (ANA, "a", None)

    assert await begin_sending(shop.store, one.id, "text", later)
    assert await hear(shop.store, [], shop.now) == 0
    assert await hear(shop.store, [News("delivered", ["wamid.other"])], shop.now) == 0
    assert await hear(shop.store, [News("delivered", ["wamid.1"], one.id)], shop.now) == 1
    await accepted(shop.store, one.id, "wamid.1", shop.now)
    await put_off(shop.store, one.id, "waiting", "late", later)
    await end(shop.store, one.id, "failed", "late")
    assert not await begin_sending(shop.store, one.id, "text", later)
    await hear_until(shop.store, [talk.id], "read", later, later)

    (row,) = await shop.rows(DispatchRow)
    assert (row.state, row.provider_id, row.form) == ("read", "wamid.1", "text")
    await accepted(shop.store, "of nothing", "wamid.2", shop.now)
