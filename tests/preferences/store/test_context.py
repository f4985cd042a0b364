"""What brought a shopper, where they are, what they answered before: looked at, and no more than that."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from preferences.commands.why import replayed, told
from preferences.dialogue.respond import Assistant
from preferences.errors import NotFoundError
from preferences.policy import Condition
from preferences.store.conversations import Conversation
from preferences.store.decisions import Decided, read_decisions
from preferences.store.erasure import erase_shopper
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.progress import end_conversation
from preferences.store.retention import Limits, sweep
from preferences.store.surroundings import keep_surroundings
from preferences.store.tables import AskRow, ConversationRow, SurroundingsRow
from tests.preferences.scenes import CATALOGUE, DAY, HOUR, MINUTE, NOW, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop

PROMISE = "Find a present that fits"
GUIDE = CATALOGUE.entries["gift_guide"]


@pytest.fixture
def asking(shop: Shop) -> Shop:
    """A shop that asks how to be reached, of whoever comes by its gift guide."""
    asks = GUIDE.model_copy(update={"asks": ["channel"]})
    catalogue = CATALOGUE.model_copy(update={"entries": {"gift_guide": asks}})
    return shop.of(assistant=Assistant(catalogue, VOICE, POLICY))


def with_conditions(shop: Shop, **conditions: Condition) -> Shop:
    policy = POLICY.model_copy(update={"conditions": conditions})
    return shop.of(assistant=Assistant(shop.assistant.catalogue, VOICE, policy))


async def comes(shop: Shop, talk: Conversation, entry: str = "Geschenke") -> Replies:
    return await shop.answers(await shop.gets(talk, "event", "opened", {"entry": entry}))


async def says_yes(shop: Shop, talk: Conversation, replies: Replies) -> Replies:
    return await shop.feels(talk, replies[-1]["ask"], "Yes, you may", 0)


async def permits(shop: Shop, talk: Conversation) -> None:
    """The page knows where they are: they are asked whether it may count, and say yes."""
    [*_, asked] = await shop.sees(talk, "surroundings")
    assert asked["text"].startswith("May I note for a few hours where you are")
    await shop.feels(talk, asked["ask"], "Yes, you may", 0)


async def tells_place(shop: Shop, talk: Conversation) -> bool:
    return await keep_surroundings(shop.store, talk.id, place="DE-BE", weather="rain", now=shop.now)


async def places(shop: Shop) -> list[tuple[str, str]]:
    return [(row.place, row.weather) for row in await shop.rows(SurroundingsRow)]


async def row_of(shop: Shop, talk: Conversation) -> ConversationRow:
    [row] = [row for row in await shop.rows(ConversationRow) if row.id == talk.id]
    return row


async def decisions(shop: Shop, talk: Conversation) -> Sequence[Decided]:
    return (await read_decisions(shop.store, talk.shopper, None, 100))[1]


def codes(decided: Decided) -> list[str]:
    return [reason["code"] for reason in decided.reasons]


# What brought them


async def test_what_brought_a_shopper_is_kept_and_stands_with_the_decision(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await comes(shop, talk)

    row, [decided] = await row_of(shop, talk), await decisions(shop, talk)
    assert (row.entry, row.entered_at) == ("gift_guide", NOW)
    assert decided.inputs is not None
    assert decided.inputs["entry"] == "gift_guide"
    assert "  looked at: entry gift_guide" in told(decided)


async def test_a_campaign_that_nobody_listed_is_not_kept(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await comes(shop, talk, "spring?email=ann@example.org")

    assert (await row_of(shop, talk)).entry == ""


async def test_what_brought_them_may_be_an_occasion_to_ask_on_that_day(asking: Shop) -> None:
    talk = await asking.meets("4711")
    question = await says_yes(asking, talk, await comes(asking, talk))

    assert question[-1]["text"] == "The question channel? (en)"
    later = await asking.meets("4712")
    await comes(asking, later)
    asking.waits(DAY)
    await asking.sees(later, "opened")
    newest, *_ = await decisions(asking, later)
    assert (newest.question, codes(newest)) == (None, ["nothing_to_ask"])


async def test_the_first_question_about_a_purchase_recalls_what_brought_them_and_the_next_does_not(
    shop: Shop,
) -> None:
    first = await shop.meets("4711")
    await comes(shop, first)
    shop.waits(HOUR)
    talk, notice = await shop.asks_for_permission()
    question = await shop.feels(talk, notice, "Yes, you may", 0)

    assert question[-1]["text"].startswith(f"You came to us by “{PROMISE}”, and")
    assert question[-1]["text"].endswith("a gift, or for you?")
    assert question[-1]["text"].count("?") == 1
    assert (await row_of(shop, talk)).recalled_at == shop.now
    await shop.hears(talk, "a gift")
    shop.waits(40 * DAY)
    await shop.sells("4711", "another", "dress")
    again = await shop.sees(await shop.meets("4711"), "purchased")
    assert not [line for line in again if PROMISE in line["text"]]


@pytest.mark.parametrize("wait", [91 * DAY, -HOUR])
async def test_what_brought_them_long_before_or_after_a_purchase_is_not_recalled(
    shop: Shop, wait: timedelta
) -> None:
    talk = await shop.meets("4711")
    if wait > timedelta():
        await comes(shop, talk)
        shop.waits(wait)
    _, notice = await shop.asks_for_permission()
    if wait < timedelta():
        shop.waits(HOUR)
        await comes(shop, talk)
    [row] = [row for row in await shop.rows(AskRow) if row.id == notice]
    [where] = [one for one in await shop.rows(ConversationRow) if one.id == row.conversation_id]
    there = Conversation(where.id, talk.shopper, "web", "en")
    question = await shop.feels(there, notice, "Yes, you may", 0)

    assert question[-1]["text"].startswith("To ")
    assert PROMISE not in question[-1]["text"]


async def test_a_link_to_a_messenger_is_an_entry_too_and_told_once(shop: Shop) -> None:
    talk = await shop.meets("4711", "messenger")
    async with shop.store.begin() as session:
        row = await session.get_one(ConversationRow, talk.id)
        row.referral = {"ref": "GIFT-GUIDE", "source": "SHORTLINK"}
    await shop.hears(talk, "hello", "greet")
    shop.waits(2 * DAY)
    await shop.hears(talk, "hello", "greet")

    row = await row_of(shop, talk)
    assert (row.entry, row.entered_at) == ("gift_guide", NOW)


async def test_a_question_may_be_for_those_alone_who_came_by_something(shop: Shop) -> None:
    only = with_conditions(shop, gift_or_self=Condition(entries=frozenset({"gift_guide"})))
    talk = await only.meets("4711")
    await only.has_a_habit("4711")
    await only.sells("4711", "odd", "dress")

    assert await only.sees(talk, "purchased") == []
    assert (await comes(only, talk))[-1]["choices"]


# Where they are


async def test_where_they_are_is_kept_under_their_permission_alone(shop: Shop) -> None:
    talk = await shop.meets("4711")

    assert not await tells_place(shop, talk)
    assert await places(shop) == []
    await permits(shop, talk)
    assert await tells_place(shop, talk)
    shop.waits(MINUTE)
    await shop.sees(talk, "opened")
    newest, *_ = await decisions(shop, talk)
    assert newest.inputs is not None
    assert (newest.inputs["place"], newest.inputs["weather"]) == ("DE-BE", "rain")
    assert replayed(newest, POLICY) == "the same again"


async def test_where_they_are_is_asked_once_and_not_after_a_no(shop: Shop) -> None:
    talk = await shop.meets("4711")
    [*_, asked] = await shop.sees(talk, "surroundings")
    await shop.feels(talk, asked["ask"], "No, thanks", 1)
    for wait in (MINUTE, 400 * DAY):
        shop.waits(wait)
        assert await shop.sees(talk, "surroundings") == []
    assert not await tells_place(shop, talk)


async def test_a_place_counts_for_some_hours_and_is_forgotten_after_a_day(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await permits(shop, talk)
    await tells_place(shop, talk)

    shop.waits(POLICY.context_hours * HOUR)
    await shop.sees(talk, "opened")
    newest, *_ = await decisions(shop, talk)
    assert newest.inputs is not None
    assert "place" not in newest.inputs
    limits = Limits(*[1000 * DAY] * 6)
    await sweep(shop.store, limits, (), NOW + DAY)
    assert await places(shop) == [("DE-BE", "rain")]
    assert await sweep(shop.store, limits, (), NOW + DAY + MINUTE) == {"surroundings": 1}
    assert await places(shop) == []


async def test_who_takes_the_permission_back_is_nowhere_at_once(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await permits(shop, talk)
    await tells_place(shop, talk)
    await shop.hears(talk, "stop", "stop")

    assert await places(shop) == []
    assert not await tells_place(shop, talk)


async def test_an_erasure_takes_the_place_and_what_brought_them(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await comes(shop, talk)
    await permits(shop, talk)
    await tells_place(shop, talk)
    await erase_shopper(shop.store, talk.shopper, (), shop.now)

    row = await row_of(shop, talk)
    assert (row.entry, row.entered_at, row.recalled_at) == ("", None, None)
    assert await places(shop) == []


async def test_a_conversation_that_is_over_takes_no_place(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await end_conversation(shop.store, talk.id, shop.now)

    with pytest.raises(NotFoundError, match="over"):
        await tells_place(shop, talk)


async def test_a_question_for_one_place_is_asked_there_and_nowhere_else(shop: Shop) -> None:
    there = with_conditions(shop, gift_or_self=Condition(places=frozenset({"DE-BE"})))
    talk = await there.meets("4711")
    await there.has_a_habit("4711")
    await there.sells("4711", "odd", "dress")
    assert await there.sees(talk, "purchased") == []
    newest, *_ = await decisions(there, talk)
    assert codes(newest) == ["place_unknown"]

    await permits(there, talk)
    await tells_place(there, talk)
    asked = await there.sees(talk, "opened")

    assert asked[-1]["text"].startswith("May I keep what you tell me here")


# Who they are


async def test_a_question_may_be_for_those_alone_who_bought_often(shop: Shop) -> None:
    often = with_conditions(shop, gift_or_self=Condition(orders=3))
    talk = await often.meets("4711")
    await often.has_a_habit("4711")
    await often.sells("4711", "odd", "dress")
    assert await often.sees(talk, "purchased") == []
    often.waits(MINUTE)
    await often.sells("4711", "third", "shirt")

    assert (await often.sees(talk, "purchased"))[-1]["choices"]
    *_, first = await decisions(often, talk)
    assert codes(first) == ["not_this_history"]


async def test_nothing_is_known_of_the_orders_of_who_never_bought(asking: Shop) -> None:
    often = with_conditions(asking, channel=Condition(orders=1))
    talk = await often.meets("4711")
    await comes(often, talk)

    [decided] = await decisions(often, talk)
    assert codes(decided) == ["history_unknown"]


async def answers_by_mail(shop: Shop, customer: str = "4711") -> Conversation:
    """They come, permit that it is kept, and say how they like to be reached."""
    talk = await shop.meets(customer)
    question = await says_yes(shop, talk, await comes(shop, talk))
    await shop.feels(talk, question[-1]["ask"], "Email", 0)
    return talk


async def test_a_question_may_be_for_those_alone_who_answered_something(asking: Shop) -> None:
    talk = await answers_by_mail(asking)
    asking.waits(40 * DAY)
    await asking.has_a_habit("4711")
    await asking.sells("4711", "odd", "dress")
    for values, asks in (({"sms"}, False), ({"email", "post"}, True)):
        asking.waits(MINUTE)
        answers = {"channel": frozenset(values)}
        shop = with_conditions(asking, gift_or_self=Condition(answers=answers))
        told_now = await shop.sees(talk, "purchased")
        newest, *_ = await decisions(shop, talk)
        assert (newest.question is not None, bool(told_now)) == (asks, asks)
        assert newest.inputs is not None
        assert newest.inputs["profile"] == {"channel": "email"}


# What was observed otherwise


async def observes(shop: Shop, talk: Conversation, *days: int, value: str = "post") -> None:
    facts = [Fact("observed", "channel", value, "till", shop.now - day * DAY, {}) for day in days]
    telling = Telling(talk.shopper, facts, f"told {days} {value}")
    await add_facts(shop.store, telling, shop.assistant.catalogue, (), shop.now)


async def test_what_was_said_is_asked_again_once_it_was_observed_otherwise_three_times(
    asking: Shop,
) -> None:
    talk = await answers_by_mail(asking)
    asking.waits(40 * DAY)
    await observes(asking, talk, 3, 2)
    welcome = await asking.sees(talk, "opened")
    assert [(line["kind"], line["choices"]) for line in welcome] == [("say", []), ("say", [])]
    asking.waits(MINUTE)
    await observes(asking, talk, 1)
    [question] = await asking.sees(talk, "opened")

    said = "You once told me “Email (en)”; I ask so that nothing out of date stays."
    assert question["text"] == f"{said} The question channel? (en)"
    newest, *_ = await decisions(asking, talk)
    assert (newest.question, newest.candidate) == ("channel", "contradicted:channel")
    assert replayed(newest, POLICY) == "the same again"
    await asking.feels(talk, question["ask"], "Email", 0)
    asking.waits(40 * DAY)
    assert {line["kind"] for line in await asking.sees(talk, "opened")} == {"say"}


async def test_nothing_is_contradicted_without_the_permission_to_keep_it(asking: Shop) -> None:
    talk = await answers_by_mail(asking)
    await asking.hears(talk, "stop", "stop")
    await asking.hears(talk, "start", "start")
    asking.waits(40 * DAY)
    await observes(asking, talk, 3, 2, 1)

    await asking.sees(talk, "opened")
    newest, *_ = await decisions(asking, talk)
    assert "contradicted:channel" not in str(newest.weighed)


# What annoyed


async def closes(shop: Shop, talk: Conversation, line: dict[str, Any]) -> None:
    assert (
        await shop.answers(await shop.gets(talk, "event", "dismissed", {"dismissed": line["seq"]}))
        == []
    )


async def put(shop: Shop) -> tuple[Conversation, dict[str, Any]]:
    talk, notice = await shop.asks_for_permission()
    *_, line = await shop.feels(talk, notice, "Yes, you may", 0)
    return talk, line


async def ends(shop: Shop) -> list[tuple[str | None, str]]:
    return [(row.outcome, row.annoyed) for row in await shop.rows(AskRow) if row.kind == "question"]


async def test_what_was_dismissed_and_left_ends_as_such_and_not_as_ignored(shop: Shop) -> None:
    talk, line = await put(shop)
    await closes(shop, talk, line)
    assert await ends(shop) == [(None, "dismissed")]

    shop.waits(13 * HOUR)
    await shop.sees(talk, "opened")

    assert await ends(shop) == [("dismissed", "dismissed")]
    newest, *_ = await decisions(shop, talk)
    assert "asked_recently" in codes(newest)


async def test_what_was_dismissed_may_still_be_answered(shop: Shop) -> None:
    talk, line = await put(shop)
    await closes(shop, talk, line)
    await shop.feels(talk, line["ask"], "A gift", 0)

    assert [outcome for outcome, _ in await ends(shop)] == ["answered"]


async def test_only_the_question_that_is_open_can_be_dismissed(shop: Shop) -> None:
    talk, line = await put(shop)
    await closes(shop, talk, {"seq": line["seq"] - 1})
    await closes(shop, talk, {"seq": 99})
    assert await ends(shop) == [(None, "")]

    await shop.feels(talk, line["ask"], "A gift", 0)
    await closes(shop, talk, line)
    assert await ends(shop) == [("answered", "")]


@pytest.mark.parametrize(
    ("text", "act", "outcome", "annoyed"),
    [
        ("stop", "stop", "withdrawn", "stopped"),
        ("not on this channel any more", "stop_channel", "declined", "stopped"),
        ("this is a scandal", "complaint", "skipped", "complained"),
        ("rather not say", "decline", "declined", ""),
    ],
)
async def test_words_that_show_annoyance_are_kept_with_the_question(
    shop: Shop, text: str, act: str, outcome: str, annoyed: str
) -> None:
    talk, _ = await put(shop)
    await shop.hears(talk, text, act)

    assert await ends(shop) == [(outcome, annoyed)]


async def test_the_tap_that_asks_not_to_be_asked_again_shows_it_too(shop: Shop) -> None:
    talk, line = await put(shop)
    labels = [choice["label"] for choice in line["choices"]]
    await shop.feels(talk, line["ask"], "Don't ask again", labels.index("Don't ask again"))

    assert await ends(shop) == [("declined", "muted")]
