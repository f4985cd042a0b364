"""What the shop tells of a shopper."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from preferences.store.erasure import erase_shopper
from preferences.store.tables import AnswerRow, IdempotencyRow, OutboxRow
from tests.bot.api.conftest import Answer, Api

LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)  # and not outdated yet


def fact(**more: Any) -> dict[str, Any]:
    return {
        "kind": "imported",
        "question": "gift_or_self",
        "value": "gift",
        "source": "old crm",
        "at": LONG_AGO.isoformat(),
    } | more


async def tell(api: Api, shopper: str, *facts: dict[str, Any], **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"facts": [*facts]}
    return await api.post(f"/v1/shoppers/{shopper}/facts", body, headers=named)


async def kept(api: Api) -> list[AnswerRow]:
    async with api.store.begin(readonly=True) as session:
        return list((await session.exec(select(AnswerRow))).all())


async def test_a_fact_is_kept_as_what_it_is(api: Api) -> None:
    shopper = await api.has_shopper("1")

    answer = await tell(api, shopper, fact(), fact(kind="observed", confidence=0.5))

    assert answer.status == 201
    rows = {row.id: row for row in await kept(api)}
    first, second = (rows[name] for name in answer.json["facts"])
    assert (first.kind, first.source, first.value) == ("imported", "old crm", "gift")
    assert (first.ask_id, first.consent_id, first.wording) == (None, None, "")
    assert first.answered_at == LONG_AGO
    assert (second.kind, second.confidence) == ("observed", 0.5)


async def test_a_fact_is_told_to_who_follows_and_to_the_crms(api: Api) -> None:
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact())

    changes = (await api.get("/v1/changes")).json["changes"]

    assert [(one["shopper"], one["type"]) for one in changes] == [(shopper, "preference.imported")]
    assert changes[0]["detail"] == {"question": "gift_or_self", "kind": "imported"}
    async with api.store.begin(readonly=True) as session:
        assert [row.shopper_id for row in (await session.exec(select(OutboxRow))).all()] == [
            shopper
        ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "declared"}, "facts.0.kind"),
        ({"kind": "inferred"}, "facts.0.kind"),
        ({"question": "shoe_size"}, "facts.0.question"),
        ({"question": "no question"}, "facts.0.question"),
        ({"value": "maybe"}, "facts.0.value"),
        ({"value": ""}, "facts.0.value"),
        ({"value": "gift,self"}, "facts.0.value"),
        ({"at": "2026-01-01T00:00:00"}, "facts.0.at"),
        ({"at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "facts.0.at"),
        ({"confidence": 2}, "facts.0.confidence"),
        ({"detail": {"polarity": "does_not_want"}}, "facts.0.detail.polarity"),
        ({"own_words": "x"}, "facts.0.own_words"),
    ],
)
async def test_what_the_catalogue_does_not_know_is_refused(
    api: Api, wrong: dict[str, Any], field: str
) -> None:
    shopper = await api.has_shopper("1")

    answer = await tell(api, shopper, fact(**wrong), fact())

    assert (answer.status, answer.json["field"]) == (422, field)
    assert await kept(api) == []


async def test_nothing_is_kept_of_who_had_everything_deleted(api: Api) -> None:
    shopper = await api.has_shopper("1")
    await erase_shopper(api.store, shopper, (), datetime.now(UTC))

    answer = await tell(api, shopper, fact())

    assert (answer.status, answer.json["type"]) == (409, "/problems/conflict")
    assert await kept(api) == []


async def test_the_same_telling_sent_again_is_kept_once(api: Api) -> None:
    shopper = await api.has_shopper("1")

    first = await tell(api, shopper, fact(), Idempotency_Key="one")
    again = await tell(api, shopper, fact(), Idempotency_Key="one")

    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await kept(api)) == 1
    async with api.store.begin(readonly=True) as session:
        rows = (await session.exec(select(IdempotencyRow))).all()
    assert shopper in {row.shopper_id for row in rows}
    assert all(shopper not in row.sealed_body for row in rows)


async def test_the_same_key_with_something_else_is_refused(api: Api) -> None:
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact(), Idempotency_Key="one")

    answer = await tell(api, shopper, fact(value="self"), Idempotency_Key="one")

    assert (answer.status, answer.json["field"]) == (422, "Idempotency-Key")
    assert len(await kept(api)) == 1


async def test_a_key_of_idempotency_belongs_to_one_caller(api: Api) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}/facts"
    for scopes in (("write",), ("write", "read")):
        body = {"facts": [fact()]}
        answer = await api.post(path, body, *scopes, headers={"Idempotency-Key": "one"})
        assert "Idempotency-Replayed" not in answer.headers

    assert len(await kept(api)) == 2


async def test_the_same_telling_sent_at_once_is_kept_once(api: Api) -> None:
    shopper = await api.has_shopper("1")

    answers = await asyncio.gather(
        *(tell(api, shopper, fact(), Idempotency_Key="one") for _ in range(5))
    )

    assert {answer.status for answer in answers} <= {201, 409}
    assert len(await kept(api)) == 1
    assert (await tell(api, shopper, fact(), Idempotency_Key="one")).status == 201


async def test_a_telling_that_failed_may_be_mended_under_its_key(api: Api) -> None:
    shopper = await api.has_shopper("1")
    assert (await tell(api, shopper, fact(value="maybe"), Idempotency_Key="one")).status == 422

    assert (await tell(api, shopper, fact(), Idempotency_Key="one")).status == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "ä"])
async def test_a_key_of_idempotency_is_short_and_plain(api: Api, key: str) -> None:
    shopper = await api.has_shopper("1")

    answer = await tell(api, shopper, fact(), Idempotency_Key=key)

    assert (answer.status, answer.json["field"]) == (422, "Idempotency-Key")


async def test_who_has_seen_an_older_state_is_told(api: Api) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}/preferences"
    tag = (await api.get(path)).headers["ETag"]

    assert (await tell(api, shopper, fact(), If_Match=tag)).status == 201
    assert (await tell(api, shopper, fact(), If_Match='"another"')).status == 412
    assert (await tell(api, shopper, fact(), If_Match="*")).status == 201


async def test_nobody_is_told_of_who_is_not_there(api: Api) -> None:
    answers = [await tell(api, name, fact()) for name in ("0" * 32, "customer:9", "x")]

    assert {(answer.status, answer.raw) for answer in answers} == {(404, answers[0].raw)}
