import asyncio
from datetime import timedelta

import pytest

from preferences.errors import NotFoundError
from preferences.store.conversations import (
    Received,
    reachable,
    read_log,
    read_unanswered,
    read_waiting,
    receive,
)
from preferences.store.tables import ConversationRow
from tests.preferences.scenes import HOUR, MINUTE, NOW
from tests.preferences.store.shop import Shop


async def test_what_came_in_is_kept_as_it_came(shop: Shop) -> None:
    talk = await shop.meets()

    received = await shop.gets(talk, "press", "A gift", {"ask": "a", "option": 0}, "m-1")

    assert received == Received(
        talk, 1, "m-1", "press", "A gift", {"ask": "a", "option": 0}, answered=False, at=shop.now
    )


async def test_the_same_message_again_gives_what_was_kept_the_first_time(shop: Shop) -> None:
    talk = await shop.meets()
    first = await shop.gets(talk, "text", "hello", message_id="m-1")
    await shop.gets(talk, "text", "are you there?")

    again = await shop.gets(talk, "text", "something else", message_id="m-1")

    assert again == first
    assert [line.seq for line in await read_log(shop.store, talk.id, 0)] == [1, 2]


async def test_an_answered_message_again_says_that_it_was_answered(shop: Shop) -> None:
    talk = await shop.meets()
    received = await shop.gets(talk, "text", "hello", message_id="m-1")
    await shop.answers(received)

    assert (await shop.gets(talk, "text", "hello", message_id="m-1")).answered


async def test_the_same_message_many_times_at_once_is_kept_once(shop: Shop) -> None:
    talk = await shop.meets()

    received = await asyncio.gather(
        *(shop.gets(talk, "text", "hello", message_id="m-1") for _ in range(8))
    )

    assert {one.seq for one in received} == {1}
    assert len(await read_log(shop.store, talk.id, 0)) == 1


async def test_many_messages_at_once_are_numbered_without_a_gap(shop: Shop) -> None:
    talk = await shop.meets()

    received = await asyncio.gather(*(shop.gets(talk, "text", f"hello {n}") for n in range(8)))

    assert sorted(one.seq for one in received) == list(range(1, 9))


async def test_the_same_name_in_another_conversation_is_another_message(shop: Shop) -> None:
    for talk in (await shop.meets(), await shop.meets()):
        assert (await shop.gets(talk, "text", "hello", message_id="m-1")).seq == 1


async def test_a_message_for_a_conversation_that_nobody_knows_is_refused(shop: Shop) -> None:
    with pytest.raises(NotFoundError, match="begin a new one"):
        await receive(
            shop.store, "nobody", message_id="m", kind="text", text="hello", body={}, now=NOW
        )


async def test_the_log_is_resumed_after_a_number_and_comes_in_pages(shop: Shop) -> None:
    talk = await shop.meets()
    for n in range(5):
        await shop.gets(talk, "text", f"hello {n}", message_id=f"m-{n}")

    page = await read_log(shop.store, talk.id, 2, limit=2)

    assert [(line.seq, line.text, line.message_id) for line in page] == [
        (3, "hello 2", "m-2"),
        (4, "hello 3", "m-3"),
    ]
    assert [line.seq for line in await read_log(shop.store, talk.id, 4)] == [5]


async def test_what_happens_on_the_page_is_not_shown_in_the_log(shop: Shop) -> None:
    talk = await shop.meets()

    await shop.gets(talk, "event", "opened")

    assert await read_log(shop.store, talk.id, 0) == []


async def test_what_waits_for_an_answer_comes_in_its_order_over_all_conversations(
    shop: Shop,
) -> None:
    web, phone = await shop.meets("4711"), await shop.meets("4711", "whatsapp")
    answered = await shop.gets(web, "text", "one")
    await shop.answers(answered)
    for talk, text in ((phone, "two"), (web, "three"), (web, "four")):
        shop.waits(MINUTE)
        await shop.gets(talk, "text", text)
    await shop.gets(await shop.meets("4712"), "text", "somebody else's")

    waiting = await read_unanswered(shop.store, web.shopper)

    assert [received.text for received in waiting] == ["two", "three", "four"]
    assert [received.conversation for received in waiting] == [phone, web, web]


async def test_whoever_waits_longest_is_taken_up_first(shop: Shop) -> None:
    first, second, quiet = [await shop.meets() for _ in range(3)]
    for talk in (first, second, first):
        await shop.gets(talk, "text", "hello")
        shop.waits(MINUTE)
    await shop.answers(await shop.gets(quiet, "text", "hello"))

    assert await read_waiting(shop.store) == [first.shopper, second.shopper]


async def test_a_customer_is_the_same_shopper_in_every_conversation(shop: Shop) -> None:
    web, phone = await shop.meets("4711"), await shop.meets("4711", "whatsapp")
    stranger, other = await shop.meets(), await shop.meets()

    assert web.shopper == phone.shopper
    assert web.id != phone.id
    assert len({web.shopper, stranger.shopper, other.shopper}) == 3


async def test_a_shopper_is_reached_where_they_were_seen_last_if_that_is_not_long_ago(
    shop: Shop,
) -> None:
    older, newer = await shop.meets("4711"), await shop.meets("4711")
    await shop.meets("4711", "whatsapp")
    shop.waits(MINUTE)
    await shop.gets(newer, "text", "hello")

    async def found(within: timedelta, channel: str = "web") -> str | None:
        return await reachable(shop.store, older.shopper, channel, shop.now, within)

    assert await found(HOUR) == newer.id
    shop.waits(MINUTE)
    await shop.gets(older, "text", "hello")
    assert await found(HOUR) == older.id
    shop.waits(HOUR)
    assert await found(HOUR) is None
    assert await found(2 * HOUR, "messenger") is None


async def test_a_conversation_remembers_when_it_was_seen_last(shop: Shop) -> None:
    talk = await shop.meets()
    shop.waits(HOUR)

    await shop.gets(talk, "text", "hello")

    assert [(row.created_at, row.seen_at) for row in await shop.rows(ConversationRow)] == [
        (NOW, NOW + HOUR)
    ]
