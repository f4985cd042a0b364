import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy.exc import IntegrityError

from preferences.buying import Bought
from preferences.choosing.following import Occasion
from preferences.conversation import About
from preferences.errors import NotFoundError
from preferences.habit import Article
from preferences.store.conversations import choice_label, hand_back, read_log, read_unanswered
from preferences.store.dead import give_up
from preferences.store.engine import open_store
from preferences.store.erasure import erase_shopper
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.occasions import add_candidate
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentEventRow,
    ConversationRow,
    DecisionRow,
    MessageRow,
    NoticeRow,
    OutboxRow,
    OwnWordsRow,
    SuppressionRow,
)
from preferences.understanding import Guess, Heard
from tests.preferences.scenes import ASSISTANT, CATALOGUE, DAY, HOUR, NOW, POLICY, VOICE
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

GIFT = Heard(
    "for my sister", (Guess("answer", 0.9, "gift_or_self", "gift"),), {"relation": "sister"}
)


async def test_an_answer_is_kept_with_everything_that_proves_it(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question()
    words = await shop.gets(talk, "text", "for my sister", message_id="the-answer")

    await shop.answers(words, GIFT)

    (answer,) = await shop.rows(AnswerRow)
    (words_kept,) = await shop.rows(OwnWordsRow)
    (consent,) = [row for row in await shop.rows(ConsentEventRow) if row.state == "given"]
    asked = next(row for row in await shop.rows(AskRow) if row.id == ask)
    assert (answer.value, answer.detail, shop.reads(words_kept, "text")) == (
        "gift",
        {"relation": "sister"},
        "for my sister",
    )
    assert (answer.wording, answer.options) == (asked.wording, asked.options)
    assert "Dress" in answer.wording
    assert (answer.message_id, answer.channel, answer.locale) == ("the-answer", "web", "en")
    assert (answer.subject, answer.kind, answer.confidence > 0.8) == ("gift", "declared", True)
    assert answer.about is not None
    assert About(**answer.about) == About("4711-dress", "dress", "Dress")
    assert (answer.consent_id, consent.state) == (consent.id, "given")
    assert (asked.outcome, asked.closed_at) == ("answered", NOW)


async def test_an_answer_for_the_shopper_has_the_subject_of_its_question(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await shop.hears(talk, "for me", "answer", "self")

    assert [row.subject for row in await shop.rows(AnswerRow)] == ["self"]


async def test_permission_is_kept_with_the_exact_notice_that_was_shown(shop: Shop) -> None:
    talk, notice = await shop.asks_for_permission()

    await shop.feels(talk, notice, "Yes, you may", 0)

    asked, given = sorted(await shop.rows(ConsentEventRow), key=lambda row: row.seq)
    wording = VOICE.fill(CATALOGUE.purposes["tailor_suggestions"].wording["en"])
    (kept,) = await shop.rows(NoticeRow)
    assert (kept.sha256, kept.text) == (given.notice_sha256, wording)
    assert given.notice_sha256 == sha256(wording.encode()).hexdigest()
    assert (asked.state, asked.notice_sha256) == ("requested", given.notice_sha256)
    assert (given.seq, given.method, given.notice_version) == (2, "button", 1)
    assert given.evidence_sha256 == sha256(b"Yes, you may").hexdigest()
    assert (given.shown_ask, given.shown_at, given.disclosed_at) == (notice, NOW, NOW)
    assert given.valid_until == NOW + 730 * DAY
    assert (given.lawful_basis, given.recipients) == ("consent", ["log"])
    assert given.data_categories == ["shopping_preferences", "own_words"]
    assert (given.supersedes, given.assurance) == (None, "verified")


async def test_a_turn_taken_twice_gives_the_same_replies_and_is_kept_once(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    words = await shop.gets(talk, "text", "for my sister")

    first = await shop.answers(words, GIFT)
    log = await read_log(shop.store, talk.id, 0)
    shop.waits(HOUR)
    second = await shop.answers(words, Heard("for me", (Guess("stop", 1.0),)))

    assert first == second
    assert len(await shop.rows(AnswerRow)) == 1
    assert await read_log(shop.store, talk.id, 0) == log


async def test_replies_follow_what_they_answer_without_a_gap(shop: Shop) -> None:
    talk = await shop.meets()
    received = await shop.gets(talk, "event", "opened")

    replies = await shop.answers(received)

    assert [reply["seq"] for reply in replies] == [received.seq + 1, received.seq + 2]
    log = await read_log(shop.store, talk.id, 0)
    assert [(line.seq, line.author, line.text) for line in log] == [
        (reply["seq"], "assistant", reply["text"]) for reply in replies
    ]


async def test_a_reply_shows_its_buttons_and_never_what_they_mean(shop: Shop) -> None:
    talk, notice = await shop.asks_for_permission()

    (line,) = await read_log(shop.store, talk.id, 2)

    assert line.body == {
        "ask": notice,
        "choices": [{"label": "Yes, you may"}, {"label": "No, thanks"}],
    }


async def test_a_reply_is_given_as_the_channel_promises_it(shop: Shop) -> None:
    talk = await shop.meets()

    hello, offer = await shop.sees(talk, "opened")

    assert hello == {
        "seq": 2,
        "from": "assistant",
        "kind": "say",
        "text": VOICE.say("hello", "en"),
        "lang": "en",
        "choices": [],
        "ask": None,
        "at": NOW.isoformat(),
    }
    assert offer["seq"] == 3


async def test_a_message_that_is_not_in_the_log_is_refused(shop: Shop) -> None:
    talk = await shop.meets()

    for conversation in (talk.id, "nobody"):
        with pytest.raises(NotFoundError, match="has to be kept before it is answered"):
            await shop.turns.take(conversation, "unheard-of", Heard("hello"))

    assert await shop.rows(MessageRow) == []


async def test_a_turn_that_fails_leaves_nothing_and_can_be_taken_again(shop: Shop) -> None:
    talk, notice = await shop.asks_for_permission()
    body = {"ask": notice, "option": 0}
    received = await shop.gets(talk, "press", "Yes, you may", body)

    with pytest.raises(IntegrityError):
        await shop.of(destinations=[None]).answers(received)  # written last

    assert [row.state for row in await shop.rows(ConsentEventRow)] == ["requested"]
    assert [waiting.seq for waiting in await read_unanswered(shop.store, talk.shopper)] == [
        received.seq
    ]
    assert (await shop.answers(received))[-1]["kind"] == "question"


async def test_the_crms_are_marked_and_the_bell_rung_only_for_what_concerns_them(
    shop: Shop,
) -> None:
    talk, notice = await shop.asks_for_permission()
    assert (shop.rung, await shop.rows(OutboxRow)) == (0, [])

    pressed = await shop.gets(talk, "press", "Yes", {"ask": notice, "option": 0})
    await shop.answers(pressed)
    await shop.answers(pressed)

    assert shop.rung == 1
    assert [(row.destination, row.urgent) for row in await shop.rows(OutboxRow)] == [("log", False)]


async def test_without_anybody_who_listens_a_turn_is_taken_all_the_same(shop: Shop) -> None:
    talk = await shop.meets()
    quiet = type(shop.turns)(shop.store, ASSISTANT, ("log",), lambda: NOW)
    received = await shop.gets(talk, "text", "stop")

    replies = await quiet.take(talk.id, received.message_id, Heard("stop"))

    assert replies[-1]["text"] == VOICE.say("stopped", "en")


@pytest.mark.parametrize("text", ["stop", "no"])
async def test_a_withdrawal_and_a_refusal_overtake(shop: Shop, text: str) -> None:
    talk, _ = await shop.asks_for_permission()

    await shop.hears(talk, text, "deny")

    assert [row.urgent for row in await shop.rows(OutboxRow)] == [True]


async def test_stop_is_kept_with_its_withdrawal_and_start_lifts_it(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await shop.hears(talk, "STOP!")

    consents = sorted(await shop.rows(ConsentEventRow), key=lambda row: row.seq)
    assert [(row.seq, row.state, row.method) for row in consents] == [
        (1, "requested", "asked"),
        (2, "given", "button"),
        (3, "withdrawn", "stop_keyword"),
    ]
    assert consents[2].notice_sha256 is None
    assert consents[2].supersedes == consents[1].id
    (forbidden,) = await shop.rows(SuppressionRow)
    assert (forbidden.scope, forbidden.expires_at, forbidden.lifted_at) == ("all", None, None)
    assert (forbidden.source, forbidden.reason) == ("shopper", "shopper_said_stop")
    assert forbidden.message_id == consents[2].message_id != ""

    shop.waits(HOUR)
    await shop.hears(talk, "start")
    (lifted,) = await shop.rows(SuppressionRow)
    assert lifted.lifted_at == NOW + HOUR
    assert (lifted.lifted_by or "").startswith("shopper:")


async def test_a_sensitive_moment_is_over_after_ninety_days(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await shop.hears(talk, "my father died", "sensitive_event")

    (forbidden,) = await shop.rows(SuppressionRow)
    assert forbidden.expires_at == NOW + 90 * DAY
    assert forbidden.source == "assistant"
    reasons = []
    for wait in (89 * DAY, 2 * DAY):
        shop.waits(wait)
        await shop.sees(talk, "opened")
        decisions = sorted(await shop.rows(DecisionRow), key=lambda row: row.at)
        reasons.append([reason["code"] for reason in decisions[-1].reasons])
    assert reasons == [["sensitive_moment", "nothing_to_ask"], ["nothing_to_ask"]]


async def test_silence_is_kept_with_its_reasons(shop: Shop) -> None:
    talk = await shop.meets()

    await shop.sees(talk, "opened")

    (decision,) = await shop.rows(DecisionRow)
    assert (decision.trigger, decision.question_id) == ("opened", None)
    assert decision.reasons == [{"code": "nothing_to_ask", "question": "", "stage": "value"}]


async def test_a_question_that_was_put_and_ended_takes_its_occasion_with_it(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    assert [row.closed_at for row in await shop.rows(CandidateRow)] == [None]

    await shop.hears(talk, "rather not say")

    assert [row.closed_at for row in await shop.rows(CandidateRow)] == [NOW]


async def test_it_remembers_that_it_was_not_understood(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    await shop.hears(talk, "the moon is made of cheese")
    assert [row.unclear for row in await shop.rows(ConversationRow)] == [1]

    await shop.hears(talk, "a gift")
    assert [row.unclear for row in await shop.rows(ConversationRow)] == [0]


async def test_after_a_person_was_called_nothing_is_said(shop: Shop) -> None:
    talk = await shop.meets()

    await shop.hears(talk, "a person please", "handoff")

    assert await shop.hears(talk, "are you there?", "greet") == []
    assert await read_unanswered(shop.store, talk.shopper) == []


async def test_a_button_whose_question_is_over_changes_nothing(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question()
    await shop.hears(talk, "a gift")

    replies = await shop.feels(talk, ask, "For me", 1)

    assert [reply["text"] in VOICE.pages["en"]["acknowledged"] for reply in replies] == [True]
    assert [row.value for row in await shop.rows(AnswerRow)] == ["gift"]


async def test_the_label_of_a_button_is_known_where_it_was_shown(shop: Shop) -> None:
    talk, notice = await shop.asks_for_permission()
    elsewhere = await shop.meets()

    assert await choice_label(shop.store, talk.id, notice, 1) == "No, thanks"
    for conversation, option in ((talk.id, 2), (elsewhere.id, 0)):
        with pytest.raises(NotFoundError, match="not part of this conversation"):
            await choice_label(shop.store, conversation, notice, option)


async def test_what_is_known_is_told_in_the_words_of_the_catalogue(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")

    (told,) = await shop.hears(talk, "what do you know about me?", "ask_data")

    assert "“A gift”" in told["text"]
    assert "2 purchases" in told["text"]


async def test_an_answer_whose_option_is_gone_is_told_by_its_value(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    question = CATALOGUE.questions["gift_or_self"]
    left = tuple(option for option in question.options if option.value != "gift")
    questions = {**CATALOGUE.questions, question.id: question.model_copy(update={"options": left})}
    catalogue = CATALOGUE.model_copy(update={"questions": questions})
    later = shop.of(assistant=replace(ASSISTANT, catalogue=catalogue))

    (told,) = await later.hears(talk, "what do you know about me?", "ask_data")

    assert "“gift”" in told["text"]


async def test_an_answer_in_another_conversation_of_the_shopper_is_known_here(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    phone = await shop.meets("4711", "whatsapp")

    replies = await shop.hears(phone, "what do you know about me?", "ask_data")

    assert "“A gift”" in replies[-1]["text"]


async def test_what_the_shop_brought_along_is_told_as_such_to_whom_it_vouched_for(
    shop: Shop,
) -> None:
    talk = await shop.meets("4711")
    stranger = await shop.meets()
    question = CATALOGUE.questions["gift_or_self"]
    facts = [Fact("imported", question.id, "gift", "old crm", shop.now)]
    for who in (talk.shopper, stranger.shopper):
        await add_facts(shop.store, Telling(who, facts, f"e-{who}"), CATALOGUE, (), shop.now)
    left = {name: one for name, one in CATALOGUE.questions.items() if name != question.id}
    later = shop.of(
        assistant=replace(ASSISTANT, catalogue=CATALOGUE.model_copy(update={"questions": left}))
    )

    [*_, told] = await shop.hears(talk, "what do you know about me?", "ask_data")
    [*_, bare] = await later.hears(talk, "what do you know about me?", "ask_data")
    untold = await shop.hears(stranger, "what do you know about me?", "ask_data")

    assert "“A gift” (Corner Shop told me, from “old crm”, on" in told["text"]
    assert "gift_or_self – “gift” (Corner Shop told me, from “old crm”, on" in bare["text"]
    assert "gift" not in untold[-1]["text"]


async def test_what_the_shopper_said_is_told_before_what_the_shop_brought_along(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(talk, "a gift")
    facts = [
        Fact("imported", "channel", "email", "old crm", shop.now),
        Fact("imported", "gift_or_self", "self", "old crm", shop.now),
    ]
    await add_facts(shop.store, Telling(talk.shopper, facts, "e-1"), CATALOGUE, (), shop.now)

    [*_, told] = await shop.hears(talk, "what do you know about me?", "ask_data")

    assert told["text"].index("“A gift”") < told["text"].index("“Email (en)”")


async def test_a_stop_elsewhere_closes_what_is_open_here(shop: Shop) -> None:
    talk, ask = await shop.asks_the_question("4711")
    await shop.hears(await shop.meets("4711", "whatsapp"), "stop")

    replies = await shop.feels(talk, ask, "A gift", 0)

    assert [reply["text"] in VOICE.pages["en"]["acknowledged"] for reply in replies] == [True]
    assert await shop.rows(AnswerRow) == []
    assert [row.outcome for row in await shop.rows(AskRow) if row.id == ask] == ["withdrawn"]


async def test_a_stop_elsewhere_is_not_answered_by_the_question_here(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(await shop.meets("4711", "whatsapp"), "stop")

    replies = await shop.hears(talk, "hello", "greet")

    assert [reply["ask"] for reply in replies] == [None]


async def test_a_sensitive_moment_elsewhere_is_not_answered_by_the_question_here(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.hears(await shop.meets("4711", "whatsapp"), "my father died", "sensitive_event")

    replies = await shop.hears(talk, "hello", "greet")

    assert [reply["ask"] for reply in replies] == [None]


async def test_a_permission_that_was_ignored_is_not_asked_for_again_the_next_day(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_for_permission()
    shop.waits(DAY)

    assert {reply["kind"] for reply in await shop.sees(talk, "opened")} == {"say"}
    assert [row.outcome for row in await shop.rows(AskRow)] == ["ignored"]


# Chains and languages


async def test_a_chain_is_one_question_closed_as_a_whole_and_answered_in_its_first_words(
    shop: Shop,
) -> None:
    talk, ask = await shop.asks_the_question()
    unsure = Heard("a friend, kind of", (Guess("answer", 0.07, "gift_or_self", "gift"),))
    (back,) = await shop.answers(await shop.gets(talk, "text", unsure.text), unsure)
    held = {row.id: row for row in await shop.rows(AskRow)}
    assert (back["ask"] != ask, held[back["ask"]].begun_by) == (True, ask)
    pending = shop.reads(held[back["ask"]], "pending")
    assert json.loads(pending)["words"] == unsure.text

    await shop.feels(talk, back["ask"], "Yes", 0)

    (answer,) = await shop.rows(AnswerRow)
    assert (answer.ask_id, answer.wording) == (ask, held[ask].wording)
    (kept,) = await shop.rows(OwnWordsRow)
    assert (answer.value, shop.reads(kept, "text")) == ("gift", unsure.text)
    chain = [row for row in await shop.rows(AskRow) if row.kind != "consent"]
    assert {(row.outcome, row.sealed_pending) for row in chain} == {("answered", None)}
    assert [row.closed_at is not None for row in await shop.rows(CandidateRow)] == [True]


async def test_a_conversation_goes_on_in_the_language_that_was_asked_for(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    replies = await shop.hears(talk, "auf Deutsch bitte", "change_language")

    assert {reply["lang"] for reply in replies} == {"de"}
    assert [row.locale for row in await shop.rows(ConversationRow)] == ["de"]


@pytest.mark.parametrize("channel", ["web", "whatsapp", "messenger", "instagram", "twilio"])
async def test_who_comes_back_is_greeted_so_and_asked_nothing_that_they_told_elsewhere(
    shop: Shop, channel: str
) -> None:
    talk, _ = await shop.asks_the_question("4711")
    await shop.answers(await shop.gets(talk, "text", "for my sister"), GIFT)
    shop.waits(8 * DAY)

    again = await shop.meets("4711", channel)
    first, *rest = await shop.hears(again, "hello", "greet")
    nothing = await shop.sees(again, "opened")

    assert first["text"] == VOICE.say("hello_again", "en")
    assert [reply["ask"] for reply in rest] == [None]
    assert nothing == []
    (known,) = await shop.hears(again, "what do you know about me?", "ask_data")
    assert "gift" in known["text"].lower()


async def test_who_comes_back_to_a_conversation_is_greeted_once_and_one_who_is_there_is_not(
    shop: Shop,
) -> None:
    talk = await shop.meets()
    hours = timedelta(hours=POLICY.hours_between_visits)
    greeted = []
    for pause in (timedelta(), hours - timedelta(seconds=1), hours, timedelta(minutes=1)):
        shop.waits(pause)
        (first, *_) = await shop.hears(talk, "hello", "greet")
        greeted.append(first["text"])

    hello, back = VOICE.say("hello", "en"), VOICE.say("hello_again", "en")
    assert [text in {hello, back} for text in greeted] == [True, False, True, False]
    assert (greeted[0], greeted[2]) == (hello, back)


async def test_who_had_everything_deleted_is_a_stranger_when_they_come_back(shop: Shop) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "hello", "greet")
    await erase_shopper(shop.store, talk.shopper, (), shop.now)
    shop.waits(30 * DAY)

    (first, *_) = await shop.hears(talk, "hello", "greet")

    assert first["text"] == VOICE.say("hello", "en")


async def test_each_visit_has_its_own_budget_of_questions(shop: Shop) -> None:
    """On a channel a conversation lasts for years: its budget is that of a visit."""
    once = POLICY.model_copy(update={"questions_per_conversation": 1, "days_between_questions": 0})
    shop = shop.of(assistant=replace(shop.assistant, policy=once))
    talk, ask = await shop.asks_the_question()
    await shop.feels(talk, ask, "A gift", 0)

    async def comes_again(after: timedelta) -> list[str]:
        shop.waits(after)
        await shop.sells("4711", f"order-{shop.now:%j-%H}", "dress")
        await shop.sees(talk, "purchased")
        decision = max(await shop.rows(DecisionRow), key=lambda row: row.at)
        return [one["code"] for one in decision.reasons]

    assert "conversation_budget_used" in await comes_again(timedelta(hours=11))
    assert "conversation_budget_used" not in await comes_again(40 * DAY)


async def test_a_question_that_rested_is_one_question_and_ends_as_it_is_answered(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question()
    text_me = Heard("please text me instead", (Guess("answer", 0.9, "channel", "sms"),))
    await shop.answers(await shop.gets(talk, "text", text_me.text), text_me)
    held = [row for row in await shop.rows(AskRow) if row.question_id == "gift_or_self"]
    assert [row.outcome for row in held] == ["skipped"]

    await shop.hears(talk, "yes", "affirm")
    await shop.answers(await shop.gets(talk, "text", "for my sister"), GIFT)

    assert {row.value for row in await shop.rows(AnswerRow)} == {"sms", "gift"}
    rows = await shop.rows(AskRow)
    held = [row for row in rows if (row.question_id, row.kind) == ("gift_or_self", "question")]
    assert [row.outcome for row in held] == ["answered", "answered"]
    assert [row.begun_by for row in held].count(None) == 1


async def test_after_it_was_handed_back_the_assistant_speaks_again(shop: Shop) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "a person please", "handoff")

    await hand_back(shop.store, talk.id)

    assert await shop.hears(talk, "hello", "greet") != []
    with pytest.raises(NotFoundError, match="nothing to hand back"):
        await hand_back(shop.store, "nobody")


# Giving up


async def test_a_message_that_cannot_be_answered_is_closed_with_an_apology_once(
    shop: Shop,
) -> None:
    talk = await shop.meets()
    received = await shop.gets(talk, "text", "hello")

    for _ in range(2):
        await give_up(shop.store, talk.id, received.message_id, "I am sorry.", NOW)

    log = await read_log(shop.store, talk.id, received.seq)
    assert [(line.seq, line.kind, line.text) for line in log] == [(2, "say", "I am sorry.")]
    assert await read_unanswered(shop.store, talk.shopper) == []


async def test_giving_up_what_nobody_knows_of_is_nothing(shop: Shop) -> None:
    talk = await shop.meets()

    await give_up(shop.store, talk.id, "unheard-of", "I am sorry.", NOW)
    await give_up(shop.store, "nobody", "unheard-of", "I am sorry.", NOW)

    assert await shop.rows(MessageRow) == []


# At once


async def test_a_turn_taken_several_times_at_once_is_taken_once(store_url: str) -> None:
    async with open_store(store_url, VAULT) as store:
        shop = Shop(store)
        talk, _ = await shop.asks_the_question()
        words = await shop.gets(talk, "text", "for my sister")

        taken = await asyncio.gather(*(shop.answers(words, GIFT) for _ in range(5)))

        assert all(replies == taken[0] for replies in taken)
        assert len(await shop.rows(AnswerRow)) == 1


async def test_turns_of_several_conversations_at_once_do_not_mix(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        shop = Shop(store)
        talks = [await shop.meets() for _ in range(8)]

        taken = await asyncio.gather(*(shop.sees(talk, "opened") for talk in talks))

        assert [[reply["seq"] for reply in replies] for replies in taken] == [[2, 3]] * 8


async def test_messages_and_turns_at_once_leave_a_log_without_a_gap(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        shop = Shop(store)
        talk = await shop.meets()

        await asyncio.gather(*(shop.hears(talk, f"hello {n}", "greet") for n in range(6)))

        log = await read_log(store, talk.id, 0)
        assert [line.seq for line in log] == list(range(1, len(log) + 1))
        assert sum(line.text == VOICE.say("hello", "en") for line in log) == 1
        assert not [line for line in log if line.at - NOW > timedelta(0)]


async def test_a_tip_is_told_once_on_all_channels_and_again_when_it_was_long_ago(
    shop: Shop,
) -> None:
    replies = []
    talk, ask = await shop.asks_the_question()
    replies.append(await shop.feels(talk, ask, "It is a gift", 0))
    for days in (30, POLICY.days_between_same_tip):
        shop.waits(days * DAY)
        async with shop.store.begin() as session:
            dress = Bought("dress", "Dress", Article("clothes", "women"))
            one = Occasion("gift_or_self", "misfit", shop.now, shop.now + DAY, dress)
            add_candidate(session, talk.shopper, one, f"later-{days}", shop.now)
        talk = await shop.meets("4711", channel="whatsapp")
        (*_, question) = await shop.sees(talk, "opened")
        replies.append(await shop.feels(talk, question["ask"], "It is a gift", 0))

    first, second, third = [(one[0]["text"], len(one[0]["choices"])) for one in replies]
    assert first == third
    assert first[0].startswith(second[0])
    assert (first[1], second[1]) == (2, 0)
