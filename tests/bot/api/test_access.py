"""Who may do what: keys, scopes, rates; and what a stranger cannot find out."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.api.operations import Operation
from bot.api.routes import OPERATIONS
from preferences.store.keys import issue_key
from tests.bot.api.conftest import Api
from tests.bot.conftest import Start

PREFERENCES = "/v1/shoppers/customer:1001/preferences"


def a_path(operation: Operation) -> str:
    return operation.path.replace("{", "").replace("}", "")


async def test_every_operation_wants_a_key(api: Api) -> None:
    for operation in OPERATIONS:
        for header in ({}, {"Authorization": "Bearer ask_no"}, {"Authorization": "Basic eDp5"}):
            url = api.gateway.url + a_path(operation)
            async with api.http.request(operation.method, url, headers=header) as response:
                page = await response.json(content_type=None)
                assert (response.status, page["type"]) == (401, "/problems/key"), operation.name
                assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_every_operation_wants_each_of_its_scopes(api: Api) -> None:
    for operation in OPERATIONS:
        for scope in operation.scopes:
            others = sorted({"read", "lookup", "write", "admin", "sync"} - {scope})
            answer = await api.call(operation.method, a_path(operation), *others)
            assert (answer.status, answer.json["type"]) == (403, "/problems/scope"), operation.name
            assert scope in answer.json["detail"]


async def test_a_key_that_no_header_can_hold_is_just_wrong(api: Api) -> None:
    answer = await api.get(PREFERENCES, key="ask_\udcff")

    assert answer.status == 401


async def test_a_revoked_key_fails_at_the_next_request(api: Api) -> None:
    made = await api.post("/v1/keys", {"label": "crm", "scopes": ["sync"]})
    assert made.status == 201
    key, name = made.json["key"], made.json["id"]
    assert (await api.get("/v1/changes", key=key)).status == 200

    assert (await api.call("DELETE", f"/v1/keys/{name}")).status == 204

    assert (await api.get("/v1/changes", key=key)).status == 401
    listed = (await api.get("/v1/keys")).json["keys"]
    assert next(one for one in listed if one["id"] == name)["revoked_at"]
    assert key not in str(listed)


async def test_an_expired_key_opens_nothing(api: Api) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    key = await issue_key(api.store, "old", {"sync"}, timedelta(hours=1), yesterday)

    assert (await api.get("/v1/changes", key=key)).status == 401


async def test_a_key_is_not_issued_for_ever_or_for_anything(api: Api) -> None:
    for body, field in (
        ({"label": "x", "scopes": ["everything"]}, "scopes.0"),
        ({"label": "x", "scopes": []}, "scopes"),
        ({"label": "x", "scopes": ["read"], "days": 0}, "days"),
        ({"label": "x", "scopes": ["read"], "days": 10**6}, "days"),
        ({"label": "x\u0000", "scopes": ["read"]}, "label"),
        ({"scopes": ["read"]}, "label"),
    ):
        answer = await api.post("/v1/keys", body)
        assert (answer.status, answer.json["field"]) == (422, field)


async def test_who_is_unknown_looks_like_who_may_not_be_seen(api: Api) -> None:
    """Byte for byte, whatever is asked and whoever is not there."""
    names = ("0" * 32, "nobody", "customer:0", "customer:x y", "email:anna@example.com", "a:b")
    answers = [await api.get(f"/v1/shoppers/{name}/preferences") for name in names]
    body = {"kind": "customer", "value": "0"}
    answers.append(await api.post("/v1/shoppers/lookup", body))

    assert {answer.status for answer in answers} == {404}
    assert len({answer.raw for answer in answers}) == 1


async def test_a_customer_number_is_for_who_may_look_up(api: Api) -> None:
    await api.has_shopper("1001")

    assert (await api.get(PREFERENCES, "read")).status == 403
    assert (await api.get(PREFERENCES, "read", "lookup")).status == 200


async def test_a_key_that_is_used_too_often_has_to_wait(start: Start) -> None:
    async with start(api_requests_per_minute=3) as gateway:
        api = Api(gateway, gateway.http)
        answers = [await api.get("/v1/keys") for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert [answer.headers["RateLimit"][:9] for answer in answers] == [
            '"key";r=2', '"key";r=1', '"key";r=0',
        ]  # fmt: skip
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"key";q=3;w=60'}

        refused = await api.get("/v1/keys")

        assert (refused.status, refused.json["type"]) == (429, "/problems/rate")
        assert 1 <= int(refused.headers["Retry-After"]) <= 20
        assert refused.headers["RateLimit"].startswith('"key";r=0;t=')
        assert (await api.get("/v1/keys", "admin")).status == 200, "another key is not concerned"


async def test_a_rate_of_zero_is_no_limit(start: Start) -> None:
    async with start(api_requests_per_minute=0) as gateway:
        answer = await Api(gateway, gateway.http).get("/v1/keys")

    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1&limit=2", "limit"),
        ("wait=31", "wait"),
        ("since=1", "since"),
        ("after=5", "after"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, query: str, field: str) -> None:
    answer = await api.get(f"/v1/changes?{query}")

    assert (answer.status, answer.json["field"]) == (422, field)
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    for data, kind, status in (
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"kind":"customer","value":"\\ud800"}', "application/json", 422),
        (b"\xff", "application/json", 422),
        (b'{"kind":"customer","value":1}', "application/json", 422),
        (b'{"kind":"customer","value":"1","more":1}', "application/json", 422),
    ):
        answer = await api.call(
            "POST", "/v1/shoppers/lookup", data=data, headers={"Content-Type": kind}
        )
        assert answer.status == status, data


async def test_a_method_that_is_not_there_is_told_which_are(api: Api) -> None:
    answer = await api.call("PUT", "/v1/keys")

    assert answer.status == 405
    assert set(answer.headers["Allow"].split(",")) == {"GET", "POST"}
    lookup = await api.call("DELETE", "/v1/shoppers/lookup")
    assert (lookup.status, lookup.headers["Allow"]) == (405, "POST")
