"""Telling of a shopper by names, and finding one."""

from datetime import UTC, datetime

from sqlmodel import select

from preferences.store.erasure import erase_shopper
from preferences.store.tables import IdentityRow
from tests.bot.api.conftest import Answer, Api

ANNA = {"kind": "email", "value": "Anna@Example.com"}
NUMBER = {"kind": "customer", "value": "1001"}


async def tell(api: Api, *names: dict[str, str]) -> Answer:
    return await api.post("/v1/shoppers", {"identities": [*names]})


async def test_a_shopper_is_found_by_every_name(api: Api) -> None:
    shopper = (await tell(api, NUMBER, ANNA)).json["shopper"]

    for name in (NUMBER, ANNA, {"kind": "email", "value": "anna@example.com "}):
        answer = await api.post("/v1/shoppers/lookup", name)
        assert (answer.status, answer.json) == (200, {"shopper": shopper})


async def test_who_is_known_by_any_name_gets_the_others(api: Api) -> None:
    shopper = (await tell(api, ANNA)).json["shopper"]

    assert (await tell(api, NUMBER, ANNA)).json["shopper"] == shopper
    assert (await api.post("/v1/shoppers/lookup", NUMBER)).json["shopper"] == shopper


async def test_names_of_two_people_make_no_third(api: Api) -> None:
    await tell(api, ANNA)
    await tell(api, NUMBER)

    answer = await tell(api, ANNA, NUMBER, {"kind": "customer", "value": "7"})

    assert (answer.status, answer.json["field"]) == (409, "identities")
    assert (await api.post("/v1/shoppers/lookup", {"kind": "customer", "value": "7"})).status == 404


async def test_a_name_that_cannot_be_is_named(api: Api) -> None:
    for wrong in ({"kind": "phone", "value": "call me"}, {"kind": "email", "value": "anna"}):
        answer = await tell(api, NUMBER, wrong)
        assert (answer.status, answer.json["field"]) == (422, "identities.1.value")

    assert (await tell(api, {"kind": "passport", "value": "1"})).status == 422
    assert (await api.post("/v1/shoppers/lookup", NUMBER)).status == 404


async def test_no_name_is_kept_of_who_had_everything_deleted(api: Api) -> None:
    shopper = (await tell(api, NUMBER)).json["shopper"]
    await erase_shopper(api.store, shopper, (), datetime.now(UTC))

    assert (await tell(api, NUMBER, ANNA)).json["shopper"] == shopper

    async with api.store.begin(readonly=True) as session:
        names = (await session.exec(select(IdentityRow))).all()
    assert [(row.kind, row.sealed_value) for row in names] == [("customer", None)]
