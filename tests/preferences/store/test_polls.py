"""A question by mail in the store: of one clock, and as it goes on elsewhere."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import BadInputError, NotFoundError, UnavailableError
from preferences.store import records
from preferences.store.conversations import Conversation
from preferences.store.engine import Store
from preferences.store.persons import hold_person
from preferences.store.polls import NotAskedError, Poll, Wanted, press, put_poll, read_poll
from preferences.store.tables import AnswerRow, AskRow, ConversationRow, DecisionRow
from tests.bot.poll.conftest import permits
from tests.preferences.scenes import ASSISTANT, CATALOGUE, DAY, HOUR, PURPOSE
from tests.preferences.store.shop import Shop


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


async def mails(shop: Shop, shopper: str, name: str = "spring", question: str = "channel") -> Poll:
    wanted = Wanted(question, name, timedelta(days=14))
    return await put_poll(shop.store, shopper, wanted, ASSISTANT, shop.now)


async def somebody(shop: Shop) -> str:
    talk = await shop.meets("7")
    await permits(shop.store, talk.shopper, PURPOSE, at=shop.now)
    return talk.shopper


async def questions(shop: Shop) -> list[AskRow]:
    rows = await shop.rows(AskRow)
    return sorted((row for row in rows if row.kind == "question"), key=lambda row: row.asked_at)


@pytest.mark.parametrize(("hours", "asked"), [(23, True), (25, False)])
async def test_after_a_day_nobody_came_by_it(shop: Shop, hours: int, asked: bool) -> None:  # noqa: FBT001
    shopper = await somebody(shop)
    poll = await mails(shop, shopper)
    talk = await shop.meets("7")
    received = await shop.gets(talk, "event", "opened", {"poll": poll.ask.id})
    async with shop.store.begin() as session:  # it was seen, and nothing was asked at that moment
        row = await session.get_one(ConversationRow, talk.id)
        row.referral = {"poll": poll.ask.id, "poll_at": shop.now.isoformat()}
        kept = received.conversation
    shop.waits(hours * HOUR)
    replies = await shop.sees(kept, "opened")

    assert ([one["text"] for one in replies if one["ask"]] == [poll.ask.wording]) == asked


async def test_a_mail_that_led_to_a_question_which_is_gone_leads_to_nothing(shop: Shop) -> None:
    await somebody(shop)
    talk = await shop.meets("7")
    replies = await shop.answers(await shop.gets(talk, "event", "opened", {"poll": "gone"}))

    assert [one["ask"] for one in replies] == [None, None]


async def test_what_ended_in_the_talk_is_pressed_in_vain(shop: Shop) -> None:
    poll = await mails(shop, await somebody(shop))
    talk = await shop.meets("7")
    [*_, put] = await shop.answers(await shop.gets(talk, "event", "opened", {"poll": poll.ask.id}))
    await shop.feels(talk, put["ask"], "Email", 0)
    found = await read_poll(shop.store, poll.ask.id, CATALOGUE, shop.now)
    mail = await shop.gets(
        Conversation(poll.conversation, poll.shopper, "email", "en"),
        "press",
        "Sms",
        {"ask": poll.ask.id, "option": 1},
    )
    replies = await shop.answers(mail)

    assert found is not None
    assert found.standing == "answered"
    assert [one["ask"] for one in replies if one["ask"]] == []
    assert {row.outcome for row in await questions(shop)} == {"answered"}


async def test_only_what_was_mailed_is_read_as_a_mail(shop: Shop) -> None:
    shopper = await somebody(shop)
    talk = await shop.meets("7")
    [*_, notice] = await shop.hears(talk, "forget me")

    assert await read_poll(shop.store, notice["ask"], CATALOGUE, shop.now) is None
    assert await read_poll(shop.store, "nothing", CATALOGUE, shop.now) is None
    assert await read_poll(shop.store, (await mails(shop, shopper)).ask.id, CATALOGUE, shop.now)


async def test_who_left_a_mail_alone_is_left_alone(shop: Shop) -> None:
    shopper = await somebody(shop)
    await mails(shop, shopper)
    shop.waits(8 * DAY)
    with pytest.raises(NotAskedError) as refused:
        await mails(shop, shopper, "summer")
    shop.waits(30 * DAY)

    assert "was_ignored" in {reason.code for reason in refused.value.reasons}
    assert (await mails(shop, shopper, "summer")).standing == "open"
    asked = [row.question_id for row in await shop.rows(DecisionRow)]
    assert sorted(map(str, asked)) == ["None", "channel", "channel"]


async def test_nobody_and_nothing_is_asked(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await mails(shop, "nobody")
    with pytest.raises(BadInputError):
        await mails(shop, await somebody(shop), question="nothing")


async def test_what_ends_elsewhere_while_a_press_is_taken_is_not_stored_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = await mails(shop, await somebody(shop))
    talk = Conversation(poll.conversation, poll.shopper, "email", "en")
    body = {"ask": poll.ask.id, "option": 0}
    received = await shop.gets(talk, "press", "Email", body)

    async def waits_for_the_other_one(session: AsyncSession, shopper: str) -> str:
        head = await hold_person(session, shopper)
        await session.exec(
            update(AskRow).where(col(AskRow.id) == poll.ask.id).values(outcome="answered")
        )
        return head

    monkeypatch.setattr(records, "hold_person", waits_for_the_other_one)
    with pytest.raises(UnavailableError):
        await shop.answers(received)

    assert await shop.rows(AnswerRow) == []


async def test_an_answer_may_take_as_long_as_the_link_holds(shop: Shop) -> None:
    shopper = await somebody(shop)
    poll = await mails(shop, shopper)
    shop.waits(13 * DAY)
    found = await read_poll(shop.store, poll.ask.id, CATALOGUE, shop.now)
    assert found is not None
    pressed = await press(shop.turns, found, 0)

    assert (found.standing, pressed.is_taken) == ("open", True)
    [answer] = await shop.rows(AnswerRow)
    assert answer.answered_at == shop.now
    [row] = await questions(shop)
    assert row.outcome == "answered"
