"""Bringing a friend, from the first look at the terms to who came by whom."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.api import referrals
from preferences.profile import as_json
from preferences.referral import load_referral
from preferences.store import referrals as kept
from preferences.store.erasure import erase_shopper
from preferences.store.links import link
from preferences.store.profiles import read_profile
from preferences.store.tables import AskRow, ReferralCodeRow, ReferralRow
from preferences.store.wishes import Unwanted, add_suppression
from tests.bot.api.conftest import Api
from tests.preferences.scenes import DAY, VOICE
from tests.preferences.store.shop import Shop

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    page = load_referral().model_copy(update={"enabled": True})
    monkeypatch.setattr(referrals, "load_referral", lambda: page)


async def glad(api: Api, customer: str, *, orders: int = 3, experience: str = "good") -> str:
    """Somebody who ordered so often, and of whose experience another system tells."""
    shop = Shop(api.store, now=NOW - 20 * DAY)
    shopper = await api.has_shopper(customer)
    for number in range(orders):
        await shop.sells(customer, f"{customer}-{number}", "hat")
    if experience:
        facts = [
            {"kind": "imported", "question": "how_was_it", "value": experience,
             "source": "reviews", "at": (NOW - DAY).isoformat()}
        ]  # fmt: skip
        told = await api.post(f"/v1/shoppers/{shopper}/facts", {"facts": facts})
        assert told.status == 201, told.json
    return shopper


async def invited(api: Api, customer: str) -> str:
    """Give the code of somebody glad."""
    answer = await api.post(f"/v1/shoppers/{await glad(api, customer)}/referral", {})
    assert answer.status == 201, answer.json
    return str(answer.json["code"])


async def came(api: Api, code: str, customer: str) -> tuple[int, Any]:
    friend = await api.has_shopper(customer)
    answer = await api.post("/v1/referrals", {"code": code, "friend": friend})
    return answer.status, answer.json


async def against(api: Api, shopper: str) -> Sequence[str]:
    page = (await api.get(f"/v1/shoppers/{shopper}/referral")).json
    assert page["may_invite"] == (not page["against"])
    return page["against"]


async def test_who_is_glad_sees_the_terms_and_then_gets_a_code(api: Api) -> None:
    shopper = await glad(api, "7")
    path = f"/v1/shoppers/{shopper}/referral"

    before = (await api.get(f"{path}?locale=de")).json
    made = await api.post(path, {"locale": "de"})

    assert (before["may_invite"], before["signals"]) == (True, ["regular", "praise"])
    assert len(before["terms"]) == 3
    assert made.json["terms"] == before["terms"]
    assert made.json["link"] == f"https://shop.example/friend/{made.json['code']}"
    assert made.json["share"].keys() == {
        "link", "mail", "whatsapp", "messenger", "sms", "sheet",
    }  # fmt: skip
    again = await api.post(path, {})
    assert (again.status, "invited_lately" in again.json["detail"]) == (409, True)


async def test_an_invitation_counts_as_a_question_and_replaces_a_promotion(api: Api) -> None:
    await invited(api, "7")
    shop = Shop(api.store)
    [code] = await shop.rows(ReferralCodeRow)
    [ask] = await shop.rows(AskRow)

    asks = (await api.get(f"/v1/shoppers/{code.shopper_id}/asks")).json
    page = as_json(await read_profile(api.store, code.shopper_id))

    assert (ask.question_id, ask.outcome) == ("referral", "answered")
    assert "week_budget_used" in {one["code"] for one in asks["against"]}
    assert page["referral"] == {
        "invited_at": code.made_at.isoformat(),
        "replaces_next_promotion_until": (code.made_at + 30 * DAY).isoformat(),
    }


async def test_the_friends_first_talk_knows_that_a_friend_recommended_the_shop(api: Api) -> None:
    await came(api, await invited(api, "7"), "9")
    shop = Shop(api.store, now=NOW)

    first, other = [
        (await shop.sees(await shop.meets(customer), "opened"))[0]["text"]
        for customer in ("9", "8")
    ]
    again = (await shop.sees(await shop.meets("9"), "opened"))[0]["text"]

    assert first == VOICE.say("hello_friend", "en")
    assert other == VOICE.say("hello", "en")
    assert again == VOICE.say("hello_again", "en")


async def test_a_complaint_a_topic_or_a_used_budget_forbids_it(api: Api) -> None:
    for number, (wish, reason) in enumerate(
        (
            (Unwanted("all", "", "complained"), "silenced"),
            (Unwanted("topic", "referral", "asked_the_shop"), "silenced"),
        )
    ):
        shopper = await glad(api, f"{number}")
        await add_suppression(api.store, shopper, wish, (), NOW)
        assert await against(api, shopper) == [reason]
    other = await glad(api, "9")
    at = (NOW - DAY / 24).isoformat()
    poll = {"question": "size_fit", "channel": "mail", "reference": "1", "at": at}
    assert (await api.post(f"/v1/shoppers/{other}/asks", poll)).status == 201
    assert "week_budget_used" in await against(api, other)
    assert await against(api, await glad(api, "8", experience="bad")) == [
        "bad_experience",
        "too_few_signals",
    ]
    assert await against(api, await glad(api, "10", orders=0)) == ["too_few_signals"]


async def test_a_friend_is_somebody_new_once_and_chains_are_counted(api: Api) -> None:
    code = await invited(api, "7")

    first = await came(api, code.lower(), "8")
    again = await came(api, code, "8")
    await glad(api, "8")
    second = await api.post(f"/v1/shoppers/{first[1]['friend']}/referral", {})
    third = await came(api, second.json["code"], "9")
    other = await came(api, second.json["code"], "8")
    known = await glad(api, "11")
    refused = await api.post("/v1/referrals", {"code": code, "friend": known})

    assert (first[0], first[1]["depth"]) == (201, 1)
    assert again == first
    assert (third[0], third[1]["depth"], third[1]["giver"]) == (201, 2, first[1]["friend"])
    assert other[0] == 409
    assert (refused.status, "ordered here before" in refused.json["detail"]) == (409, True)
    assert len(await Shop(api.store).rows(ReferralRow)) == 2


async def test_a_chain_is_followed_so_far_and_no_farther(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_DEEPEST", 1)
    code = await invited(api, "1")
    for giver in ("2", "3"):
        status, page = await came(api, code, giver)
        assert status == 201
        await glad(api, giver)
        code = (await api.post(f"/v1/shoppers/{page['friend']}/referral", {})).json["code"]

    assert (await came(api, code, "4"))[1]["depth"] == 2


async def test_nobody_brings_themselves_nor_in_a_loop(api: Api) -> None:
    code = await invited(api, "7")
    own, loop = await came(api, code, "7"), await came(api, code, "8")
    await glad(api, "8")
    back = (await api.post(f"/v1/shoppers/{loop[1]['friend']}/referral", {})).json["code"]

    round_a_corner = await came(api, back, "7")

    assert (own[0], "own code" in own[1]["detail"]) == (409, True)
    assert (round_a_corner[0], "loop" in round_a_corner[1]["detail"]) == (409, True)


async def test_two_names_of_one_person_are_no_friends(api: Api) -> None:
    code = await invited(api, "7")
    one, other = await api.has_shopper("7"), await api.has_shopper("8")
    by = {"actor": "key:1", "destinations": (), "now": NOW}
    await link(api.store, one, other, proof="code", **by)

    assert (await came(api, code, "8"))[0] == 409


@pytest.mark.parametrize("code", ["AAAAAAAA-AAAAA", "nonsense"])
async def test_a_code_that_we_did_not_sign_is_refused(api: Api, code: str) -> None:
    status, page = await came(api, code, "8")

    assert (status, page["field"]) == (422, "code")


async def test_who_was_deleted_neither_brings_nor_comes(api: Api) -> None:
    code = await invited(api, "7")
    giver, friend = await api.has_shopper("7"), await api.has_shopper("8")
    await erase_shopper(api.store, friend, (), NOW)
    gone = await api.post("/v1/referrals", {"code": code, "friend": friend})
    await erase_shopper(api.store, giver, (), NOW)
    late = await came(api, code, "9")

    assert gone.status == 409
    assert (late[0], "not known any more" in late[1]["detail"]) == (409, True)
    assert (await api.post(f"/v1/shoppers/{giver}/referral", {})).status in {404, 409}
    assert await Shop(api.store).rows(ReferralCodeRow) == []
