"""One call proves one answer."""

from hashlib import sha256

from preferences.store.tables import AnswerRow, ConsentEventRow
from tests.bot.api.conftest import Api
from tests.bot.own.test_own_page import has_answered
from tests.preferences.store.shop import Shop


async def test_one_call_proves_what_a_shopper_said(api: Api) -> None:
    await has_answered(api.gateway)
    shopper = (await api.post("/v1/shoppers/lookup", {"kind": "customer", "value": "7"})).json[
        "shopper"
    ]
    profile = (await api.get(f"/v1/shoppers/{shopper}/preferences")).json
    [said] = profile["preferences"]

    proof = (await api.get(f"/v1/shoppers/{shopper}/preferences/{said['id']}")).json

    [answer] = await Shop(api.store).rows(AnswerRow)
    [given] = [row for row in await Shop(api.store).rows(ConsentEventRow) if row.state == "given"]
    assert (proof["shopper"], proof["value"], proof["wording"]) == (shopper, "gift", answer.wording)
    assert [one["value"] for one in proof["options"]] == [one["value"] for one in answer.options]
    assert proof["message_id"] == answer.message_id
    basis = proof["basis"]
    assert (basis["event"], basis["method"], basis["hash"]) == (given.id, "button", given.hash)
    assert basis["notice_sha256"] == sha256(basis["notice"].encode()).hexdigest()


async def test_an_answer_of_somebody_else_is_not_there(api: Api) -> None:
    ours, other = await api.has_shopper("1"), await api.has_shopper("2")
    fact = {"kind": "imported", "question": "gift_or_self", "value": "gift", "source": "crm"}
    told = {"facts": [fact | {"at": "2026-01-01T00:00:00Z"}]}
    [name] = (await api.post(f"/v1/shoppers/{ours}/facts", told)).json["facts"]

    mine = await api.get(f"/v1/shoppers/{ours}/preferences/{name}")
    theirs = await api.get(f"/v1/shoppers/{other}/preferences/{name}")

    assert (mine.status, mine.json["source"], mine.json["basis"]) == (200, "crm", None)
    assert theirs.status == 404
