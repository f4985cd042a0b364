"""A link of a mailed question: opening it stores nothing, a press there stores once."""

import asyncio
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import jwt
import pytest

from bot.parts import CATALOGUE, CLOCK, STORE, TOKENS
from bot.tokens import PollLink
from preferences.errors import UnavailableError
from preferences.profile import as_json
from preferences.store.erasure import erase_shopper
from preferences.store.profiles import read_profile
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConsentEventRow,
    ConversationRow,
    MessageRow,
    OutboxRow,
    SuppressionRow,
)
from preferences.store.turns import Turns
from preferences.store.wishes import Unwanted, add_suppression
from preferences.texts import LOCALES
from tests.bot.api.conftest import Api
from tests.bot.conftest import Start
from tests.bot.poll.conftest import BUTTON, FORM, PURPOSE, QUESTION, Mail, mailed, permits
from tests.preferences.scenes import VOICE
from tests.preferences.store.shop import Shop

OVER = VOICE.say("poll_over", "en")
TABLES = (
    AnswerRow,
    AskRow,
    MessageRow,
    ConversationRow,
    ConsentEventRow,
    SuppressionRow,
    OutboxRow,
)


async def everything(api: Api) -> list[Any]:
    shop = Shop(api.store)
    return [sorted(map(repr, await shop.rows(table))) for table in TABLES]


def buttons(page: str, name: str = "choice") -> list[str]:
    return [label for kind, _, label in BUTTON.findall(page) if kind == name]


async def test_whatever_looks_at_the_links_stores_nothing(api: Api, mail: Mail) -> None:
    before = await everything(api)
    for name in ("sms", "Rather not say", "Don't ask again", "stop"):
        for method in ("GET", "HEAD", "GET"):
            status, _ = await mail.sends(method, mail.url(name))
            assert status == 200

    assert await everything(api) == before


async def test_an_opened_link_shows_what_was_chosen_and_the_others_beside_it(
    api: Api, mail: Mail
) -> None:
    async with api.http.get(mail.url("sms")) as response:
        page, headers = unescape(await response.text()), response.headers
    said = (
        "how may Corner Shop write to you?",
        "“SMS”",
        "Nothing is noted before you press.",
        "I ask because a message in the wrong place is a nuisance.",
        "The shop writes to you this way, and not another.",
        "a program, not a person",
    )
    assert [one for one in said if one not in page] == []
    first, *others = buttons(page)
    labels = [one["label"] for one in (*mail.told["options"], *mail.told["others"])]
    assert first == "Yes, that is my answer"
    assert others == [*(one for one in labels if one != "SMS"), "Ask me nothing more"]
    assert all(
        action == mail.url("sms").removeprefix(api.gateway.url) for action, _ in FORM.findall(page)
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none';"
    assert headers["Content-Security-Policy"] == f"{policy} frame-ancestors 'none'"
    assert "<script" not in page
    assert "Set-Cookie" not in headers


async def test_a_press_is_kept_with_all_its_proof_and_met_with_thanks(api: Api, mail: Mail) -> None:
    event = await permits(api.store, mail.told["shopper"])  # the last word counts
    status, thanks = await mail.presses("sms")

    assert status == 200
    option = next(
        one for one in api.gateway.app[CATALOGUE].questions[QUESTION].options if one.value == "sms"
    )
    assert option.reply["en"] in thanks
    assert option.give["en"] in thanks
    assert VOICE.say("hello", "en") not in thanks  # the page has said it before the button
    [answer] = await mail.answers()
    [ask] = [one for one in await Shop(api.store).rows(AskRow) if one.kind == "question"]
    assert (answer.value, answer.kind, answer.source, answer.confidence) == (
        "sms",
        "declared",
        "shopper",
        1,
    )
    assert (answer.channel, answer.ask_id, answer.message_id) == ("email", ask.id, f"poll-{ask.id}")
    assert (answer.wording, answer.options) == (mail.told["wording"], ask.options)
    shown = [one["label"] for one in answer.options]
    assert shown == [one["label"] for one in (*mail.told["options"], *mail.told["others"])]
    assert (answer.consent_id, answer.purpose, answer.locale) == (event, PURPOSE, "en")
    assert answer.asked_at == ask.asked_at
    assert ask.outcome == "answered"
    [talk] = [one for one in await Shop(api.store).rows(ConversationRow) if one.channel == "email"]
    assert talk.assurance == "claimed"
    assert talk.disclosed_at is not None


async def test_what_was_said_by_mail_is_seen_by_the_api_and_told_to_crms(
    api: Api, mail: Mail
) -> None:
    position = (await api.get("/v1/changes")).json["position"]
    await mail.presses("sms")

    told = (await api.get(f"/v1/shoppers/{mail.told['shopper']}/preferences")).json
    [preference] = told["preferences"]
    assert (preference["question"], preference["value"]) == (QUESTION, "sms")
    changes = (await api.get(f"/v1/changes?after={position}")).json["changes"]
    assert "preference.answered" in [one["type"] for one in changes]
    [row] = await Shop(api.store).rows(OutboxRow)
    assert row.synced_version < row.desired_version


async def test_however_often_it_is_pressed_it_is_stored_once(mail: Mail) -> None:
    number = mail.number("sms")
    results = await asyncio.gather(*(mail.presses("sms", choice=number) for _ in range(8)))
    later = await mail.presses("sms", choice=number)

    assert {status for status, _ in (*results, later)} == {200}
    assert len({page for _, page in (*results, later)}) == 1
    assert await mail.values() == ["sms"]


async def test_of_two_options_pressed_at_once_one_is_stored(mail: Mail) -> None:
    pressed = ("sms", "email", "post", "phone")
    results = await asyncio.gather(*(mail.presses(one, choice=mail.number(one)) for one in pressed))

    [value] = await mail.values()
    assert value in pressed
    assert sorted(status for status, _ in results) == [200] * 4
    met = [
        one
        for one, (_, page) in zip(pressed, results, strict=True)
        if "noted" in page and "answered already" not in page
    ]
    assert met == [value]


async def test_another_option_of_an_answered_question_stores_nothing_and_tells_nothing(
    mail: Mail,
) -> None:
    await mail.presses("sms")
    status, shown = await mail.opens("post")
    pressed, told = await mail.presses("post", choice=mail.number("post"))

    assert (status, pressed) == (200, 200)
    for page in (shown, told):
        assert "answered already" in page
        assert "“SMS”" not in page  # a link may be passed on
        assert len(buttons(page, "instead")) == len(mail.told["options"])
        assert buttons(page) == []
    assert await mail.values() == ["sms"]


async def test_what_was_pressed_in_error_is_put_right_once(api: Api, mail: Mail) -> None:
    _, thanks = await mail.presses("sms")
    labels = [one["label"] for one in mail.told["options"] if one["value"] != "sms"]
    assert buttons(thanks, "instead") == labels
    right = mail.number("post")
    results = await asyncio.gather(*(mail.presses("sms", instead=right) for _ in range(4)))

    assert {status for status, _ in results} == {200}
    assert all("post" in page.lower() for _, page in results)
    assert await mail.values() == ["sms", "post"]
    [first, second] = await mail.answers()
    assert (second.message_id, second.channel) == (f"corrects:{first.id}", "page")
    profile = await read_profile(api.store, mail.told["shopper"])
    assert [one.value for one in profile.answers] == ["post"]


async def test_a_link_overwrites_nothing_that_was_said_since(api: Api, mail: Mail) -> None:
    await mail.presses("sms")
    [answer] = await mail.answers()
    async with api.store.begin() as session:
        later = answer.model_dump() | {
            "id": "later", "ask_id": None, "value": "app", "answered_at": datetime.now(UTC),
            "asked_at": datetime.now(UTC),
        }  # fmt: skip
        session.add(AnswerRow(**later))
    status, page = await mail.presses("sms", instead=mail.number("post"))

    assert (status, OVER in page) == (410, True)
    assert await mail.values() == ["sms", "app"]


@pytest.mark.parametrize("instead", ["99", "8", "x", ""])
async def test_only_an_answer_puts_an_answer_right(mail: Mail, instead: str) -> None:
    await mail.presses("sms")  # 8 is "rather not say"
    assert mail.told["others"][0]["label"] == "Rather not say"
    status, page = await mail.presses("sms", instead=instead)

    assert (status, OVER in page) == (410, True)
    assert await mail.values() == ["sms"]


async def test_nothing_is_put_right_that_was_not_answered(mail: Mail) -> None:
    status, _ = await mail.presses("sms", instead=mail.number("post"))

    assert status == 410
    assert await mail.values() == []


@pytest.mark.parametrize("locale", LOCALES)
async def test_it_speaks_the_language_of_the_mail(api: Api, shopper: str, locale: str) -> None:
    mail = await mailed(api, shopper, locale=locale)
    question = api.gateway.app[CATALOGUE].questions[QUESTION]
    _, shown = await mail.opens("sms")
    _, thanks = await mail.presses("sms")
    _, over = await mail.presses(
        "Rather not say" if locale == "en" else mail.told["others"][0]["label"], choice="99"
    )

    assert f'<html lang="{locale}">' in shown
    assert VOICE.say("poll_confirm", locale) in shown
    assert question.reason[locale] in shown
    assert question.option("sms").reply[locale] in thanks
    assert VOICE.say("poll_over", locale) in over
    assert mail.told["locale"] == locale
    assert mail.told["automated"] == VOICE.say("poll_automated", locale)


async def test_without_a_language_it_is_that_of_their_last_conversation(
    api: Api, shopper: str
) -> None:
    await api.gateway.page("7", locale="de")

    mail = await mailed(api, shopper)

    assert mail.told["locale"] == "de"
    assert mail.told["others"][0]["label"] == "Lieber nicht sagen"


async def test_rather_not_say_is_kept_as_that_and_rests(mail: Mail) -> None:
    status, thanks = await mail.presses("Rather not say")
    again, _ = await mail.opens("sms")
    changed, page = await mail.presses("sms", choice=mail.number("sms"))

    assert status == 200
    assert "thank you" in thanks.lower()
    assert buttons(thanks, "instead") == []
    assert (again, changed, OVER in page) == (410, 410, True)
    assert await mail.outcome() == "declined"
    assert await mail.values() == []


async def test_dont_ask_again_is_kept_as_a_wish(api: Api, mail: Mail) -> None:
    await mail.presses("Don't ask again")

    [wish] = await Shop(api.store).rows(SuppressionRow)
    assert (wish.scope, wish.target, wish.reason) == ("topic", QUESTION, "shopper_muted")


async def test_one_tap_says_that_a_tip_does_not_fit(api: Api, mail: Mail) -> None:
    _, thanks = await mail.presses("sms")
    [(path, form)] = [one for one in FORM.findall(thanks) if "Tip not for me" in one[1]]
    [(name, value, _)] = BUTTON.findall(form)
    status, page = await mail.sends("POST", api.gateway.url + path, data={name: value})
    again, _ = await mail.sends("POST", api.gateway.url + path, data={name: value})

    assert (status, again) == (200, 200)
    assert VOICE.say("not_relevant", "en", 2) in page or VOICE.say("not_relevant", "en", 1) in page
    [wish] = await Shop(api.store).rows(SuppressionRow)
    assert wish.target == f"tips_{QUESTION}"


async def test_stop_is_asked_once_and_holds_everywhere(api: Api, mail: Mail) -> None:
    status, shown = await mail.opens("stop")
    assert status == 200
    assert VOICE.say("poll_stop", "en") in shown
    assert await Shop(api.store).rows(SuppressionRow) == []
    status, stopped = await mail.presses("stop")
    after, page = await mail.presses("sms", choice=mail.number("sms"))

    assert status == 200
    assert VOICE.say("stopped", "en") in stopped
    [wish] = await Shop(api.store).rows(SuppressionRow)
    assert (wish.scope, wish.reason) == ("all", "shopper_said_stop")
    profile = await read_profile(api.store, mail.told["shopper"])
    assert profile.consents[PURPOSE].state == "withdrawn"
    assert profile.consents[PURPOSE].method == "stop_keyword"
    assert (after, OVER in page) == (410, True)
    assert (await mail.outcome(), await mail.values()) == ("withdrawn", [])


async def test_a_mail_program_takes_its_reader_off_by_one_post(api: Api, mail: Mail) -> None:
    one_click = {"List-Unsubscribe": "One-Click"}
    status, page = await mail.sends("POST", mail.url("stop"), data=one_click)

    assert (status, VOICE.say("stopped", "en") in page) == (200, True)
    assert len(await Shop(api.store).rows(SuppressionRow)) == 1


async def test_a_stop_is_never_too_late_and_holds_anew_after_a_start(api: Api, mail: Mail) -> None:
    await mail.presses("stop")
    shop = Shop(api.store, now=datetime.now(UTC))
    talk = await shop.meets("7")
    await shop.hears(talk, "start")
    api.gateway.app._state[CLOCK] = lambda: datetime.now(UTC) + timedelta(days=100)
    status, _ = await mail.presses("stop")

    assert status == 200
    rows = await shop.rows(SuppressionRow)
    assert sorted(row.lifted_at is None for row in rows) == [False, True]


async def test_a_link_ends(api: Api, shopper: str) -> None:
    mail = await mailed(api, shopper, lasts_days=3)
    until = datetime.fromisoformat(mail.told["expires_at"])
    assert timedelta(days=2.9) < until - datetime.now(UTC) <= timedelta(days=3)
    api.gateway.app._state[CLOCK] = lambda: until - timedelta(seconds=5)
    assert (await mail.opens("sms"))[0] == 200
    api.gateway.app._state[CLOCK] = lambda: until
    before = await everything(api)
    opened = await mail.opens("sms")
    pressed = await mail.presses("sms", choice=mail.number("sms"))

    for status, page in (opened, pressed):
        assert status == 410
        assert OVER in page
        assert buttons(page) == []
    assert await everything(api) == before


async def test_a_link_made_with_a_later_end_ends_with_its_question(api: Api, mail: Mail) -> None:
    until = datetime.fromisoformat(mail.told["expires_at"])
    tokens = api.gateway.app[TOKENS]
    longer = tokens.poll(PollLink(mail.told["ask"], 0, until + timedelta(days=300)))
    api.gateway.app._state[CLOCK] = lambda: until + timedelta(days=1)

    status, _ = await mail.sends("GET", f"{api.gateway.url}/poll/{longer}")

    assert status == 410


async def test_no_other_token_opens_a_question(api: Api, mail: Mail, start: Start) -> None:
    app, ask = api.gateway.app, mail.told["ask"]
    tokens, now = app[TOKENS], datetime.now(UTC)
    forged = mail.url("sms").rpartition("/")[2]
    flipped = forged[:-2] + ("A" if forged[-2] != "A" else "B") + forged[-1]
    others = [
        tokens.session(ask, now)[0],
        tokens.own_page(ask, now),
        tokens.own_link(ask, now),
        tokens.talk(ask, now + timedelta(days=1)),
        type(tokens)("another secret of 32 characters!", "x" * 32).poll(
            PollLink(ask, 0, now + timedelta(days=1))
        ),
        jwt.encode(
            {"sub": ask, "opt": 0, "aud": "askfirst-chat", "exp": now + timedelta(days=1)},
            tokens.session_secret,
            "HS256",
        ),
        flipped,
        forged.rpartition(".")[0] + ".",
        "x",
        "%00",
        "é",
    ]
    before = await everything(api)
    async with start(messages_per_minute_per_address=0) as gateway:
        for token in others:
            for method in ("GET", "POST"):
                status, page = await mail.sends(method, f"{gateway.url}/poll/{token}")
                assert (status, OVER in page) == (404, True), token

    assert await everything(api) == before


async def test_a_link_of_a_question_opens_nothing_else(api: Api, mail: Mail) -> None:
    token = mail.url("sms").rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {token}"}
    for path in (
        "/v1/chat/log",
        "/v1/chat/stream",
        f"/v1/shoppers/{mail.told['shopper']}/preferences",
    ):
        assert (await mail.sends("GET", api.gateway.url + path, headers=bearer))[0] == 401
    assert (await mail.sends("GET", f"{api.gateway.url}/my-data?ticket={token}"))[0] == 401
    assert (await mail.sends("GET", f"{api.gateway.url}/my-data?link={token}"))[0] == 401


@pytest.mark.parametrize(
    "form", [{"choice": "99"}, {"choice": "x"}, {"choice": ""}, {"choice": "-1"}, {"choice": "²"}]
)
async def test_a_choice_that_there_is_not_stores_nothing(
    api: Api, mail: Mail, form: dict[str, str]
) -> None:
    before = await everything(api)
    status, page = await mail.presses("sms", **form)

    assert (status, OVER in page) == (410, True)
    assert await everything(api) == before


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded; charset=klingon"}, b"choice=1"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff=\xff&choice=\xff"),
        ({"Content-Type": "multipart/form-data"}, b"--x"),
        ({"Content-Type": "application/json"}, b"{"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a" * 3000),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_no_error(
    mail: Mail, headers: dict[str, str], data: bytes
) -> None:
    status, _ = await mail.sends("POST", mail.url("sms"), headers=headers, data=data)

    assert status < 500
    assert await mail.values() in (["sms"], [])


async def test_a_permission_taken_back_meanwhile_ends_it(api: Api, mail: Mail) -> None:
    await permits(api.store, mail.told["shopper"], state="withdrawn")
    before = await everything(api)
    opened = await mail.opens("sms")
    pressed = await mail.presses("sms", choice=mail.number("sms"))

    assert [(status, OVER in page) for status, page in (opened, pressed)] == [(410, True)] * 2
    assert await everything(api) == before


@pytest.mark.parametrize(
    ("scope", "target", "reason"),
    [
        ("all", "", "shopper_said_stop"),
        ("all", "", "sensitive_moment"),
        ("channel", "email", "unsubscribed"),
    ],
)
async def test_a_wish_to_be_left_alone_meanwhile_ends_it(
    api: Api, mail: Mail, scope: Any, target: str, reason: str
) -> None:
    wish = Unwanted(scope, target, reason)
    await add_suppression(api.store, mail.told["shopper"], wish, (), datetime.now(UTC))
    opened = await mail.opens("sms")
    pressed = await mail.presses("sms", choice=mail.number("sms"))

    assert [(status, OVER in page) for status, page in (opened, pressed)] == [(410, True)] * 2
    assert await mail.values() == []


async def test_of_whoever_was_erased_meanwhile_nothing_is_known(api: Api, mail: Mail) -> None:
    await erase_shopper(api.store, mail.told["shopper"], (), datetime.now(UTC))
    before = await everything(api)
    for name in ("sms", "stop"):
        for method in ("GET", "POST"):
            status, page = await mail.sends(method, mail.url(name))
            assert (status, OVER in page) == (410, True)

    assert await everything(api) == before


async def test_a_question_that_the_shop_dropped_is_over(api: Api, mail: Mail) -> None:
    app = api.gateway.app
    questions = {name: one for name, one in app[CATALOGUE].questions.items() if name != QUESTION}
    app._state[CATALOGUE] = app[CATALOGUE].model_copy(update={"questions": questions})
    opened = await mail.opens("sms")
    pressed = await mail.presses("sms", choice=mail.number("sms"))
    stopped, _ = await mail.presses("stop")

    assert [(status, OVER in page) for status, page in (opened, pressed)] == [(410, True)] * 2
    assert stopped == 200
    assert await mail.values() == []


async def test_an_option_that_the_shop_dropped_is_over(api: Api, mail: Mail) -> None:
    app = api.gateway.app
    question = app[CATALOGUE].questions[QUESTION]
    left = [one for one in question.options if one.value != "sms"]
    changed = {QUESTION: question.model_copy(update={"options": left})}
    app._state[CATALOGUE] = app[CATALOGUE].model_copy(
        update={"questions": {**app[CATALOGUE].questions, **changed}}
    )
    gone = await mail.presses("sms", choice=mail.number("sms"))
    there, page = await mail.opens("post")

    assert (gone[0], there) == (410, 200)
    assert "SMS" not in buttons(page)
    assert await mail.values() == []


async def test_links_are_not_tried_without_end_but_a_stop_is_never_too_much(
    start: Start, mail: Mail
) -> None:
    async with start(messages_per_minute_per_address=60) as gateway:
        api = Api(gateway, gateway.http)
        told = dict(mail.told)
        base = mail.api.gateway.url
        url = mail.url("sms").replace(base, gateway.url)
        here = Mail(api, told)
        statuses = [(await here.sends("GET", f"{gateway.url}/poll/x{n}"))[0] for n in range(20)]
        async with api.http.get(url) as response:
            page, refused = await response.text(), response
        stopped = await here.sends("POST", mail.url("stop").replace(base, gateway.url))

    assert set(statuses) == {404}
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert VOICE.say("poll_slow", "en") in page
    assert stopped[0] == 200


async def test_a_store_that_is_away_is_said_in_plain_words(mail: Mail) -> None:
    async def away(*_: Any, **__: Any) -> None:
        message = "The store is away."
        raise UnavailableError(message)

    with patch.object(Turns, "take", away):
        status, page = await mail.presses("sms", choice=mail.number("sms"))
    again, thanks = await mail.presses("sms", choice=mail.number("sms"))

    assert (status, VOICE.say("poll_away", "en") in page) == (503, True)
    assert (again, "noted" in thanks) == (200, True)
    assert await mail.values() == ["sms"]


async def test_what_was_pressed_while_the_gateway_died_is_answered_by_the_next(
    mail: Mail, start: Start
) -> None:
    async def dies(*_: Any, **__: Any) -> None:
        message = "Killed here."
        raise UnavailableError(message)

    with patch.object(Turns, "take", dies):
        await mail.presses("sms", choice=mail.number("sms"))
    async with start(), asyncio.timeout(10):
        while await mail.values() == []:  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.05)

    assert await mail.values() == ["sms"]
    status, page = await mail.presses("sms", choice=mail.number("sms"))
    assert (status, "noted" in page) == (200, True)


async def test_a_wish_that_comes_between_the_look_and_the_press_wins(api: Api, mail: Mail) -> None:
    take = Turns.take

    async def late(turns: Turns, *args: Any) -> Any:
        wish = Unwanted("all", "", "shopper_said_stop", source="shopper")
        await add_suppression(api.store, mail.told["shopper"], wish, (), datetime.now(UTC))
        return await take(turns, *args)

    with patch.object(Turns, "take", late):
        answer = await mail.presses("sms", choice=mail.number("sms"))
        declined = await mail.presses("Rather not say", choice="8")

    assert [(status, OVER in page) for status, page in (answer, declined)] == [(410, True)] * 2
    assert await mail.values() == []
    assert await mail.outcome() == "withdrawn"


async def test_a_permission_taken_back_between_the_look_and_the_press_wins(
    api: Api, mail: Mail
) -> None:
    take = Turns.take

    async def late(turns: Turns, *args: Any) -> Any:
        await permits(api.store, mail.told["shopper"], state="withdrawn")
        return await take(turns, *args)

    with patch.object(Turns, "take", late):
        status, page = await mail.presses("sms", choice=mail.number("sms"))

    assert (status, OVER in page) == (410, True)
    assert await mail.values() == []


async def test_the_profile_tells_no_more_of_it_than_of_any_other_answer(
    api: Api, mail: Mail
) -> None:
    await mail.presses("sms")
    page = as_json(await read_profile(api.gateway.app[STORE], mail.told["shopper"]))

    [told] = page["preferences"]
    assert (told["channel"], told["wording"]) == ("email", mail.told["wording"])
