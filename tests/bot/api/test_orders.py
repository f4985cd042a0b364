"""Orders from wherever they were placed, and what they tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from preferences.store.erasure import erase_shopper
from preferences.store.tables import PurchaseLineRow, PurchaseRow
from tests.bot.api.conftest import Answer, Api


def order(**more: Any) -> dict[str, Any]:
    line = {"sku": "hat", "title": "Hat", "quantity": 2, "category": "Clothes", "audience": "men"}
    page = {"source": "pos", "id": "1", "customer": "7", "placed_at": "2026-01-01T10:00:00Z"}
    return {**page, "lines": [line], **more}


async def tell(api: Api, **more: Any) -> Answer:
    return await api.post("/v1/orders", order(**more))


async def summary(api: Api, shopper: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/shoppers/{shopper}/orders/summary", "read")
    assert answer.status == 200, answer.json
    return dict(answer.json)


async def test_an_order_is_kept_and_what_it_tells_is_observed(api: Api) -> None:
    answer = await tell(api)

    assert (answer.status, answer.json["order"]) == (200, "kept")
    shopper = answer.json["shopper"]
    assert await summary(api, shopper) == {
        "shopper": shopper,
        "kind": "observed",
        "orders": 1,
        "pieces": 2,
        "first_order_at": "2026-01-01T10:00:00.000000Z",
        "last_order_at": "2026-01-01T10:00:00.000000Z",
        "most_frequent_item": {"sku": "hat", "title": "Hat", "orders": 1, "pieces": 2},
        "typical_quantity": 2,
        "quantities": {"2": 1},
        "audiences": {"men": 2},
        "categories": {"clothes": 2},
        "sources": {"pos": "2026-01-01T10:00:00.000000Z"},
    }


async def test_of_who_never_bought_there_is_nothing_to_tell(api: Api) -> None:
    told = await summary(api, await api.has_shopper("7"))

    assert (told["orders"], told["most_frequent_item"], told["first_order_at"]) == (0, None, None)


async def test_a_cancellation_ends_it_and_an_older_report_changes_nothing(api: Api) -> None:
    shopper = (await tell(api)).json["shopper"]

    over = await tell(api, status="cancelled", lines=[], updated_at="2026-01-02T00:00:00Z")
    again = await tell(api)

    assert (over.json["order"], again.json["order"]) == ("kept", "known")
    assert (await summary(api, shopper))["orders"] == 0


@pytest.mark.parametrize(
    ("nothing", "said"), [({"test": True}, "test"), ({"customer": ""}, "nobody")]
)
async def test_what_is_not_kept_is_said_so(api: Api, nothing: dict[str, Any], said: str) -> None:
    answer = await tell(api, **nothing)

    assert (answer.status, answer.json) == (200, {"order": said, "shopper": None})
    async with api.store.begin(readonly=True) as session:
        assert (await session.exec(select(PurchaseRow))).all() == []


async def test_nothing_is_kept_of_the_erased(api: Api) -> None:
    shopper = (await tell(api)).json["shopper"]
    await erase_shopper(api.store, shopper, ["log"], datetime.now(UTC))

    assert (await tell(api, id="2")).json["order"] == "erased"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"lines": []}, ""),
        ({"email": "nobody"}, "email"),
        ({"placed_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "placed_at"),
        ({"gift_message": "for my mother"}, "gift_message"),
    ],
)
async def test_what_is_wrong_is_told_by_field(api: Api, wrong: dict[str, Any], field: str) -> None:
    answer = await tell(api, **wrong)

    assert answer.status == 422
    assert field in answer.json.get("field", "")
    assert "mother" not in answer.raw.decode()


async def test_a_request_is_done_once_under_its_key(api: Api) -> None:
    headers = {"Idempotency-Key": "till-1-receipt-7"}

    first = await api.post("/v1/orders", order(), headers=headers)
    again = await api.post("/v1/orders", order(), headers=headers)

    assert first.json == again.json
    assert again.json["order"] == "kept"


async def test_a_formula_is_a_title_like_others(api: Api) -> None:
    line = {"sku": "=1+1", "title": '=HYPERLINK("x")', "quantity": 1}
    await tell(api, lines=[line])

    async with api.store.begin(readonly=True) as session:
        (row,) = (await session.exec(select(PurchaseLineRow))).all()
    assert (row.sku, row.title) == ("=1+1", '=HYPERLINK("x")')


async def test_who_may_only_read_tells_nothing(api: Api) -> None:
    assert (await api.post("/v1/orders", order(), "read")).status == 403
