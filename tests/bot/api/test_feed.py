"""Following the store: everybody once, then every change."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from aiohttp import ClientError
from sqlmodel import update

from preferences.store.changes import note
from preferences.store.erasure import erase_shopper
from preferences.store.links import link
from preferences.store.tables import IdentityRow
from tests.bot.api.conftest import Api
from tests.bot.api.test_facts import fact, tell
from tests.preferences.store.shop import Shop

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_a_change_carries_the_profile_as_it_is_now(api: Api) -> None:
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact())

    page = (await api.get("/v1/changes?after=0&limit=1")).json

    [change] = page["changes"]
    assert change["profile"] == (await api.get(f"/v1/shoppers/{shopper}/preferences")).json
    assert (change["position"], change["erased"]) == (page["position"], False)


@pytest.mark.parametrize("kind", ["declared", "imported", "observed", "inferred"])
async def test_one_kind_of_what_is_known_is_given_alone(api: Api, kind: str) -> None:
    shop = Shop(api.store, now=datetime.now(UTC))
    talk, _ = await shop.asks_the_question("1001")
    await shop.hears(talk, "a gift", "answer", "gift")
    pets = {"question": "motivation_pets", "value": "treat", "at": shop.now.isoformat()}
    rivals = [fact(**pets), fact(**pets | {"kind": "observed", "value": "good_food"})]
    await tell(api, talk.shopper, *rivals, fact(question="motivation_books", value="escape"))

    whole = (await api.get(f"/v1/shoppers/{talk.shopper}/preferences")).json
    alone = (await api.get(f"/v1/shoppers/{talk.shopper}/preferences?kind={kind}")).json
    export = (await api.get(f"/v1/export?kind={kind}")).raw
    wrong = await api.get(f"/v1/shoppers/{talk.shopper}/preferences?kind=guessed")

    parts = ("preferences", "conflicts", "expired")
    assert {one["kind"] for part in parts for one in whole[part]} == {
        "declared",
        "imported",
        "observed",
    }
    for part in parts:
        assert alone[part] == [one for one in whole[part] if one["kind"] == kind]
    assert json.loads(export.splitlines()[1])["profile"] == alone
    assert {**alone, **{part: whole[part] for part in parts}} == whole
    assert (wrong.status, wrong.json["field"]) == (422, "kind")


async def test_changes_are_read_page_by_page(api: Api) -> None:
    shoppers = [await api.has_shopper(str(number)) for number in range(5)]
    for shopper in shoppers:
        await tell(api, shopper, fact())
    seen, after = [], 0
    while (page := (await api.get(f"/v1/changes?after={after}&limit=2")).json)["changes"]:
        seen += [change["shopper"] for change in page["changes"]]
        after = page["position"]

    assert seen == shoppers


async def test_who_is_erased_leaves_a_tombstone(api: Api) -> None:
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact())
    before = (await api.get("/v1/changes")).json["position"]
    await erase_shopper(api.store, shopper, (), NOW)

    [change] = (await api.get(f"/v1/changes?after={before}")).json["changes"]

    assert (change["type"], change["shopper"]) == ("shopper.erased", shopper)
    assert (change["erased"], change["profile"]) == (True, None)
    assert [one["type"] for one in (await api.get("/v1/changes")).json["changes"]] == [
        "shopper.erased"
    ]


async def test_who_was_linked_points_to_who_they_are(api: Api) -> None:
    anna, also_anna = await api.has_shopper("1"), await api.has_shopper("2")
    await link(api.store, anna, also_anna, proof="x", actor="test", destinations=(), now=NOW)

    changes = {one["shopper"]: one for one in (await api.get("/v1/changes")).json["changes"]}

    assert (changes[also_anna]["linked_to"], changes[also_anna]["profile"]) == (anna, None)
    assert changes[also_anna]["erased"] is False
    assert changes[anna]["profile"]["shopper"] == anna


async def test_who_waits_is_told_of_the_next_change(api: Api) -> None:
    shopper = await api.has_shopper("1")
    waiting = asyncio.create_task(api.get("/v1/changes?wait=20"))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    await tell(api, shopper, fact())

    assert [one["shopper"] for one in (await waiting).json["changes"]] == [shopper]


async def test_a_change_that_nobody_announced_is_seen_too(api: Api) -> None:
    shopper = await api.has_shopper("1")
    waiting = asyncio.create_task(api.get("/v1/changes?wait=20"))
    await asyncio.sleep(0.1)
    async with api.store.begin() as session:
        note(session, shopper, "suppression.added", {}, NOW)

    assert [one["shopper"] for one in (await waiting).json["changes"]] == [shopper]


async def test_who_waits_for_nothing_gets_an_empty_page(api: Api) -> None:
    page = (await api.get("/v1/changes?wait=1")).json

    assert page == {"changes": [], "position": 0}


async def test_an_export_holds_everybody_and_where_to_go_on(api: Api) -> None:
    shoppers = sorted([await api.has_shopper(str(number)) for number in range(7)])
    await tell(api, shoppers[0], fact())
    await erase_shopper(api.store, shoppers[1], (), NOW)
    await link(
        api.store, shoppers[2], shoppers[3], proof="x", actor="test", destinations=(), now=NOW
    )
    position = (await api.get("/v1/changes")).json["position"]

    answer = await api.get("/v1/export")

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    head, *middle, end = [json.loads(line) for line in answer.raw.splitlines()]
    assert (head["kind"], head["position"]) == ("head", position)
    assert end == {"kind": "end", "shoppers": 6}
    found = {line["profile"]["shopper"]: line["profile"] for line in middle}
    assert sorted(found) == [one for one in shoppers if one != shoppers[3]]
    assert found[shoppers[1]]["erased"] is True
    for name in (shoppers[0], shoppers[2]):
        assert found[name] == (await api.get(f"/v1/shoppers/{name}/preferences")).json


async def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}/preferences"
    tag = (await api.get(path)).headers["ETag"]

    same = await api.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
    assert (same.status, same.raw, same.headers["ETag"]) == (304, b"", tag)
    assert (await api.get(path, headers={"If-None-Match": '"x"'})).status == 200


async def test_an_export_that_fails_half_way_is_seen_to_be_cut_off(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.has_shopper("1")
    async with api.store.begin() as session:
        await session.exec(update(IdentityRow).values(sealed_value="spoilt"))

    with pytest.raises(ClientError):
        await api.get("/v1/export")

    assert "/v1/export was cut off: SealError" in caplog.text
    assert "spoilt" not in caplog.text
    assert (await api.get("/v1/changes")).status == 200
