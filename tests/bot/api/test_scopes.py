"""Each scope on each operation, as the served document tells them; and what a stranger sees."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from bot.api.openapi import document
from bot.api.routes import OPERATIONS
from preferences.store.keys import SCOPES, issue_key
from tests.bot.api.conftest import Answer, Api

NOBODY = "0" * 32
TOLD = document(OPERATIONS)
EVERY = [
    (method.upper(), path, page)
    for path, methods in TOLD["paths"].items()
    for method, page in methods.items()
]
BODIES: Mapping[str, Any] = {
    "look_up": {"kind": "customer", "value": "1"},
    "add_shopper": {"identities": [{"kind": "customer", "value": "1"}]},
    "add_consent": {"purpose": "tailor_suggestions", "state": "withdrawn"},
    "add_shopper_suppression": {"scope": "all", "reason": "unsubscribed"},
    "add_shopper_facts": {
        "facts": [
            {"kind": "imported", "question": "gift_or_self", "value": "gift", "source": "crm",
             "at": "2026-01-01T00:00:00Z"}
        ]
    },
    "tell_ask": {"question": "gift_or_self", "channel": "mail", "reference": "1",
                 "at": "2026-01-01T00:00:00Z"},
    "ask_by_mail": {"question": "channel_preference"},
    "add_link": {"other": NOBODY, "proof": "ticket"},
    "make_invitation": {},
    "tell_referral": {"code": "AAAAAAAA-AAAAA", "friend": NOBODY},
    "add_key": {"label": "new", "scopes": ["read"]},
    "tell_order": {"source": "pos", "id": "1", "customer": "", "placed_at": "2026-01-01T00:00:00Z",
                   "lines": [{"sku": "a", "title": "A", "quantity": 1}]},
    "add_webhook": {"url": "https://127.0.0.1/"},
    "rotate_webhook_secret": {},
    "disable_webhook": {"reason": "a pause"},
    "replay_deliveries": {"after": 0},
}  # fmt: skip
"""A right body for each operation that takes one; all are about nobody."""


def scopes_of(page: Mapping[str, Any]) -> set[str]:
    (security,) = page["security"]
    return set(security["key"])


def filled(path: str) -> str:
    """Have a path tell of nobody."""
    for name in ("{id}", "{other}", "{promise}", "{answer}"):
        path = path.replace(name, NOBODY)
    return path


async def ask(api: Api, method: str, path: str, page: Mapping[str, Any], key: str) -> Answer:
    more = {"json": BODIES[page["operationId"]]} if "requestBody" in page else {}
    url = filled(path)
    return await api.call(method, url, key=key, **more)


def test_every_operation_that_takes_a_body_has_one_here() -> None:
    taking = {page["operationId"] for _, _, page in EVERY if "requestBody" in page}

    assert taking == BODIES.keys()


async def test_each_scope_alone_does_what_the_document_says_and_no_more(api: Api) -> None:
    keys = {scope: await api.key(scope) for scope in SCOPES}
    for (method, path, page), scope in product(EVERY, SCOPES):
        answer = await ask(api, method, path, page, keys[scope])
        cell, needed = f"{scope} on {method} {path}", scopes_of(page)
        if needed <= {scope}:
            assert answer.status not in {401, 403}, cell
            assert answer.status < 500, cell
        else:
            assert (answer.status, answer.json["type"]) == (403, "/problems/scope"), cell
            lacking = answer.json["detail"].rpartition("scope ")[2].rstrip(".").split(", ")
            assert set(lacking) == needed - {scope}, cell


def test_every_scope_opens_something_and_every_operation_wants_one() -> None:
    used = [scopes_of(page) for _, _, page in EVERY]

    assert set().union(*used) == set(SCOPES)
    assert all(used)


@pytest.mark.parametrize("why", ["none", "unknown", "revoked", "expired", "not_bearer"])
async def test_without_a_key_in_force_nothing_is_told(api: Api, why: str) -> None:
    """Byte for byte the same, whatever is asked and whatever is wrong with the key."""
    now = datetime.now(UTC)
    key = await api.key()
    header = {
        "none": None,
        "unknown": "Bearer ask_unknown",
        "revoked": f"Bearer {await _revoked(api)}",
        "expired": "Bearer "
        + await issue_key(api.store, "old", SCOPES, timedelta(hours=1), now - timedelta(days=1)),
        "not_bearer": f"Basic {key}",
    }[why]
    reference = await api.get("/v1/keys", key="ask_reference")
    for method, path, page in EVERY:
        url = api.gateway.url + filled(path)
        headers = {"Authorization": header} if header else {}
        body = BODIES.get(page["operationId"])
        async with api.http.request(method, url, headers=headers, json=body) as response:
            assert response.status == 401, path
            assert await response.read() == reference.raw, path
            seen = {name for name in response.headers if name != "Date"}
            assert seen == {name for name in reference.headers if name != "Date"}, path


async def test_who_is_not_there_is_never_told_from_who_is_gone(api: Api) -> None:
    """An unknown id, a customer nobody has and one who asked to be forgotten look the same."""
    await api.has_shopper("1001")
    gone = await api.has_shopper("1002")
    assert (await api.call("DELETE", f"/v1/shoppers/{gone}")).status == 204
    names = (NOBODY, "f" * 32, "nobody", "customer:9999", "customer:x y", "a:b")
    reference = await api.get(f"/v1/shoppers/{NOBODY}/preferences")
    assert reference.status == 404
    for method, path, page in EVERY:
        if not path.startswith("/v1/shoppers/{id}") or path.endswith("{other}"):
            continue
        more = {"json": BODIES[page["operationId"]]} if "requestBody" in page else {}
        for name in names:
            url = (
                path.replace("{id}", name).replace("{promise}", NOBODY).replace("{answer}", NOBODY)
            )
            answer = await api.call(method, url, **more)
            assert (answer.status, answer.raw) == (404, reference.raw), f"{method} {path} {name}"


async def test_the_erased_are_no_more_than_their_wish(api: Api) -> None:
    shopper = await api.has_shopper("1002")
    assert (await api.call("DELETE", f"/v1/shoppers/{shopper}")).status == 204

    told = (await api.get(f"/v1/shoppers/{shopper}/preferences")).json
    by_name = await api.post("/v1/shoppers/lookup", {"kind": "customer", "value": "1002"})

    assert (told["erased"], told["identities"], told["preferences"]) == (True, {}, [])
    assert (by_name.status, by_name.json) == (200, {"shopper": shopper})


async def _revoked(api: Api) -> str:
    """A key that worked until a moment ago."""
    made = await api.post("/v1/keys", {"label": "crm", "scopes": list(SCOPES)})
    key = str(made.json["key"])
    assert (await api.get("/v1/keys", key=key)).status == 200
    assert (await api.call("DELETE", f"/v1/keys/{made.json['id']}")).status == 204
    return key
