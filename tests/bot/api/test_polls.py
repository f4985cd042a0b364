"""A question by mail is asked as any other is: whatever speaks against it speaks against a mail."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.parts import CATALOGUE, POLICY
from preferences.choosing.account import sentence
from preferences.choosing.decision import decide
from preferences.choosing.inputs import inputs_from_json
from preferences.policy import Condition
from preferences.store.facts import Fact, Telling, add_facts
from preferences.store.ids import new_id
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ConversationRow,
    DecisionRow,
    MessageRow,
    PausedQuestionRow,
    SuppressionRow,
)
from preferences.store.wishes import Unwanted, add_suppression
from tests.bot.api.conftest import Answer, Api
from tests.bot.conftest import Start
from tests.bot.poll.conftest import PURPOSE, QUESTION, permits, wants
from tests.preferences.scenes import DAY
from tests.preferences.store.shop import Shop

NOW = datetime.now(UTC)


@pytest.fixture
async def shopper(api: Api) -> str:
    name = await api.has_shopper("7")
    await permits(api.store, name)
    return name


async def test_a_mail_tool_gets_all_that_a_mail_shows(api: Api, shopper: str) -> None:
    told = await wants(api, shopper)

    assert told.status == 201, told.json
    page = told.json
    question = api.gateway.app[CATALOGUE].questions[QUESTION]
    assert page["wording"] == question.wording["en"].replace("{shop|the shop}", "Corner Shop")
    assert {one["value"]: one["label"] for one in page["options"]} == {
        option.value: option.label["en"] for option in question.options
    }
    assert [one["label"] for one in page["others"]] == ["Rather not say", "Don't ask again"]
    assert page["stop"]["label"] == "Ask me nothing more"
    assert (page["reason"], page["use"]) == (question.reason["en"], question.use["en"])
    assert "a program, not a person" in page["automated"]
    assert page["talk"] is None
    urls = [one["url"] for one in (*page["options"], *page["others"], page["stop"])]
    assert len({*urls}) == len(urls) == 11
    assert all(url.startswith(f"{api.gateway.url}/poll/") for url in urls)
    ends = datetime.fromisoformat(page["expires_at"])
    assert timedelta(days=13.9) < ends - NOW < timedelta(days=14.1)


async def test_the_order_is_that_of_this_shopper(api: Api) -> None:
    orders = set()
    for customer in range(12):
        shopper = await api.has_shopper(str(customer))
        await permits(api.store, shopper)
        page = (await wants(api, shopper)).json
        [row] = [one for one in await Shop(api.store).rows(AskRow) if one.id == page["ask"]]
        shown = [one["label"] for one in (*page["options"], *page["others"])]
        assert [one["label"] for one in row.options] == shown
        orders.add(tuple(one["value"] for one in page["options"][:2]))

    assert orders == {("email", "sms"), ("sms", "email")}


async def test_it_is_kept_as_every_question_is(api: Api, shopper: str) -> None:
    page = (await wants(api, shopper)).json

    shop = Shop(api.store)
    [ask] = await shop.rows(AskRow)
    question = api.gateway.app[CATALOGUE].questions[QUESTION]
    assert (ask.id, ask.question_id, ask.question_version) == (
        page["ask"],
        QUESTION,
        question.version,
    )
    assert (ask.kind, ask.purpose, ask.channel, ask.locale) == ("question", PURPOSE, "email", "en")
    assert (ask.wording, ask.outcome, ask.begun_by) == (page["wording"], None, None)
    [talk] = await shop.rows(ConversationRow)
    assert (talk.id, talk.channel, talk.open_ask_id) == (ask.conversation_id, "email", ask.id)
    assert (talk.assurance, talk.disclosed_at) == ("claimed", None)
    [decision] = await shop.rows(DecisionRow)
    assert (decision.question_id, decision.trigger, decision.channel) == (QUESTION, "mail", "email")
    assert decision.conversation_id == talk.id
    shown = next(row for row in await shop.rows(MessageRow) if row.author == "assistant")
    assert shop.reads(shown, "text") == page["wording"]
    assert shown.body["ask"] == ask.id


async def test_it_counts_in_every_budget_as_soon_as_it_is_put(api: Api, shopper: str) -> None:
    page = (await wants(api, shopper)).json
    told = (await api.get(f"/v1/shoppers/{shopper}/asks")).json
    again = await wants(api, shopper)

    [ask] = told["asks"]
    assert (ask["id"], ask["channel"], ask["outcome"]) == (page["ask"], "email", None)
    assert told["may_ask"] is False
    assert again.status == 409
    codes = {"question_open_elsewhere", "asked_recently", "day_budget_used", "week_budget_used"}
    assert all(sentence(code) in again.json["detail"] for code in codes)
    assert again.json["reason"] == "question_open_elsewhere"


async def test_of_many_mails_wanted_at_once_one_is_asked(api: Api, shopper: str) -> None:
    answers = await asyncio.gather(*(wants(api, shopper) for _ in range(6)))

    assert sorted(one.status for one in answers) == [201, *[409] * 5]
    assert len(await Shop(api.store).rows(AskRow)) == 1


async def test_a_mail_that_was_asked_for_again_is_the_same_one(api: Api, shopper: str) -> None:
    named = {"headers": {"Idempotency-Key": "mail-1"}}
    first = await wants(api, shopper, **named)
    again = await wants(api, shopper, **named)

    assert (first.status, again.status, first.json) == (201, 201, again.json)
    assert again.headers["Idempotency-Replayed"] == "true"

    other = await api.has_shopper("8")
    await permits(api.store, other)
    one = await wants(api, other, reference="spring", page=f"{api.gateway.url}/shop")
    same = await wants(api, other, reference="spring")
    assert (one.status, same.status, one.json) == (201, 201, same.json)
    another = await wants(api, other, reference="spring", question="team_orders")
    assert (another.status, another.json["field"]) == (422, "reference")
    assert len(await Shop(api.store).rows(AskRow)) == 2


async def wished(api: Api, shopper: str, scope: Any, target: str, reason: str) -> None:
    await add_suppression(api.store, shopper, Unwanted(scope, target, reason), (), NOW)


def wish(scope: str, target: str, reason: str) -> Callable[[Api, str], Any]:
    return lambda api, shopper: wished(api, shopper, scope, target, reason)


def decided(state: str) -> Callable[[Api, str], Any]:
    return lambda api, shopper: permits(api.store, shopper, state=state)


async def knows(api: Api, shopper: str) -> None:
    fact = Fact("imported", QUESTION, "sms", "crm", NOW)
    await add_facts(api.store, Telling(shopper, [fact], "e"), api.gateway.app[CATALOGUE], (), NOW)


async def pauses(api: Api, _shopper: str) -> None:
    async with api.store.begin() as session:
        session.add(PausedQuestionRow(question_id=QUESTION, why="burden", paused_at=NOW))


async def asked(api: Api, shopper: str, *told: dict[str, Any]) -> None:
    for number, one in enumerate(told):
        at = (NOW - one.pop("ago")).isoformat()
        body = {
            "question": "team_orders",
            "channel": "mail",
            "reference": str(number),
            "at": at,
            **one,
        }
        answer = await api.post(f"/v1/shoppers/{shopper}/asks", body)
        assert answer.status == 201, answer.json


def ask(*told: dict[str, Any]) -> Callable[[Api, str], Any]:
    return lambda api, shopper: asked(api, shopper, *map(dict, told))


async def depends(api: Api, _shopper: str) -> None:
    policy = api.gateway.app[POLICY]
    conditions = {QUESTION: Condition.model_validate({"orders": 3})}
    api.gateway.app._state[POLICY] = policy.model_copy(update={"conditions": conditions})


def mode(name: str) -> Callable[[Api, str], Any]:
    async def silent(api: Api, _shopper: str) -> None:
        policy = api.gateway.app[POLICY]
        api.gateway.app._state[POLICY] = policy.model_copy(update={"mode": name})

    return silent


@pytest.mark.parametrize(
    ("spoils", "reason"),
    [
        (wish("all", "", "sensitive_moment"), "sensitive_moment"),
        (wish("all", "", "complaint"), "complaint"),
        (wish("all", "", "shopper_said_stop"), "shopper_said_stop"),
        (wish("all", "", "shopper_paused"), "shopper_paused"),
        (wish("channel", "email", "unsubscribed"), "unsubscribed"),
        (wish("topic", QUESTION, "shopper_muted"), "shopper_muted"),
        (wish("topic", PURPOSE, "not_relevant"), "not_relevant"),
        (decided("withdrawn"), "not_permitted"),
        pytest.param(decided("refused"), "not_permitted", id="refused"),
        (decided("objected"), "was_objected"),
        (knows, "known_already"),
        (pauses, "question_paused"),
        (ask({"ago": timedelta(hours=1)}), "question_open_elsewhere"),
        (ask({"ago": DAY, "outcome": "answered"}), "asked_recently"),
        (ask(*({"ago": n * DAY, "outcome": "answered"} for n in (8, 15, 22, 29))), "month_budget_used"),
        (ask(*({"ago": n * DAY, "outcome": "ignored"} for n in (8, 15))), "ignored_repeatedly"),
        (ask({"ago": 20 * DAY, "outcome": "declined", "question": QUESTION}), "was_declined"),
        (depends, "history_unknown"),
        (mode("observe"), "not_said"),
    ],
)  # fmt: skip
async def test_whatever_speaks_against_it_is_named_and_kept_and_nothing_is_asked(
    api: Api, shopper: str, spoils: Callable[[Api, str], Any], reason: str
) -> None:
    await spoils(api, shopper)
    before = len(await Shop(api.store).rows(AskRow))
    answer = await wants(api, shopper, page=f"{api.gateway.url}/shop")

    assert (answer.status, answer.json["type"]) == (409, "/problems/not-asked")
    assert answer.json["reason"] == reason
    assert sentence(reason) in answer.json["detail"]
    shop = Shop(api.store)
    assert len(await shop.rows(AskRow)) == before
    assert [one for one in await shop.rows(ConversationRow) if one.channel == "email"] == []
    [decision] = await shop.rows(DecisionRow)
    assert decision.question_id is None
    assert reason in {one["code"] for one in decision.reasons}
    assert decision.inputs is not None
    again = decide(inputs_from_json(decision.inputs), api.gateway.app[POLICY])
    assert reason in {one.code for one in again.reasons}


async def test_a_wish_of_another_channel_or_topic_is_no_wish_of_this_one(
    api: Api, shopper: str
) -> None:
    await wished(api, shopper, "channel", "sms", "unsubscribed")
    await wished(api, shopper, "topic", "team_orders", "shopper_muted")

    assert (await wants(api, shopper)).status == 201


async def test_at_night_and_to_whom_is_not_there_a_mail_may_be_sent(api: Api, shopper: str) -> None:
    policy = api.gateway.app[POLICY]
    hours = policy.quiet_hours.model_copy(update={"start": 0, "end": 23, "zone": None})
    api.gateway.app._state[POLICY] = policy.model_copy(update={"quiet_hours": hours})

    assert (await wants(api, shopper)).status == 201


async def test_what_protects_comes_before_a_wish_and_that_before_permission_and_budget(
    api: Api, shopper: str
) -> None:
    await asked(api, shopper, {"ago": DAY, "outcome": "answered"})
    reasons = []
    for spoils in (
        decided("withdrawn"),
        wish("channel", "email", "unsubscribed"),
        wish("all", "", "sensitive_moment"),
    ):
        reasons.append((await wants(api, shopper)).json["reason"])
        await spoils(api, shopper)
    reasons.append((await wants(api, shopper)).json["reason"])

    assert reasons == ["asked_recently", "not_permitted", "unsubscribed", "sensitive_moment"]


@pytest.mark.parametrize(
    ("said", "may"),
    [
        ([("sms", "wants")], False),
        ([("email", "does_not_want")], False),
        ([("none", "wants")], False),
        ([("sms", "does_not_want")], True),
        ([("email", "wants"), ("sms", "does_not_want")], True),
        ([("sms", "wants"), ("email", "wants")], True),
        ([("email", "wants"), ("sms", "wants")], False),
    ],
)
async def test_who_wants_to_be_written_to_another_way_is_not_mailed(
    api: Api,
    shopper: str,
    said: list[tuple[str, str]],
    may: bool,  # noqa: FBT001
) -> None:
    event = await permits(api.store, shopper, "tailor_suggestions")
    for number, (value, polarity) in enumerate(said):
        async with api.store.begin() as session:
            session.add(_answer(shopper, value, polarity, event, NOW - DAY * (9 - number)))
    await asked(api, shopper, {"ago": 20 * DAY, "outcome": "answered"})

    answer = await wants(api, shopper, question="team_orders")

    assert answer.status == (201 if may else 409), answer.json
    assert may or answer.json["reason"] == "shopper_left_channel"


def _answer(shopper: str, value: str, polarity: str, event: str, at: datetime) -> AnswerRow:
    return AnswerRow(
        id=new_id(), shopper_id=shopper, kind="declared", source="shopper", question_id=QUESTION,
        question_version=1, purpose=PURPOSE, value=value, detail={"polarity": polarity},
        confidence=1, subject="self", wording="", options=[], locale="en", channel="web",
        message_id=new_id(), consent_id=event, answered_at=at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": "unknown"}, "question"),
        ({"question": "gift_or_self"}, "question"),  # of one purchase
        ({"question": "how_was_it"}, "question"),
        ({"question": "size_fit"}, "question"),  # names what was bought
        ({"question": "still_right"}, "question"),  # names what was said
        ({"question": "matters_most"}, "question"),  # takes two
        ({"locale": "fr"}, "locale"),
        ({"lasts_days": 0}, "lasts_days"),
        ({"lasts_days": 31}, "lasts_days"),
        ({"page": "https://evil.example/"}, "page"),
        ({"page": "javascript:alert(1)"}, "page"),
        ({"page": "http://127.0.0.1/x#a"}, "page"),
        ({"reference": ""}, "reference"),
    ],
)
async def test_what_is_wrong_is_named(
    api: Api, shopper: str, body: dict[str, Any], field: str
) -> None:
    answer = await wants(api, shopper, **body)

    assert (answer.status, answer.json["field"]) == (422, field)
    assert await Shop(api.store).rows(AskRow) == []


async def test_a_question_that_no_press_answers_is_mailed_with_the_way_into_the_talk(
    start: Start,
) -> None:
    async with start(
        origins=("https://shop.example",), public_url="https://ask.shop.example/"
    ) as gateway:
        api = Api(gateway, gateway.http)
        shopper = await api.has_shopper("7")
        await permits(api.store, shopper, "tailor_suggestions")
        await asked(api, shopper, {"ago": 20 * DAY, "outcome": "answered"})
        page = "https://shop.example/chat?x=1"
        refused = [
            await wants(api, shopper, question="matters_most", page=f"{page}#top"),
            await wants(api, shopper, question="matters_most", page="https://shop.example.evil/"),
        ]
        told = (await wants(api, shopper, question="matters_most", page=page)).json

    assert [one.json["field"] for one in refused] == ["page", "page"]
    assert told["options"] == []
    assert [one["label"] for one in told["others"]] == ["Rather not say", "Don't ask again"]
    assert told["talk"].startswith(f"{page}#askfirst=")
    assert told["stop"]["url"].startswith("https://ask.shop.example/poll/")


async def test_who_is_unknown_and_who_was_erased_is_not_asked(api: Api, shopper: str) -> None:
    assert (await wants(api, "nobody")).status == 404
    await api.call("DELETE", f"/v1/shoppers/{shopper}")

    gone: Answer = await wants(api, shopper)

    assert (gone.status, gone.json["type"]) == (409, "/problems/conflict")
    assert await Shop(api.store).rows(DecisionRow) == []
    assert [row.reason for row in await Shop(api.store).rows(SuppressionRow)] == ["shopper_erased"]


async def test_it_takes_the_scope_of_who_tells_of_asks(api: Api, shopper: str) -> None:
    assert (await wants(api, shopper, "write")).status == 201
    assert (await wants(api, shopper, "read", "consent", "sync", "export")).status == 403
