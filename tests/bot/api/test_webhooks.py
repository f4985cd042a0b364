"""Webhooks managed over HTTP; what is sent is sent by sync, which is not running here."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from bot.api import webhooks
from preferences.store.changes import ChangeType, note
from preferences.store.tables import WebhookEndpointRow
from preferences.store.webhook_intake import behind, take_up
from preferences.store.webhook_queue import Outcome, claim, settle
from tests.bot.api.conftest import Api
from tests.sync.names import Names

URL = "https://crm.example/hook"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    leads = Names(
        {
            "crm.example": ["8.8.8.8", "2606:4700::1111"],
            "inner.example": ["10.0.0.1"],
            "both.example": ["8.8.8.8", "127.0.0.1"],
            "8.8.4.4": ["8.8.4.4"],
        }
    )

    monkeypatch.setattr(webhooks, "ThreadedResolver", lambda: leads)
    return leads


async def added(api: Api, *types: ChangeType) -> tuple[str, str]:
    answer = await api.post("/v1/webhooks", {"url": URL, "types": list(types)}, "admin")
    assert answer.status == 201, answer.json
    return answer.json["webhook"]["id"], answer.json["secret"]


async def happened(api: Api, *shoppers: str) -> None:
    """Have something happen, and every webhook take it up."""
    async with api.store.begin() as session:
        for shopper in shoppers:
            note(session, shopper, "consent.given", {"purpose": "p"}, datetime.now(UTC))
    for endpoint, position in await behind(api.store):
        await take_up(api.store, endpoint, position, 100, datetime.now(UTC))


async def sent(api: Api, endpoint: str, status: int) -> int:
    """Do what sync does: claim, and record what was answered."""
    now = datetime.now(UTC)
    load = await claim(api.store, endpoint, 100, now)
    assert load
    good = status == 204
    outcomes = [
        Outcome(one.id, delivered=good, status=status, error="" if good else "No.", again=None)
        for one in load.parcels
    ]
    await settle(api.store, endpoint, outcomes, gone=status == 410, now=now)
    return len(outcomes)


async def test_a_webhook_is_added_shown_and_removed(api: Api) -> None:
    of, secret = await added(api, "consent.withdrawn", "shopper.erased")

    listed = await api.get("/v1/webhooks", "admin")
    one = await api.get(f"/v1/webhooks/{of}", "admin")
    removed = await api.call("DELETE", f"/v1/webhooks/{of}", "admin")
    again = await api.call("DELETE", f"/v1/webhooks/{of}", "admin")

    assert listed.json == {"webhooks": [one.json]}
    assert (one.json["url"], one.json["enabled"]) == (URL, True)
    assert one.json["types"] == ["consent.withdrawn", "shopper.erased"]
    assert secret.startswith("whsec_")
    assert secret.encode() not in listed.raw + one.raw
    assert (removed.status, again.status) == (204, 404)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("https://127.0.0.1/", "ASKFIRST_WEBHOOK_ALLOW"),
        ("https://inner.example/", "ASKFIRST_WEBHOOK_ALLOW"),
        ("https://both.example/", "ASKFIRST_WEBHOOK_ALLOW"),
        ("https://nowhere.example/", "check its name"),
        ("http://crm.example/", "begin with https://"),
        ("https://me:word@crm.example/", "Leave name and password out"),
        ("https://crm.example:6379/", "use 443"),
        ("https://0x7f.1/", "a plain name"),
        ("gopher://crm.example/", "a whole one"),
    ],
)
async def test_an_address_that_may_not_be_posted_to_is_refused_with_the_remedy(
    api: Api, url: str, remedy: str
) -> None:
    answer = await api.post("/v1/webhooks", {"url": url}, "admin")

    assert (answer.status, answer.json["field"]) == (422, "url")
    assert remedy in answer.json["detail"]
    assert answer.json["type"] == "/problems/badinput"
    assert (await api.get("/v1/webhooks", "admin")).json == {"webhooks": []}


async def test_a_public_address_may_be_written_out(api: Api) -> None:
    assert (await api.post("/v1/webhooks", {"url": "https://8.8.4.4/"}, "admin")).status == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 1},
        {"url": URL, "types": ["consent.forgotten"]},
        {"url": URL, "secret": "whsec_x"},
        {"url": f"https://crm.example/{'a' * 3000}"},
    ],
    ids=["none", "number", "type", "secret", "long"],
)
async def test_what_is_no_webhook_is_refused(api: Api, body: object) -> None:
    assert (await api.post("/v1/webhooks", body, "admin")).status == 422


async def test_only_who_administers_may_manage_them(api: Api) -> None:
    of, _ = await added(api)
    for operation in webhooks.OPERATIONS:
        path = operation.path.replace("{id}", of)
        answer = await api.call(operation.method, path, "read", "write", "sync", json={})
        assert answer.status == 403, operation.name


async def test_one_that_is_not_there_is_not_found(api: Api) -> None:
    bodies = {"disable": {"reason": "x"}, "replay": {"from": 0}}
    for operation in webhooks.OPERATIONS:
        if "{id}" in operation.path:
            path = operation.path.replace("{id}", "nobody")
            body = bodies.get(path.rpartition("/")[2], {})
            answer = await api.call(operation.method, path, "admin", json=body)
            assert answer.status == 404, operation.name


async def test_a_secret_is_rotated_and_the_old_one_ends_by_itself(api: Api) -> None:
    of, old = await added(api)

    answer = await api.post(f"/v1/webhooks/{of}/rotate-secret", {}, "admin")

    now = datetime.now(UTC)
    meanwhile = await claim(api.store, of, 1, now + timedelta(hours=23))
    afterwards = await claim(api.store, of, 1, now + timedelta(hours=25))
    assert meanwhile
    assert afterwards
    assert meanwhile.secrets == (answer.json["secret"], old)
    assert afterwards.secrets == (answer.json["secret"],)
    until = datetime.fromisoformat(answer.json["old_secret_until"])
    assert timedelta(hours=23) < until - now < timedelta(hours=25)


async def test_one_that_was_disabled_says_why_and_is_enabled_again(api: Api) -> None:
    of, _ = await added(api)
    await happened(api, "anna")
    await sent(api, of, 410)

    gone = (await api.get(f"/v1/webhooks/{of}", "admin")).json
    back = (await api.post(f"/v1/webhooks/{of}/enable", None, "admin")).json
    paused = (await api.post(f"/v1/webhooks/{of}/disable", {"reason": "Moving."}, "admin")).json

    assert (gone["enabled"], gone["disabled_why"]) == (
        False,
        "It answered 410: it wants nothing more.",
    )
    assert (back["enabled"], back["disabled_why"], back["disabled_at"]) == (True, None, None)
    assert (paused["enabled"], paused["disabled_why"]) == (False, "Moving.")


async def test_a_test_tells_what_came_back(api: Api) -> None:
    of, _ = await added(api)
    asking = asyncio.create_task(api.post(f"/v1/webhooks/{of}/test", None, "admin"))
    deadline = monotonic() + 10
    while not await sent(api, of, 500):
        assert monotonic() < deadline
        await asyncio.sleep(0.05)
    answer = await asking

    assert (answer.status, answer.json["type"]) == (200, "askfirst.test")
    assert (answer.json["state"], answer.json["last_status"]) == ("failed", 500)


async def test_a_test_that_nobody_sends_says_so(api: Api) -> None:
    of, _ = await added(api)

    answer = await api.post(f"/v1/webhooks/{of}/test?wait=0", None, "admin")

    assert (answer.json["state"], answer.json["attempts"]) == ("waiting", 0)


async def test_the_log_is_read_page_by_page_and_by_state(api: Api) -> None:
    of, _ = await added(api)
    await happened(api, "a", "b", "c")
    await sent(api, of, 204)
    await happened(api, "d")
    await sent(api, of, 500)

    shoppers, before = list[str](), ""
    while True:
        page = await api.get(f"/v1/webhooks/{of}/deliveries?limit=2{before}", "admin")
        shoppers += [one["shopper"] for one in page.json["deliveries"]]
        if page.json["next"] is None:
            break
        before = f"&before={page.json['next']}"
    failed = await api.get(f"/v1/webhooks/{of}/deliveries?state=failed", "admin")

    assert shoppers[0] == "d"
    assert sorted(shoppers) == ["a", "b", "c", "d"]
    assert [one["last_error"] for one in failed.json["deliveries"]] == ["No."]


async def test_a_range_is_sent_once_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_REPLAYED", 2)
    before = datetime.now(UTC) - timedelta(minutes=1)
    of, _ = await added(api)
    await happened(api, "a", "b", "c")
    await sent(api, of, 204)
    path = f"/v1/webhooks/{of}/replay"

    first = await api.post(path, {"from": before.isoformat()}, "admin")
    rest = await api.post(path, {"from": first.json["rest_from"], "to": 9}, "admin")
    none = await api.post(path, {"from": 0, "state": "failed"}, "admin")

    assert (first.status, first.json) == (202, {"queued": 2, "rest_from": 3})
    assert rest.json == {"queued": 1, "rest_from": None}
    assert none.json["queued"] == 0
    assert await sent(api, of, 204) == 3


@pytest.mark.parametrize(
    "first",
    [None, -1, 2**63, 1.5, "soon", "2026-11-22T10:00:00", "0001-01-01T00:00:00+14:00"],
    ids=str,
)
async def test_a_range_that_is_none_is_refused(api: Api, first: object) -> None:
    of, _ = await added(api)

    answer = await api.post(f"/v1/webhooks/{of}/replay", {"from": first}, "admin")

    assert answer.status == 422
    assert answer.json["field"].startswith("from")


async def test_the_secret_in_the_store_is_sealed(api: Api) -> None:
    of, secret = await added(api)
    async with api.store.begin(readonly=True) as session:
        row = await session.get_one(WebhookEndpointRow, of)

    assert secret.removeprefix("whsec_") not in row.model_dump_json()
