"""Whole conversations on WhatsApp and Messenger, with a stand-in for what Rasa understands."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from preferences.store.dispatches import month_of
from preferences.store.tables import (
    AnswerRow,
    ConsentRow,
    ConversationRow,
    DecisionRow,
    DispatchRow,
    IdentityRow,
    MessageRow,
    SuppressionRow,
)
from preferences.understanding import Guess
from tests.bot.channels.bodies import (
    BSUID,
    PHONE,
    PSID,
    event,
    message,
    page,
    said,
    stamp,
    whatsapp,
)
from tests.bot.channels.conftest import Dial, Line, until
from tests.bot.channels.platform import choices_of, refusal, text_of


async def test_somebody_writes_and_gets_one_answer_whatever_comes_twice(line: Line) -> None:
    name = await line.platform.writes("hello")
    (answer,) = await line.receives(1)
    await line.platform.writes("hello", id=name)
    (sent,) = line.platform.delivered
    (row,) = await line.ends_as("sent")

    assert answer.startswith("Hello, I am the automated assistant of Corner Shop")
    assert (sent["to"], sent["biz_opaque_callback_data"]) == (PHONE, row.id)
    assert line.platform.typing[0]["message_id"] == name
    assert line.platform.tokens == {"Bearer whatsapp token"}
    assert (row.provider_id, row.sealed_to, row.form) == (sent["wamid"], None, "text")
    assert len(line.rasa.turns) == 1


async def test_statuses_move_a_message_forward_alone_in_whatever_order(line: Line) -> None:
    await line.platform.writes()
    await line.receives(1)
    (sent,) = line.platform.delivered
    await line.ends_as("sent")
    for name in ("read", "sent", "delivered", "read", "pondering"):
        await line.platform.reports(name, sent, pricing={"type": "regular"})

    (row,) = await line.ends_as("read")
    assert row.charged is True
    await line.platform.reports("failed", sent, errors=[{"code": 131026}])
    assert [one.state for one in await line.dispatches()] == ["read"]


async def test_what_was_taken_and_then_not_delivered_has_failed(line: Line) -> None:
    await line.platform.writes()
    await line.receives(1)
    await line.ends_as("sent")
    await line.platform.reports("failed", line.platform.delivered[0], errors=[{"code": 131026}])

    (row,) = await line.ends_as("failed")
    assert row.why == "131026"


async def test_a_question_has_buttons_and_pressing_one_answers_it(line: Line) -> None:
    await line.is_a_customer()
    await line.platform.opens()
    await line.receives(1)
    (notice,) = line.platform.delivered

    assert [one["title"] for one in choices_of(notice)] == ["Yes, you may", "No, thanks"]
    await line.platform.presses(0)
    await line.receives(2)
    question = line.platform.delivered[1]
    assert "Linen dress" in text_of(question)
    options = [one["title"] for one in choices_of(question)]
    await line.platform.presses(1)
    await line.receives(3)
    rows = await line.ends_as("sent", "sent", "sent")
    assert (rows[0].form, rows[1].form) == ("buttons", "list" if len(options) > 3 else "buttons")
    (answer,) = await line.rows(AnswerRow)
    assert (answer.question_id, answer.channel) == ("gift_or_self", "whatsapp")


async def test_when_the_messages_of_a_month_are_used_up_answers_go_on_and_questions_rest(
    line: Line,
) -> None:
    line.rasa.messages_per_month = 1
    await line.is_a_customer()
    await line.platform.writes("hello")
    await line.receives(1)
    await line.ends_as("sent")
    await line.platform.opens()
    await until(lambda: len(line.rasa.turns) == 2)
    await line.platform.writes("are you open tomorrow?")
    await line.receives(2)
    (decision,) = await line.rows(DecisionRow)
    assert [one["code"] for one in decision.reasons] == ["messages_used_up"]

    await line.platform.reports("delivered", line.platform.delivered[0], pricing={"type": "free_x"})
    await line.platform.reports("delivered", line.platform.delivered[1], pricing={"type": "free_x"})
    await line.platform.opens()
    await line.receives(3)
    assert len(choices_of(line.platform.delivered[2])) == 2


async def test_when_a_month_is_over_it_is_asked_again(line: Line) -> None:
    line.rasa.messages_per_month = 1
    await line.is_a_customer()
    await line.platform.writes("hello")
    await line.receives(1)
    await line.ends_as("sent")
    async with line.store.begin() as session:
        (sent,) = (await session.exec(select(DispatchRow))).all()
        sent.sent_at = month_of(datetime.now(UTC)) - timedelta(seconds=1)
    await line.platform.opens()

    await line.receives(2)
    assert len(choices_of(line.platform.delivered[1])) == 2


async def test_a_button_of_another_conversation_is_the_words_on_it(line: Line) -> None:
    await line.is_a_customer()
    await line.platform.opens()
    await line.receives(1)
    await line.platform.presses(0, phone="34600999888")
    await line.receives(2)

    assert line.rasa.turns[-1]["kind"] == "text"
    assert line.rasa.turns[-1]["text"] == "Yes, you may"
    assert [row.state for row in await line.rows(ConsentRow)] == []


async def test_what_cannot_be_read_is_said_once_and_cards_of_others_are_not_kept(
    line: Line,
) -> None:
    card = {"name": {"formatted_name": "Somebody else"}, "phones": [{"phone": "+49 30 999"}]}
    body = whatsapp(message("contacts", [card]), message("sticker", {"id": "1"}))
    assert await line.platform.post("whatsapp", body) == 200
    (whole,) = await line.receives(1)

    hello, _, told = whole.partition("\n\n")
    assert hello.startswith("Hello, I am the automated assistant of Corner Shop")
    assert (
        told == "I can read words and buttons here, nothing else. Could you say it in a few words?"
    )
    assert line.rasa.turns == []
    rows = await line.rows(MessageRow)
    assert [(row.kind, row.author) for row in rows] == [
        ("unheard", "shopper"),
        ("say", "assistant"),
        ("say", "assistant"),
    ]
    await line.platform.writes("hello")
    assert "automated" not in (await line.receives(2))[1]


async def test_the_words_under_a_picture_are_words(line: Line) -> None:
    body = whatsapp(message("image", {"id": "1", "caption": "is this in stock?"}))
    assert await line.platform.post("whatsapp", body) == 200
    await line.receives(1)

    assert line.rasa.texts == ["is this in stock?"]


async def test_lines_in_quick_succession_are_one_message(dial: Dial) -> None:
    async with dial(settle_milliseconds=50) as line:
        lines = ("I bought", "a dress", "as a gift")
        body = whatsapp(*(message("text", {"body": text}, id=text) for text in lines))
        assert await line.platform.post("whatsapp", body) == 200
        await line.receives(1)
        assert await line.platform.post("whatsapp", body) == 200
        await asyncio.sleep(0.2)

        assert line.rasa.texts == ["I bought\na dress\nas a gift"]
        assert len(line.platform.delivered) == 1
        kept = [row.kind for row in await line.rows(MessageRow) if row.author == "shopper"]
        assert sorted(kept) == ["event", "event", "text"]


async def test_a_wish_to_stop_is_never_one_line_among_others(dial: Dial) -> None:
    async with dial(settle_milliseconds=50) as line:
        lines = ("I bought", "a dress", "stop", "thanks")
        body = whatsapp(*(message("text", {"body": text}, id=text) for text in lines))
        assert await line.platform.post("whatsapp", body) == 200
        await line.receives(2)
        await until(lambda: len(line.rasa.texts) == 3)

        assert line.rasa.texts == ["I bought\na dress", "stop", "thanks"]
        assert [row.reason for row in await line.rows(SuppressionRow)] == ["shopper_said_stop"]


async def test_what_comes_too_late_is_kept_and_not_answered_but_a_stop_holds(line: Line) -> None:
    hours_ago = stamp(datetime.now(UTC) - timedelta(hours=5))
    await line.platform.writes("hello?", timestamp=hours_ago)
    await line.platform.writes("stop", timestamp=hours_ago)
    (row,) = await line.ends_as("withheld")

    assert row.why == "late"
    assert line.rasa.texts == ["stop"]
    assert line.platform.delivered == line.platform.typing == []
    assert len(await line.rows(SuppressionRow)) == 1
    await line.platform.writes("start")
    assert len(await line.receives(1)) == 1


async def test_a_quarter_of_an_hour_is_what_parts_late_from_in_time(line: Line) -> None:
    for minutes, phone in ((14, "34600111001"), (16, "34600111002")):
        at = stamp(datetime.now(UTC) - timedelta(minutes=minutes))
        await line.platform.writes("hello?", phone=phone, timestamp=at)
    await line.receives(1)
    await line.platform.writes("hello!", phone="34600111002")
    await line.receives(2)

    assert [sent["to"] for sent in line.platform.delivered] == ["34600111001", "34600111002"]
    assert line.rasa.texts == ["hello?", "hello!"]
    kept = [row for row in await line.rows(MessageRow) if row.author == "shopper"]
    assert len(kept) == 3


async def test_who_writes_too_fast_is_kept_and_not_answered_but_a_stop_holds(dial: Dial) -> None:
    async with dial(messages_per_minute=1) as line:
        batch = [message("text", {"body": f"line {n}"}, id=f"wamid.{n}") for n in range(30)]
        assert await line.platform.post("whatsapp", whatsapp(*batch)) == 200
        await line.receives(10)
        await line.platform.writes("stop")
        texts = await line.receives(11)

        assert len([row for row in await line.rows(MessageRow) if row.author == "shopper"]) == 31
        assert line.rasa.texts == [*(f"line {n}" for n in range(10)), "stop"]
        assert "I stop here" in texts[10]


async def test_where_a_person_of_the_shop_writes_the_assistant_is_silent_until_later(
    line: Line,
) -> None:
    await line.platform.writes("hello")
    await line.receives(1)
    await line.platform.staff_writes()
    await line.platform.writes("and another thing")
    await until(lambda: len(line.rasa.turns) == 2)
    assert len(line.platform.delivered) == 1

    async with line.store.begin() as session:
        row = await session.get_one(ConversationRow, (await line.conversation()).id)
        row.handed_off_until = datetime.now(UTC) - timedelta(hours=1)
    await line.platform.writes("are you still there?")
    assert len(await line.receives(2)) == 2


async def test_staff_may_begin_and_nobody_barges_in(line: Line) -> None:
    await line.platform.staff_writes()
    await line.platform.writes("yes?")
    await until(lambda: len(line.rasa.turns) == 1)
    await line.platform.post("whatsapp", whatsapp(message("image", {"id": "1"})))
    await asyncio.sleep(0.1)

    assert line.platform.delivered == []


async def test_a_number_and_an_id_are_one_person_and_a_recycled_number_is_another(
    line: Line,
) -> None:
    own = {"user_id": BSUID, "wa_id": PHONE}
    by_phone = whatsapp(message(id="wamid.1"))
    both = whatsapp(message(id="wamid.2"), contacts=[own])
    by_id = whatsapp(message(id="wamid.3", **{"from": None, "from_user_id": BSUID}))
    stranger = whatsapp(message(id="wamid.4"), contacts=[own | {"user_id": "ES.999"}])
    again = whatsapp(message(id="wamid.5", **{"from": None, "from_user_id": BSUID}))
    for number, body in enumerate((by_phone, both, by_id, stranger, again), start=1):
        assert await line.platform.post("whatsapp", body) == 200
        await line.receives(number)

    greetings = [text.startswith("Hello, I am") for text in line.platform.texts]
    assert greetings == [True, False, False, True, False]
    assert line.platform.delivered[2]["to"] == line.platform.delivered[3]["to"] == PHONE
    assert line.platform.delivered[4]["recipient"] == BSUID
    assert "to" not in line.platform.delivered[4]
    assert await line.named("whatsapp", BSUID) != await line.named("phone", f"+{PHONE}")
    assert await line.named("whatsapp", "ES.999") == await line.named("phone", f"+{PHONE}")


async def test_who_has_no_number_is_answered_by_the_id(line: Line) -> None:
    body = whatsapp(message(**{"from": None, "from_user_id": BSUID}))
    assert await line.platform.post("whatsapp", body) == 200
    await line.receives(1)

    assert line.platform.delivered[0]["recipient"] == BSUID
    assert "to" not in line.platform.delivered[0]


async def test_whoever_has_a_mexican_number_is_known_by_it_and_written_to_as_whatsapp_spells_it(
    line: Line,
) -> None:
    await line.is_a_customer(phone="525512345678")
    await line.platform.writes("hello", phone="5215512345678")
    await line.platform.opens(phone="5215512345678")
    await line.receives(2)

    assert {sent["to"] for sent in line.platform.delivered} == {"5215512345678"}
    assert len(await line.rows(ConversationRow)) == 1
    shopper = await line.named("customer", "4711")
    assert shopper is not None
    assert shopper == (await line.conversation()).shopper_id


async def test_a_number_that_no_country_has_is_written_to_as_a_number(line: Line) -> None:
    await line.platform.writes("hello", phone="333333333333")
    await line.receives(1)

    assert line.platform.delivered[0]["to"] == "333333333333"
    assert "recipient" not in line.platform.delivered[0]


async def test_who_changes_the_number_is_still_who_they_are(line: Line) -> None:
    new = "34600999888"
    await line.platform.writes("hello")
    await line.receives(1)
    system = message("system", {"type": "user_changed_number", "new_wa_id": new})
    assert await line.platform.post("whatsapp", whatsapp(system)) == 200
    await line.platform.writes("it is me", phone=new)
    texts = await line.receives(2)

    assert not texts[1].startswith("Hello, I am")
    assert line.platform.delivered[1]["to"] == new
    assert len(await line.rows(ConversationRow)) == 1


async def test_where_somebody_comes_from_is_kept(line: Line) -> None:
    referral = {"source_type": "ad", "source_id": "7", "ctwa_clid": "c", "headline": "!"}
    await line.platform.writes("hello", referral=referral)
    await line.receives(1)
    link = event(referral={"ref": "flyer", "source": "SHORTLINK", "type": "OPEN_THREAD"})
    assert await line.platform.post("messenger", page(link)) == 200
    await line.receives(2)

    rows = {row.channel: row.referral for row in await line.rows(ConversationRow)}
    assert rows["whatsapp"] == {"source_type": "ad", "source_id": "7", "ctwa_clid": "c"}
    assert rows["messenger"] == {"ref": "flyer", "source": "SHORTLINK", "type": "OPEN_THREAD"}


async def test_who_deletes_a_message_takes_its_words_back(line: Line) -> None:
    name = await line.platform.writes("my secret")
    await line.receives(1)
    gone = message("revoke", {"original_message_id": name}, id="wamid.gone")
    assert await line.platform.post("whatsapp", whatsapp(gone)) == 200

    (row,) = [row for row in await line.rows(MessageRow) if row.message_id == name]
    assert line.store.vault.open(row.sealed_text, "message.text", f"{row.conversation_id}/1") == ""


async def test_who_has_everything_deleted_gets_the_goodbye_and_leaves_no_address(
    line: Line,
) -> None:
    line.rasa.taught["forget me"] = (Guess("erase_data", 0.99),)
    line.platform.answers = [refusal(131026)]  # the first answer is never delivered
    await line.platform.writes("hello")
    await line.ends_as("failed")
    await line.platform.writes("forget me")
    await line.receives(1)
    name = await line.platform.writes("yes")
    texts = await line.receives(2)
    (row,) = await line.ends_as("sent")
    await line.platform.writes("yes", id=name)  # it comes once more, after all is gone

    assert "deleted" in texts[1]
    assert row.sealed_to is None
    assert (await line.conversation()).sealed_address is None
    assert {one.sealed_value for one in await line.rows(IdentityRow)} == {None}
    await line.platform.writes("hello again")
    assert len(await line.receives(3)) == 3


async def test_messenger_answers_with_quick_replies_and_its_own_echo_is_no_person(
    line: Line,
) -> None:
    assert await line.platform.post("messenger", page(said("hello"))) == 200
    await line.receives(1)
    (sent,) = line.platform.delivered
    assert text_of(sent).startswith("Hello, I am the automated assistant of Corner Shop")
    echo = said("…", mid=sent["wamid"], is_echo=True, metadata=sent["message"]["metadata"])
    echo |= {"sender": echo["recipient"], "recipient": {"id": PSID}}
    assert await line.platform.post("messenger", page(echo)) == 200
    assert (await line.conversation()).handed_off_at is None
    read = event(read={"watermark": int(datetime.now(UTC).timestamp() * 1000) + 5000})
    assert await line.platform.post("messenger", page(read)) == 200

    await line.ends_as("read")
    assert (sent["messaging_type"], sent["recipient"]) == ("RESPONSE", {"id": PSID})
    assert [one["sender_action"] for one in line.platform.typing] == ["mark_seen", "typing_on"]


async def test_a_thread_that_is_taken_and_given_back(line: Line) -> None:
    async def report(**more: object) -> None:
        assert await line.platform.post("messenger", page(event(**more))) == 200

    assert await line.platform.post("messenger", page(said("hello"))) == 200
    await line.receives(1)
    await report(take_thread_control={"previous_owner_app_id": "42"})
    assert (await line.conversation()).handed_off_at is not None
    await report(pass_thread_control={"new_owner_app_id": "42"})
    assert (await line.conversation()).handed_off_at is None
    assert await line.platform.post("messenger", page(said("psst"), key="standby")) == 200
    assert (await line.conversation()).handed_off_at is not None


async def test_instagram_speaks_as_messenger_does(line: Line) -> None:
    body = page(said("hello", mid="ig_1"), channel="instagram")
    body["entry"][0]["id"] = "IG-1"
    assert await line.platform.post("instagram", body) == 200
    await line.receives(1)

    assert await line.named("instagram", PSID)
    assert line.platform.delivered[0]["account"] == "IG-1"
    assert line.platform.tokens == {"Bearer instagram token"}
    assert text_of(line.platform.delivered[0]).startswith("Hello, I am")


@pytest.mark.parametrize("handed_off", [False, True])
async def test_a_message_that_rasa_refuses_ends_with_an_apology_unless_a_person_talks(
    line: Line, *, handed_off: bool
) -> None:
    line.rasa.status = 422
    if handed_off:
        await line.platform.staff_writes()
    await line.platform.writes("poison")
    await until(lambda: len(line.rasa.turns) == 1)
    line.rasa.status = 200
    await line.platform.writes("and now?")
    await until(lambda: len(line.rasa.turns) == 2)
    if handed_off:
        assert line.platform.delivered == []
    else:
        assert len(await line.receives(2)) == 2
