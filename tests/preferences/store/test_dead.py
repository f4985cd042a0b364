"""Dead letters of shoppers: closed with an apology, listed, counted and answered after all."""

from preferences.store.conversations import read_log, read_unanswered, read_waiting
from preferences.store.dead import count_dead, dead_messages, give_up, replay_dead
from preferences.store.dispatches import read_dispatches
from preferences.store.tables import DispatchRow, MessageRow
from preferences.understanding import Guess, Heard
from tests.preferences.scenes import MINUTE, NOW, VOICE
from tests.preferences.store.shop import Shop
from tests.preferences.store.test_arrivals import come, text


async def test_a_message_that_fails_is_a_dead_letter_and_is_answered_when_it_is_replayed(
    shop: Shop,
) -> None:
    talk, _ = await come(shop, text("poison"))
    await give_up(shop.store, talk.id, "poison", "I am sorry.", NOW, "failed")
    (dead,) = await dead_messages(shop.store)

    assert (dead.channel, dead.message_id, dead.why) == ("whatsapp", "poison", "failed")
    assert await count_dead(shop.store) == {"whatsapp": 1}
    assert await read_unanswered(shop.store, talk.shopper) == []
    assert await replay_dead(shop.store, "another") == 0
    assert await replay_dead(shop.store) == 1
    assert await read_waiting(shop.store) == [talk.shopper]
    assert await dead_messages(shop.store) == []

    await give_up(
        shop.store, talk.id, "poison", "I am sorry again.", NOW + MINUTE
    )  # an answer like any
    lines = [line.text for line in await read_log(shop.store, talk.id, 1)]
    assert lines == ["I am sorry.", "I am sorry again."]
    sent = [
        [line.text for line in one.lines] for one in await read_dispatches(shop.store, talk.shopper)
    ]
    assert sent == [["I am sorry."], ["I am sorry again."]]
    assert len(await shop.rows(DispatchRow)) == 2


async def test_a_dead_letter_without_an_apology_is_answered_after_all(shop: Shop) -> None:
    talk, _ = await come(shop, text("person"))
    await shop.hears(talk, "a person please", "handoff")
    await shop.gets(talk, "text", "poison", message_id="poison")
    before = await read_log(shop.store, talk.id, 1)

    await give_up(
        shop.store, talk.id, "poison", "I am sorry.", NOW, "failed"
    )  # to whom a person talks

    assert await read_log(shop.store, talk.id, 1) == before
    assert await replay_dead(shop.store) == 1
    assert await dead_messages(shop.store) == []
    waiting = await read_unanswered(shop.store, talk.shopper)
    assert "poison" in [one.message_id for one in waiting]


async def test_who_was_not_told_yet_hears_first_that_this_is_a_machine_and_hears_it_once(
    shop: Shop,
) -> None:
    talk, _ = await come(shop, text("poison"), text("picture", "picture"))
    await give_up(shop.store, talk.id, "poison", "I am sorry.", NOW, "failed", hello="A machine.")
    await give_up(shop.store, talk.id, "picture", "I cannot read this.", NOW, hello="A machine.")
    await replay_dead(shop.store)
    await shop.turns.take(talk.id, "poison", Heard("poison", (Guess("greet", 0.9),)))

    said = [
        [line.text for line in one.lines] for one in await read_dispatches(shop.store, talk.shopper)
    ]
    greeting = [VOICE.say("greeting", "en", 0)]
    assert sorted(said) == sorted(
        [["A machine.", "I am sorry."], ["I cannot read this."], greeting]
    )


async def test_what_is_only_not_heard_is_no_dead_letter(shop: Shop) -> None:
    talk, _ = await come(shop, text("picture"))
    await give_up(shop.store, talk.id, "picture", "I cannot read this.", NOW)

    assert await count_dead(shop.store) == {}
    assert [row.dead_why for row in await shop.rows(MessageRow)] == [None, None]
