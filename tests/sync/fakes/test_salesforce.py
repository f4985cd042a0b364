"""The stand-in for Salesforce, looked at by simple-salesforce, which knows nothing of us."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce as Client
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceRefusedRequest

from tests.sync.fakes.salesforce import CLIENT, Salesforce


@pytest.fixture
async def world() -> AsyncIterator[Salesforce]:
    world = Salesforce()
    world.define_key("Shopper_Id__c")
    world.define("Motivation__c", "gift", "self")
    async with world.listening():
        yield world


def client(world: Salesforce) -> Client:
    """Sign in and point the client, which knows https alone, at the stand-in."""
    answer = requests.post(
        f"{world.url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(CLIENT, world.secret),
        timeout=5,
    )
    token = answer.json()["access_token"]
    found = Client(instance="crm.example", session_id=token, version="65.0")
    base = f"{world.url}/services/data/v65.0/"
    found.base_url, found.bulk2_url = base, f"{base}jobs/"
    return found


async def ask(world: Salesforce, method: str, path: str, **more: Any) -> Any:
    def call() -> Any:
        return client(world).restful(path, method=method, **more)

    return await asyncio.to_thread(call)


async def test_a_collection_is_upserted_record_by_record(world: Salesforce) -> None:
    def record(shopper: str, **fields: Any) -> dict[str, Any]:
        return {"attributes": {"type": "Contact"}, "Shopper_Id__c": shopper, **fields}

    records = [
        record("s-1", LastName="A", Motivation__c="gift"),
        record("s-2", LastName="B", Motivation__c="fun"),
    ]
    path = "composite/sobjects/Contact/Shopper_Id__c"
    body = {"allOrNone": False, "records": records}
    first = await ask(world, "PATCH", path, json=body)
    again = await ask(world, "PATCH", path, json=body)

    assert [one["success"] for one in first] == [True, False]
    assert (first[0]["created"], again[0]["created"]) == (True, False)
    assert first[0]["id"] == again[0]["id"]
    (error,) = first[1]["errors"]
    assert error["fields"] == ["Motivation__c"]


async def test_a_query_finds_what_was_written(world: Salesforce) -> None:
    world.create(Shopper_Id__c="s-1", LastName="O'Hara")

    def ask_in_soql() -> Any:
        found = client(world)
        return found.query("SELECT Id, LastName FROM Contact WHERE LastName IN ('O\\'Hara')")

    found = await asyncio.to_thread(ask_in_soql)

    assert found["totalSize"] == 1
    assert found["records"][0]["LastName"] == "O'Hara"


async def test_a_bulk_job_tells_how_many_failed_and_why(world: Salesforce) -> None:
    rows = [
        {"Shopper_Id__c": "s-1", "LastName": "A, with a comma", "Motivation__c": "gift"},
        {"Shopper_Id__c": "s-2", "LastName": "B", "Motivation__c": "fun"},
    ]

    def run() -> Any:
        bulk = client(world).bulk2.Contact
        (done,) = bulk.upsert(records=rows, external_id_field="Shopper_Id__c")
        return done, bulk.get_failed_records(done["job_id"])

    done, failed = await asyncio.to_thread(run)

    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    assert "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" in failed
    assert world.held("s-1")["LastName"] == "A, with a comma"


async def test_a_token_and_a_day_s_calls_come_to_an_end(world: Salesforce) -> None:
    found = await asyncio.to_thread(client, world)
    world.most = 0
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        await asyncio.to_thread(found.query, "SELECT Id FROM Contact")
    world.tokens.clear()
    with pytest.raises(SalesforceExpiredSession):
        await asyncio.to_thread(found.query, "SELECT Id FROM Contact")
