"""What a shopper allowed, does not want, and has a right to."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from preferences.store.tables import NoticeRow
from tests.bot.api.conftest import Api
from tests.bot.api.test_facts import fact, tell

NOTICE = "May we keep your answers?"
PURPOSE = "tailor_suggestions"


@pytest.fixture
async def notice(api: Api) -> str:
    name = sha256(NOTICE.encode()).hexdigest()
    row = NoticeRow(
        sha256=name, key=PURPOSE, version=1, locale="en", text=NOTICE, first_shown_at=shown(days=9)
    )
    async with api.store.begin() as session:
        session.add(row)
    return name


def shown(**ago: int) -> datetime:
    return datetime.now(UTC) - timedelta(**ago)


def given(notice: str, **more: Any) -> dict[str, Any]:
    return {
        "purpose": PURPOSE,
        "state": "given",
        "evidence": "yes please",
        "notice_sha256": notice,
        "shown_at": shown(hours=1).isoformat(),
    } | more


async def test_a_permission_with_its_proof_lets_facts_be_used(api: Api, notice: str) -> None:
    shopper = await api.has_shopper("1")
    await tell(api, shopper, fact())
    path = f"/v1/shoppers/{shopper}"
    assert (await api.get(f"{path}/preferences")).json["preferences"] == []

    added = await api.post(f"{path}/consents", given(notice))

    assert added.status == 201, added.json
    assert [one["value"] for one in (await api.get(f"{path}/preferences")).json["preferences"]] == [
        "gift"
    ]
    page = (await api.get(f"{path}/consents")).json
    assert page["consents"][PURPOSE]["event"] == added.json["event"]
    [event] = page["events"]
    assert event["record"]["notice_text"] == NOTICE
    assert event["record"]["evidence_sha256"] == sha256(b"yes please").hexdigest()
    assert event["record"]["actor"].startswith("key:")


async def test_a_permission_without_its_proof_is_none(api: Api, notice: str) -> None:
    shopper = await api.has_shopper("1")
    for missing, field in (
        ({"evidence": None}, ""),
        ({"shown_at": None}, ""),
        ({"notice_sha256": None}, ""),
        ({"notice_sha256": "0" * 64}, "notice_sha256"),
        ({"shown_at": shown(hours=-1).isoformat()}, "shown_at"),
        ({"purpose": "sell_it"}, "purpose"),
        ({"state": "expired"}, "state"),
    ):
        answer = await api.post(f"/v1/shoppers/{shopper}/consents", given(notice, **missing))
        assert (answer.status, answer.json.get("field", "")) == (422, field), missing

    assert (await api.get(f"/v1/shoppers/{shopper}/consents")).json["events"] == []


@pytest.mark.parametrize("state", ["refused", "withdrawn", "objected"])
async def test_a_no_counts_as_it_is_and_no_older_yes_after_it(
    api: Api, notice: str, state: str
) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}"
    await tell(api, shopper, fact())
    await api.post(f"{path}/consents", given(notice))

    told = await api.post(f"{path}/consents", {"purpose": PURPOSE, "state": state})

    assert told.status == 201
    assert (await api.get(f"{path}/preferences")).json["preferences"] == []
    assert (await api.get(f"{path}/consents")).json["consents"][PURPOSE]["state"] == state
    assert (await api.post(f"{path}/consents", given(notice))).status == 409
    types = [one["type"] for one in (await api.get("/v1/changes")).json["changes"]]
    assert types == ["preference.imported", "consent.given", f"consent.{state}"]


async def test_a_decision_told_again_is_appended_once(api: Api, notice: str) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}/consents"
    first, again = [
        await api.post(
            path, given(notice, shown_at="2026-01-01T00:00:00Z"), headers={"Idempotency-Key": "1"}
        )
        for _ in range(2)
    ]

    assert (first.status, first.raw) == (again.status, again.raw)
    assert len((await api.get(path)).json["events"]) == 1


async def test_whom_the_shop_may_lose_is_left_alone_for_a_time(api: Api) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}"

    told = await api.post(f"{path}/suppressions", {"scope": "all", "reason": "churn", "days": 30})

    assert told.status == 201
    asks = (await api.get(f"{path}/asks")).json
    assert asks["may_ask"] is False
    assert "churn" in {one["code"] for one in asks["against"]}


async def test_a_wish_is_kept_once_and_only_the_shopper_lifts_it(api: Api) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}/suppressions"
    wish = {"scope": "channel", "target": "email", "reason": "unsubscribed"}

    first, again = [await api.post(path, wish) for _ in range(2)]
    shorter = await api.post(path, wish | {"days": 3})

    assert first.json == again.json == shorter.json
    [kept] = (await api.get(path)).json["suppressions"]
    assert (kept["scope"], kept["target"], kept["source"]) == ("channel", "email", "shop")
    assert (await api.call("DELETE", path)).status == 405
    for wrong in ({"scope": "all"}, {"target": ""}, {"reason": "shopper_erased"}, {"days": 0}):
        assert (await api.post(path, wish | wrong)).status == 422, wrong


async def test_a_history_is_read_page_by_page(api: Api, notice: str) -> None:
    shopper = await api.has_shopper("1")
    path = f"/v1/shoppers/{shopper}"
    await tell(api, shopper, *(fact(value=value) for value in ("gift", "self", "gift")))
    await api.post(f"{path}/consents", given(notice))
    await api.post(f"{path}/suppressions", {"scope": "all", "reason": "law"})
    whole = (await api.get(f"{path}/history")).json

    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = (await api.get(f"{path}/history{query}")).json
        seen += page["entries"]
        cursor = page["next"]

    assert seen == whole["entries"]
    assert [one["type"] for one in seen] == ["answer"] * 3 + ["consent", "suppression"]
    assert seen[0]["record"]["own_words"] is None
    for wrong in ("x", "W10=", "eyJhIjoxfQ==", "ä"):
        answer = await api.get(f"{path}/history?cursor={wrong}")
        assert (answer.status, answer.json["field"]) == (422, "cursor"), wrong


async def test_a_shopper_is_exported_checked_and_erased(api: Api, notice: str) -> None:
    shopper = await api.has_shopper("1001")
    path = f"/v1/shoppers/{shopper}"
    await tell(api, shopper, fact())
    await api.post(f"{path}/consents", given(notice))

    assert (await api.get(f"{path}/export")).json["held"]["answer"][0]["value"] == "gift"
    assert (await api.get(f"{path}/receipt")).json["records"][0]["purpose"] == PURPOSE
    assert (await api.get(f"{path}/verify")).json == {"intact": True, "findings": []}
    assert (await api.call("DELETE", path)).status == 204

    after = (await api.get(f"{path}/preferences")).json
    assert (after["erased"], after["preferences"], after["identities"]) == (True, [], {})
    assert (await api.post(f"{path}/consents", given(notice))).status == 409
    [change] = (await api.get("/v1/changes")).json["changes"]
    assert (change["type"], change["erased"]) == ("shopper.erased", True)


async def test_two_who_are_one_are_linked_and_parted(api: Api) -> None:
    anna, also_anna = await api.has_shopper("1"), await api.has_shopper("2")
    path = f"/v1/shoppers/{anna}/links"

    linked = await api.post(path, {"other": also_anna, "proof": "ticket 7"})

    assert (linked.status, linked.json) == (200, {"shopper": anna})
    assert (await api.get(f"/v1/shoppers/{also_anna}/preferences")).json["shopper"] == anna
    assert (await api.call("DELETE", f"{path}/{also_anna}")).status == 204
    assert (await api.get(f"/v1/shoppers/{also_anna}/preferences")).json["shopper"] == also_anna
    for nobody in (also_anna, "nobody"):
        assert (await api.call("DELETE", f"{path}/{nobody}")).status == 404
    assert (await api.call("DELETE", "/v1/shoppers/nobody/links/either")).status == 404
