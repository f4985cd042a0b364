"""The link from a mail into the talk: the question goes on there, and nobody is signed in by it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.parts import TOKENS
from bot.tokens import PollLink
from preferences.store.profiles import read_profile
from preferences.store.tables import AnswerRow, AskRow, ConversationRow
from tests.bot.api.conftest import Api
from tests.bot.conftest import Page
from tests.bot.poll.conftest import PURPOSE, QUESTION, Mail, mailed, permits, wants
from tests.preferences.scenes import VOICE
from tests.preferences.store.shop import Shop

NOTICE = "May I keep how you like to be reached"


@pytest.fixture
async def mail(api: Api, shopper: str) -> Mail:
    return await mailed(api, shopper, page=f"{api.gateway.url}/shop")


def talk_of(mail: Mail) -> str:
    page, _, token = mail.told["talk"].partition("#askfirst=")
    assert page == f"{mail.api.gateway.url}/shop"
    return str(token)


async def comes(mail: Mail, page: Page, lines: int = 2, token: str = "") -> list[dict[str, Any]]:
    """Somebody follows the link, and the chat opens; gives what is said then."""
    status, _ = await page.say(event="opened", poll=token or talk_of(mail))
    assert status == 202
    return await page.log(lines)


async def chooses(page: Page, line: dict[str, Any], label: str, lines: int = 2) -> Any:
    [press] = [one["press"] for one in line["choices"] if one["label"] == label]
    assert (await page.say(press=press))[0] == 202
    return await page.log(lines, after=line["seq"])


async def asks(api: Api) -> list[AskRow]:
    rows = await Shop(api.store).rows(AskRow)
    return sorted((row for row in rows if row.kind == "question"), key=lambda row: row.asked_at)


async def test_whom_the_mail_was_for_goes_on_with_the_question_once_signed_in(
    api: Api, mail: Mail
) -> None:
    page = await api.gateway.page("7")
    hello, question = await comes(mail, page)

    assert "automated" in hello["text"]
    assert question["text"] == mail.told["wording"]
    await chooses(page, question, "SMS", 2)
    [answer] = await mail.answers()
    first, second = await asks(api)
    assert (answer.value, answer.channel, answer.ask_id) == ("sms", "web", second.id)
    assert (first.id, second.begun_by) == (mail.told["ask"], first.id)
    assert (first.outcome, second.outcome) == ("answered", "answered")
    told = (await api.get(f"/v1/shoppers/{mail.told['shopper']}/asks")).json
    assert [one["id"] for one in told["asks"]] == [first.id]  # one question, counted once
    status, page_ = await mail.opens("post")
    assert (status, "answered already" in page_) == (200, True)
    pressed, _ = await mail.presses("post", choice=mail.number("post"))
    assert (pressed, await mail.values()) == (200, ["sms"])


@pytest.mark.parametrize("said", ["sms", "Rather not say"])
async def test_what_ended_in_the_mail_is_not_asked_in_the_talk(
    api: Api, mail: Mail, said: str
) -> None:
    await mail.presses(said)
    page = await api.gateway.page("7")
    hello, offer = await comes(mail, page)

    assert "automated" in hello["text"]
    assert offer["choices"] == []
    assert len(await asks(api)) == 1


async def test_of_a_press_and_a_word_in_the_talk_at_once_one_is_stored(
    api: Api, mail: Mail
) -> None:
    page = await api.gateway.page("7")
    _, question = await comes(mail, page)

    await asyncio.gather(
        mail.presses("post", choice=mail.number("post")), chooses(page, question, "SMS", 2)
    )

    assert await mail.values() in (["post"], ["sms"])
    assert {row.outcome for row in await asks(api)} == {"answered"}


async def test_a_friend_to_whom_the_mail_was_passed_on_is_a_stranger(api: Api, mail: Mail) -> None:
    page = await api.gateway.page()
    _, notice = await comes(mail, page)
    assert notice["text"].startswith(NOTICE)  # nobody's permission counts for them
    *_, question = await chooses(page, notice, "Yes, you may", 3)
    assert question["text"] == mail.told["wording"]
    *_, thanks = await chooses(page, question, "SMS", 2)
    await page.say(text="what do you know about me?")
    [*_, known] = await page.log(2, after=thanks["seq"])

    assert known["from"] == "assistant"
    [answer] = await mail.answers()
    assert answer.shopper_id != mail.told["shopper"]
    assert (await read_profile(api.store, mail.told["shopper"])).answers == ()
    assert await mail.outcome() is None
    talks = await Shop(api.store).rows(ConversationRow)
    assert {row.shopper_id: row.assurance for row in talks}[answer.shopper_id] == "anonymous"
    assert all(row.begun_by is None for row in await asks(api))


async def test_another_customer_answers_for_themselves(api: Api, mail: Mail) -> None:
    other = await api.has_shopper("8")
    await permits(api.store, other)
    page = await api.gateway.page("8")
    _, question = await comes(mail, page)
    await chooses(page, question, "SMS", 2)

    assert [one.value for one in (await read_profile(api.store, other)).answers] == ["sms"]
    assert (await read_profile(api.store, mail.told["shopper"])).answers == ()
    assert await mail.outcome() is None


async def test_what_a_signed_out_reader_is_told_holds_no_fact_of_the_person(
    api: Api, shopper: str
) -> None:
    await api.gateway.has_bought("7", "dress")
    mail = await mailed(api, shopper, page=f"{api.gateway.url}/shop")
    page = await api.gateway.page()
    _, notice = await comes(mail, page)
    await page.say(text="what do you know about me?")
    [*lines] = await page.log(3, after=notice["seq"])

    assert "dress" not in str(lines).lower()
    assert VOICE.say("data_nothing", "en") in str(lines)


@pytest.mark.parametrize("spoiled", ["over", "forged", "another"])
async def test_a_link_that_holds_no_more_opens_the_chat_all_the_same(
    api: Api, mail: Mail, spoiled: str
) -> None:
    now, tokens = datetime.now(UTC), api.gateway.app[TOKENS]
    token = {
        "over": tokens.talk(mail.told["ask"], now - timedelta(seconds=1)),
        "forged": talk_of(mail)[:-4] + "AAAA",
        "another": mail.url("sms").rpartition("/")[2],
    }[spoiled]
    page = await api.gateway.page("7")
    _, offer = await comes(mail, page, token=token)

    assert offer["choices"] == []
    assert len(await asks(api)) == 1


async def test_who_took_the_permission_back_is_asked_for_it_and_goes_on(
    api: Api, mail: Mail
) -> None:
    await permits(api.store, mail.told["shopper"], state="withdrawn")
    page = await api.gateway.page("7")
    _, notice = await comes(mail, page)
    assert notice["text"].startswith(NOTICE)
    *_, question = await chooses(page, notice, "Yes, you may", 3)

    assert question["text"] == mail.told["wording"]
    assert (await asks(api))[-1].begun_by == mail.told["ask"]


async def test_a_question_that_takes_several_answers_is_answered_in_the_talk(
    api: Api, shopper: str
) -> None:
    await permits(api.store, shopper, "tailor_suggestions")
    at = (datetime.now(UTC) - timedelta(days=20)).isoformat()
    told = {"question": QUESTION, "channel": "store", "reference": "1", "at": at}
    await api.post(f"/v1/shoppers/{shopper}/asks", told | {"outcome": "answered"})
    mail = await mailed(api, shopper, question="matters_most", page=f"{api.gateway.url}/shop")
    ends = datetime.fromisoformat(mail.told["expires_at"])
    crafted = api.gateway.app[TOKENS].poll(PollLink(mail.told["ask"], 0, ends))
    for method in ("GET", "POST"):
        status, _ = await mail.sends(method, f"{api.gateway.url}/poll/{crafted}")
        assert status == 410
    page = await api.gateway.page("7")
    _, question = await comes(mail, page)
    _, more = await chooses(page, question, "A good price", 2)
    await chooses(page, more, "Fast delivery", 2)

    [answer] = await mail.answers()
    assert answer.value == "price,speed"
    assert await mail.outcome() == "answered"


async def test_the_answer_in_the_talk_has_its_permission_and_words(api: Api, mail: Mail) -> None:
    page = await api.gateway.page("7")
    _, question = await comes(mail, page)
    await chooses(page, question, "SMS", 2)

    [answer] = await Shop(api.store).rows(AnswerRow)
    profile = await read_profile(api.store, mail.told["shopper"])
    assert answer.consent_id == profile.consents[PURPOSE].id
    assert answer.wording == mail.told["wording"]


async def test_nobody_is_mailed_what_is_open_in_the_chat(api: Api, mail: Mail) -> None:
    page = await api.gateway.page("7")
    await comes(mail, page)

    again = await wants(api, mail.told["shopper"])

    assert (again.status, again.json["reason"]) == (409, "question_open_elsewhere")
