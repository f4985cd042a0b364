"""Every operation under generated requests, right and wrong ones: as described, never a 5xx.

In every run a thousand cases, half of them on each database; `HYPOTHESIS_PROFILE=thorough` makes ten
thousand of them, and `pytest -rP` tells how many there were and how they were answered. The store is
seeded, and half of the requests name somebody or something that is there.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from math import ceil

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import Session
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from preferences.store.keys import issue_key, list_keys
from preferences.store.links import link
from preferences.store.webhooks import add_endpoint
from tests.bot.api.conftest import Api
from tests.bot.conftest import Start
from tests.preferences.store.shop import Shop

CASES = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1_000
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Fuzz:
    """Sends cases of every operation from a thread, and counts what was answered."""

    url: str
    page: Mapping[str, object]
    key: str
    there: Mapping[str, Sequence[str]]
    statuses: Counter[int] = field(default_factory=Counter)

    def run(self, cases: int) -> None:
        schema = schemathesis.openapi.from_dict(dict(self.page))
        operations = [found.ok() for found in schema.get_all_operations()]
        turns = list(product(operations, MODES))
        with Session() as self.session:
            for done, (operation, mode) in enumerate(turns):
                missing = (
                    cases - self.statuses.total()
                )  # who knows few requests leaves the others more
                self._send(operation, mode, max(1, ceil(missing / (len(turns) - done))))

    def _send(self, operation: schemathesis.APIOperation, mode: GenerationMode, each: int) -> None:
        strategy = operation.as_strategy(generation_mode=mode)
        noun = operation.path.split("/")[2]
        if mode is GenerationMode.NEGATIVE and operation.path.endswith("/test"):
            noun = ""  # it would wait for an answer
        names = st.fixed_dictionaries(
            {name: st.none() | st.sampled_from(self.there[noun]) for name in ("id", "other")}
            if noun in self.there
            else {}
        )

        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy, named=names)
        def send(case: schemathesis.Case, named: dict[str, str | None]) -> None:
            given = case.path_parameters or {}
            for name, value in named.items():
                if value is not None and name in given:
                    given[name] = value
            if mode is GenerationMode.POSITIVE and operation.path.endswith(("/test", "/changes")):
                case.query = {**(case.query or {}), "wait": 0}
            headers = {"Authorization": f"Bearer {self.key}"}
            answer = case.call(base_url=self.url, session=self.session, headers=headers)
            self.statuses[answer.status_code] += 1
            swapped = any(value is not None for value in named.values())
            wrong_no_more = [negative_data_rejection] if swapped else []
            case.validate_response(answer, checks=CHECKS, excluded_checks=wrong_no_more)

        send()


async def test_every_request_is_answered_as_the_document_says(start: Start) -> None:
    async with start(api_requests_per_minute=0) as gateway:
        api = Api(gateway, gateway.http)
        there = await _seeded(api)
        async with gateway.http.get(f"{gateway.url}/v1/openapi.json") as response:
            page = await response.json()
        fuzz = Fuzz(gateway.url, page, await api.key(), there)

        await asyncio.to_thread(fuzz.run, CASES // 2)  # the other half on the other database

    sys.stdout.write(f"{fuzz.statuses.total()} cases: {dict(sorted(fuzz.statuses.items()))}\n")
    assert fuzz.statuses.total() >= CASES // 2
    assert {200, 201, 204, 404, 422} <= fuzz.statuses.keys(), fuzz.statuses
    assert not [status for status in fuzz.statuses if status >= 500], fuzz.statuses


async def _seeded(api: Api) -> dict[str, list[str]]:
    """Have some people in the store: one who answered, two who are one, one who was erased."""
    now = datetime.now(UTC)
    shop = Shop(api.store, now=now)
    talk, _ = await shop.asks_the_question("1001")
    await shop.hears(talk, "it is a gift", "answer", "gift")
    others = [await api.has_shopper(str(number)) for number in range(2000, 2010)]
    told = {"proof": "code", "actor": "shop", "destinations": ("log",), "now": now}
    await link(api.store, talk.shopper, others[0], **told)
    assert (await api.call("DELETE", f"/v1/shoppers/{others[1]}")).status == 204
    hooks = [
        (await add_endpoint(api.store, f"https://hooks.example/{number}", [], now))[0].id
        for number in range(3)
    ]
    for label in ("one", "two"):
        await issue_key(api.store, label, {"read"}, timedelta(days=1), now)
    keys = [entry.id for entry in await list_keys(api.store) if entry.label != "test"]
    return {"shoppers": [talk.shopper, *others], "webhooks": hooks, "keys": keys}


async def test_what_is_remembered_for_a_repeated_request_can_be_exported(api: Api) -> None:
    shopper = await api.has_shopper("1001")
    wish = {"scope": "all", "reason": "unsubscribed"}
    headers = {"Idempotency-Key": "once"}
    made = await api.post(f"/v1/shoppers/{shopper}/suppressions", wish, headers=headers)
    assert made.status == 201

    exported = await api.get(f"/v1/shoppers/{shopper}/export")
    checked = await api.get(f"/v1/shoppers/{shopper}/verify")

    assert exported.status == 200
    assert checked.json == {"intact": True, "findings": []}
