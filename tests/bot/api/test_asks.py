"""What others ask of a shopper counts as if it were asked here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from preferences.store.tables import AskRow, ConversationRow, OutboxRow, SuppressionRow
from tests.bot.api.conftest import Api
from tests.preferences.store.shop import Shop

NOW = datetime.now(UTC)


def a_poll(**changes: Any) -> dict[str, Any]:
    at = changes.pop("at", NOW - timedelta(hours=1)).isoformat()
    poll = {"question": "gift_or_self", "channel": "mail", "reference": "poll-1", "at": at}
    return poll | changes


async def test_a_poll_by_mail_is_counted_in_the_budgets(api: Api) -> None:
    shopper = await api.has_shopper("7")
    path = f"/v1/shoppers/{shopper}/asks"
    before = (await api.get(path)).json

    told = await api.post(path, a_poll())
    after = (await api.get(path)).json

    assert (before["may_ask"], before["asks"]) == (True, [])
    assert told.status == 201
    assert after["may_ask"] is False
    assert {one["code"] for one in after["against"]} == {
        "question_open_elsewhere",
        "asked_recently",
        "day_budget_used",
        "week_budget_used",
    }
    assert after["against"][0]["sentence"] == "A question is still open in another conversation."
    [ask] = after["asks"]
    assert (ask["id"], ask["channel"], ask["outcome"]) == (told.json["ask"], "mail", None)


async def test_it_is_told_again_when_it_has_ended(api: Api) -> None:
    shopper = await api.has_shopper("7")
    path = f"/v1/shoppers/{shopper}/asks"
    first = await api.post(path, a_poll())
    await api.post(path, a_poll(outcome="ignored"))
    again = await api.post(path, a_poll(outcome="answered"))
    await api.post(path, a_poll())
    other = await api.post(path, a_poll(reference="poll-2", at=NOW - timedelta(days=40)))

    assert first.json == again.json != other.json
    [one, old] = (await api.get(path)).json["asks"]
    assert (one["outcome"], old["outcome"]) == ("answered", None)
    shop = Shop(api.store)
    assert len(await shop.rows(AskRow)) == 2
    assert [row.channel for row in await shop.rows(ConversationRow)] == ["mail"]


@pytest.mark.parametrize(
    "outcome",
    [
        "declined",
        "skipped",
        "dont_know",
        "no_preference",
        "not_relevant",
        "already_sorted",
        "ignored",
    ],
)
async def test_each_way_not_to_answer_is_told_and_read_as_what_it_is(
    api: Api, outcome: str
) -> None:
    shopper = await api.has_shopper("7")
    path = f"/v1/shoppers/{shopper}/asks"

    told = await api.post(path, a_poll(outcome=outcome))

    assert told.status == 201
    [ask] = (await api.get(path)).json["asks"]
    assert ask["outcome"] == outcome


@pytest.mark.parametrize(
    ("question", "outcome", "left"),
    [
        ("motivation_pets", "already_sorted", ("category", "pets", "already_sorted")),
        ("motivation_pets", "not_relevant", ("category", "pets", "not_relevant")),
        ("gift_or_self", "already_sorted", ("topic", "gift_or_self", "already_sorted")),
        ("gift_or_self", "dont_know", None),
    ],
)
async def test_what_an_agent_hears_is_taken_care_of_rests_as_if_it_were_said_here(
    api: Api, question: str, outcome: str, left: tuple[str, str, str] | None
) -> None:
    shopper = await api.has_shopper("7")
    path = f"/v1/shoppers/{shopper}"
    poll = a_poll(question=question, outcome=outcome)
    for _ in range(2):  # told again it is the same
        assert (await api.post(f"{path}/asks", poll)).status == 201

    held = (await api.get(f"{path}/suppressions")).json["suppressions"]
    outbox = await Shop(api.store).rows(OutboxRow)

    assert [(one["scope"], one["target"], one["reason"]) for one in held] == [left] * bool(left)
    assert bool(outbox) is bool(left)
    for row in await Shop(api.store).rows(SuppressionRow):
        said_at = datetime.fromisoformat(poll["at"])
        assert row.expires_at == said_at + timedelta(days=180)


async def test_what_was_taken_care_of_so_long_ago_that_it_is_over_leaves_nothing_alone(
    api: Api,
) -> None:
    shopper = await api.has_shopper("7")
    old = a_poll(outcome="already_sorted", at=NOW - timedelta(days=200))

    assert (await api.post(f"/v1/shoppers/{shopper}/asks", old)).status == 201
    assert await Shop(api.store).rows(SuppressionRow) == []


async def test_an_agent_sees_a_wish_to_be_left_alone(api: Api) -> None:
    shop = Shop(api.store, now=NOW)
    talk = await shop.meets("7")
    await shop.hears(talk, "stop")

    told = (await api.get(f"/v1/shoppers/{talk.shopper}/asks")).json

    assert told["may_ask"] is False
    assert [one["code"] for one in told["against"]] == ["shopper_said_stop"]


async def test_who_asks_by_mail_is_not_asked_by_the_assistant_the_same_day(api: Api) -> None:
    shop = Shop(api.store, now=NOW)
    talk = await shop.meets("7")
    await shop.has_a_habit("7")
    await api.post(f"/v1/shoppers/{talk.shopper}/asks", a_poll(outcome="answered"))
    await shop.sells("7", "odd", "dress")

    replies = await shop.sees(talk, "purchased")

    assert [reply for reply in replies if reply["ask"]] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"question": "unknown"}, "question"),
        ({"question": "unknown", "outcome": "already_sorted"}, "question"),
        ({"at": NOW + timedelta(hours=1)}, "at"),
        ({"channel": "E-Mail"}, "channel"),
        ({"outcome": "sold"}, "outcome"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, changes: dict[str, Any], field: str) -> None:
    shopper = await api.has_shopper("7")

    answer = await api.post(f"/v1/shoppers/{shopper}/asks", a_poll(**changes))

    assert (answer.status, answer.json["field"]) == (422, field)


async def test_of_who_had_everything_deleted_nothing_is_kept(api: Api) -> None:
    shopper = await api.has_shopper("7")
    assert (await api.call("DELETE", f"/v1/shoppers/{shopper}")).status in {200, 202, 204}

    assert (await api.post(f"/v1/shoppers/{shopper}/asks", a_poll())).status == 409
    assert (await api.post("/v1/shoppers/nobody/asks", a_poll())).status == 404


async def test_what_somebody_told_stands_beside_what_they_were_given(api: Api) -> None:
    shop = Shop(api.store, now=NOW)
    for customer, label in (("7", "A gift"), ("8", "Rather not say")):
        talk, ask = await shop.asks_the_question(customer)
        (row,) = [one for one in await shop.rows(AskRow) if one.id == ask]
        labels = [one["label"] for one in row.options]
        await shop.feels(talk, ask, label, labels.index(label))
    path = "/v1/shoppers/{}/asks"
    answered, declined = [
        (await api.get(path.format(await api.has_shopper(name)))).json for name in ("7", "8")
    ]

    assert (answered["told"], answered["given"]) == (1, 1)
    assert (declined["told"], declined["given"]) == (0, 1)
