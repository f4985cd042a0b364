"""What was promised is a record until it is kept, and every destination can see it."""

from datetime import UTC, datetime

from preferences.profile import as_json
from preferences.store.profiles import read_profile
from preferences.store.promises import keep_promise
from preferences.store.tables import PromiseRow
from tests.bot.api.conftest import Api
from tests.preferences.dialogue.test_giving import POINTS, giving
from tests.preferences.scenes import DAY
from tests.preferences.store.shop import Shop

NOW = datetime.now(UTC)


async def promised(api: Api) -> Shop:
    """Somebody declined a question for which everybody gets points."""
    shop = Shop(api.store, now=NOW - DAY, assistant=giving(POINTS))
    talk, _ask = await shop.asks_the_question("7")
    await shop.hears(talk, "rather not say", "decline")
    return shop


async def test_a_promise_is_due_until_it_is_kept_once(api: Api) -> None:
    shop = await promised(api)
    [row] = await shop.rows(PromiseRow)
    path = f"/v1/shoppers/{row.shopper_id}/promises"

    [due] = (await api.get(path)).json["promises"]
    kept = await api.post(f"{path}/{row.id}/kept")
    again = await api.post(f"{path}/{row.id}/kept")

    assert (due["state"], due["give"], due["value"], due["kept_at"]) == ("due", "one", "20", None)
    assert row.due_at == shop.now + 7 * DAY
    assert (kept.status, kept.json["state"]) == (200, "kept")
    assert again.json == kept.json
    assert (await api.get(path)).json["promises"] == [kept.json]
    assert (await shop.rows(PromiseRow))[0].kept_by.startswith("key:")


async def test_a_destination_sees_what_was_promised(api: Api) -> None:
    shop = await promised(api)
    [row] = await shop.rows(PromiseRow)
    await keep_promise(api.store, row.shopper_id, row.id, "key:1", ("log",), NOW)

    page = as_json(await read_profile(api.store, row.shopper_id))

    [told] = page["promises"]
    assert (told["kind"], told["value"]) == ("points", "20")
    assert told["kept_at"] is not None
    assert (await api.get(f"/v1/shoppers/{row.shopper_id}/preferences")).json["promises"] == [told]


async def test_what_is_past_its_day_is_late(api: Api) -> None:
    shop = await promised(api)
    async with shop.store.begin() as session:
        [row] = await shop.rows(PromiseRow)
        row.due_at = NOW - DAY
        await session.merge(row)

    [late] = (await api.get(f"/v1/shoppers/{row.shopper_id}/promises")).json["promises"]
    assert late["state"] == "late"


async def test_a_promise_of_somebody_else_is_not_theirs_to_keep(api: Api) -> None:
    shop = await promised(api)
    [row] = await shop.rows(PromiseRow)
    other = await api.has_shopper("8")

    answer = await api.post(f"/v1/shoppers/{other}/promises/{row.id}/kept")

    assert answer.status == 404
    assert (await api.get(f"/v1/shoppers/{other}/promises")).json["promises"] == []
