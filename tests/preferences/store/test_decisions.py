import asyncio
from datetime import timedelta

import pytest

from preferences.choosing import decide
from preferences.choosing.inputs import inputs_from_json
from preferences.commands.why import replayed, told
from preferences.dialogue.respond import Assistant
from preferences.errors import NotFoundError
from preferences.store.conversations import Conversation
from preferences.store.decisions import Decided, read_decisions
from preferences.store.engine import open_store
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.history import After
from preferences.store.ids import new_id
from preferences.store.tables import (
    AskRow,
    CandidateRow,
    ConversationRow,
    DecisionRow,
    OutboxRow,
    PausedQuestionRow,
    ProductRow,
    SuppressionRow,
)
from tests.preferences.scenes import CATALOGUE, DAY, HOUR, MINUTE, NOW, POLICY, VOICE
from tests.preferences.store.shop import Replies, Shop
from tests.vaults import VAULT

CHANNELS = ("web", "whatsapp", "email", "sms", "telegram")


async def finds_worth_asking(shop: Shop, talk: Conversation, question: str = "motive") -> None:
    async with shop.store.begin() as session:
        row = await session.get_one(ConversationRow, talk.id)
        session.add(
            CandidateRow(
                id=new_id(),
                shopper_id=row.shopper_id,
                question_id=question,
                about={"purchase": "order-0", "sku": "a-1", "product": "the toy mouse"},
                reason="welcome",
                created_at=shop.now,
                expires_at=shop.now + 30 * DAY,
            )
        )


async def decisions_of(shop: Shop, talk: Conversation) -> list[Decided]:
    return (await read_decisions(shop.store, talk.shopper, None, 100))[1]


async def test_a_decision_is_kept_with_all_that_it_was_made_by_and_can_be_made_again(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    shop.waits(HOUR)
    await finds_worth_asking(shop, talk)
    await shop.sees(talk, "opened")

    newest, asked, *_ = await decisions_of(shop, talk)

    assert (newest.question, newest.trigger, newest.channel) == (None, "opened", "web")
    assert newest.reasons[0]["code"] == "asked_recently"
    assert (asked.question, asked.version, asked.give) == ("gift_or_self", 1, "option")
    assert asked.weighed
    assert asked.weighed[0]["score"] >= POLICY.worth.threshold
    for decided in (newest, asked):
        assert replayed(decided, POLICY) == "the same again"
        assert decided.inputs is not None
        again = decide(inputs_from_json(decided.inputs), POLICY)
        assert (again.question, again.policy_sha256) == (decided.question, decided.policy_sha256)


async def test_the_inputs_hold_no_words_and_no_name(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    await shop.sees(talk, "opened")

    kept = str([row.inputs for row in await shop.rows(DecisionRow)])

    assert talk.shopper in kept
    assert "Dress" not in kept
    assert "Is “" not in kept


async def test_a_replay_says_what_it_cannot_do_and_what_came_out_otherwise(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    asked = (await decisions_of(shop, talk))[0]
    other = POLICY.model_copy(update={"version": 99})
    without = Decided(
        **{name: getattr(asked, name) for name in Decided.__slots__} | {"inputs": None}
    )
    changed = Decided(
        **{name: getattr(asked, name) for name in Decided.__slots__} | {"question": "x"}
    )

    assert "give --policy a folder" in replayed(asked, other)
    assert "were not kept" in replayed(without, POLICY)
    assert replayed(changed, POLICY) == "ANOTHER RESULT"


async def test_why_is_told_in_plain_sentences(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    await finds_worth_asking(shop, talk)
    shop.waits(MINUTE)
    await shop.sees(talk, "opened")

    silent, asked, *_ = await decisions_of(shop, talk)

    lines = list(told(silent))
    assert (
        lines[0] == f"2026-11-22 12:01 UTC on web, opened: asked nothing (policy {POLICY.version})"
    )
    assert "  fatigue: They were asked a few days ago." in lines
    assert lines[-1].startswith("  motive: worth 0.")
    assert "asked gift_or_self" in next(told(asked))


async def test_decisions_are_read_page_by_page_the_newest_first(shop: Shop) -> None:
    talk = await shop.meets("1")
    for _ in range(3):
        shop.waits(HOUR)
        await shop.sees(talk, "opened")
    await shop.sees(talk, "opened")  # at the same moment as the last one
    head, whole = await read_decisions(shop.store, talk.shopper, None, 100)

    first = (await read_decisions(shop.store, talk.shopper, None, 2))[1]
    second = await read_decisions(shop.store, talk.shopper, After(first[-1].at, first[-1].id), 9)

    assert (head, len(whole)) == (talk.shopper, 4)
    assert [*first, *second[1]] == whole
    assert [one.at for one in whole] == sorted((one.at for one in whole), reverse=True)
    with pytest.raises(NotFoundError):
        await read_decisions(shop.store, "nobody", None, 2)


async def test_whatever_is_asked_was_decided_for_that_one_shopper(shop: Shop) -> None:
    """Nobody asks many at once: each question stands on a decision of its own."""
    for customer in ("1", "2", "3"):
        talk, _ = await shop.asks_the_question(customer)
        await shop.hears(talk, "rather not say", "decline")

    asked = [row for row in await shop.rows(AskRow) if row.kind == "question"]
    decided = {
        (row.shopper_id, row.question_id, row.candidate_id)
        for row in await shop.rows(DecisionRow)
        if row.trigger == "consent_given"
    }

    assert len(asked) == 3
    assert {(row.shopper_id, row.question_id, row.candidate_id) for row in asked} == decided


async def test_a_question_that_pauses_is_asked_of_nobody(shop: Shop) -> None:
    async with shop.store.begin() as session:
        session.add(PausedQuestionRow(question_id="motive", why="declined", paused_at=NOW))
    talk = await shop.meets("1")
    await finds_worth_asking(shop, talk)

    await shop.sees(talk, "opened")

    (decision,) = await decisions_of(shop, talk)
    assert [reason["code"] for reason in decision.reasons] == ["question_paused"]


async def test_what_was_answered_on_any_channel_is_not_asked_on_another(shop: Shop) -> None:
    talk = await shop.meets("1")
    await finds_worth_asking(shop, talk)
    notice = (await shop.sees(talk, "opened"))[-1]["ask"]
    ask = (await shop.feels(talk, notice, "Yes, you may", 0))[-1]["ask"]
    for option in (0, 0):
        ask = (await shop.feels(talk, ask, "Taste", option))[-1]["ask"] or ask
    shop.waits(40 * DAY)
    other = await shop.meets("1", channel="whatsapp")
    await finds_worth_asking(shop, other)

    await shop.sees(other, "opened")

    assert [reason["code"] for reason in (await decisions_of(shop, other))[0].reasons] == [
        "known_already"
    ]


async def test_what_another_system_knows_is_not_asked(shop: Shop) -> None:
    talk = await shop.meets("1")
    fact = Fact("imported", "motive", "taste", "crm", shop.now)
    await add_facts(shop.store, Telling(talk.shopper, [fact], "pulled"), CATALOGUE, (), shop.now)
    await finds_worth_asking(shop, talk)
    await shop.sees(talk, "opened")

    [decided] = await decisions_of(shop, talk)
    assert [reason["code"] for reason in decided.reasons] == ["known_already"]


async def test_what_the_shop_reports_is_no_sign_of_the_shopper(shop: Shop) -> None:
    talk = await shop.meets("1")
    shop.waits(timedelta(hours=10))  # ten in the evening, and they left long ago
    await finds_worth_asking(shop, talk)

    assert await shop.sees(talk, "purchased") == []

    (decision,) = await decisions_of(shop, talk)
    assert [reason["code"] for reason in decision.reasons] == ["quiet_hours"]
    assert [row.seen_at for row in await shop.rows(ConversationRow)] == [NOW]


async def test_ten_orders_in_a_week_are_ten_decisions_and_not_a_second_question(shop: Shop) -> None:
    policy = POLICY.model_copy(update={"days_between_questions": 0})  # but for the week, it may
    shop.assistant = Assistant(CATALOGUE, VOICE, policy)
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    said: Replies = []
    for number in range(10):
        shop.waits(16 * HOUR)
        there = await shop.meets("4711", CHANNELS[number % 5])
        await shop.sells("4711", f"order-{number}", "dress")
        await finds_worth_asking(shop, there)
        said += await shop.sees(there, "purchased")

    storm = (await decisions_of(shop, talk))[:10]

    assert said == []
    assert {(one.trigger, one.question) for one in storm} == {("purchased", None)}
    codes = [{reason["code"] for reason in one.reasons} for one in storm]
    assert all("week_budget_used" in found for found in codes)
    shop.waits(8 * HOUR)
    await shop.sees(await shop.meets("4711"), "opened")
    assert (await decisions_of(shop, talk))[0].question is not None


async def _ask_everywhere_at_once(shop: Shop, *, permitted: bool) -> None:
    talks = [await shop.meets("1", channel=CHANNELS[number % 5]) for number in range(20)]
    if permitted:
        await finds_worth_asking(shop, talks[0])
        notice = (await shop.sees(talks[0], "opened"))[-1]["ask"]
        await shop.feels(talks[0], notice, "Yes, you may", 0)
        await shop.hears(talks[0], "rather not say")
        shop.waits(31 * DAY)
    await finds_worth_asking(shop, talks[0], "matters")
    before = len(await shop.rows(AskRow))
    events = ("opened", "purchased")
    taken = await asyncio.gather(
        *(shop.sees(talk, events[number % 2]) for number, talk in enumerate(talks))
    )

    asked = [reply for replies in taken for reply in replies if reply["ask"]]
    assert len(asked) == 1
    assert len(await shop.rows(AskRow)) == before + 1
    made = [one for one in await decisions_of(shop, talks[0]) if one.at == shop.now]
    assert sorted([one.question for one in made], key=str) == sorted(
        ["matters", *[None] * 19], key=str
    )
    silent = [one for one in made if one.question is None]
    assert all(one.reasons[0]["code"] == "question_open_elsewhere" for one in silent)


@pytest.mark.parametrize("permitted", [False, True])
async def test_of_twenty_conversations_at_one_moment_one_is_asked(
    postgresql_url: str, *, permitted: bool
) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        await _ask_everywhere_at_once(Shop(store), permitted=permitted)


async def test_the_same_with_one_writer(shop: Shop) -> None:
    await _ask_everywhere_at_once(shop, permitted=False)


# After a loss


async def test_a_loss_silences_its_goods_for_longer_than_the_rest_and_one_sentence_lifts_it(
    shop: Shop,
) -> None:
    talk = await shop.meets("1")
    await shop.hears(talk, "my cat passed away", "sensitive_event")
    async with shop.store.begin() as session:
        session.add(
            ProductRow(sku="a-1", title="Mouse", category="Cats", audience="", updated_at=NOW)
        )
    shop.waits(46 * DAY)
    await finds_worth_asking(shop, talk, "matters")
    await shop.sees(talk, "opened")
    silent = (await decisions_of(shop, talk))[0]
    shop.waits(MINUTE)

    await shop.hears(talk, "you can talk to me about pets again")
    await shop.sees(talk, "opened")

    assert [reason["code"] for reason in silent.reasons] == ["sensitive_moment"]
    assert silent.reasons[0]["stage"] == "safety"
    assert (await decisions_of(shop, talk))[0].question == "matters"
    rows = await shop.rows(SuppressionRow)
    lifted = {(row.scope, row.target) for row in rows if row.lifted_at}
    assert lifted == {("category", name) for name in ("pets", "cats", "cat food")}
    assert [row.urgent for row in await shop.rows(OutboxRow)] == [True]


async def test_a_wish_stands_when_the_silence_after_a_loss_is_lifted(shop: Shop) -> None:
    talk = await shop.meets("1")
    await shop.hears(talk, "my cat passed away", "sensitive_event")
    await shop.hears(talk, "stop")

    await shop.hears(talk, "you can talk to me about pets again")

    rows = await shop.rows(SuppressionRow)
    assert [row.reason for row in rows if not row.lifted_at] == ["shopper_said_stop"]


async def test_what_is_taken_care_of_is_left_alone_until_it_may_have_changed(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await shop.hears(talk, "already sorted", "already_sorted")

    (wish,) = await shop.rows(SuppressionRow)
    assert (wish.scope, wish.target, wish.source) == ("category", "clothes", "shopper")
    assert wish.expires_at == NOW + 180 * DAY
