"""The stand-in for HubSpot, looked at by HubSpot's own client, which knows nothing of us."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hubspot import HubSpot as Client
from hubspot.crm.contacts import BatchInputSimplePublicObjectBatchInputUpsert as Inputs
from hubspot.crm.contacts import (
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
)
from hubspot.crm.contacts.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate

from sync.capabilities import FieldShape
from sync.connectors.hubspot.properties import _property
from tests.sync.fakes.hubspot import HubSpot
from tests.sync.fakes.vendor import Window


@pytest.fixture
async def world() -> AsyncIterator[HubSpot]:
    world = HubSpot()
    world.define("shopper_id", hasUniqueValue=True)
    world.define("motivation", "gift", "self")
    async with world.listening():
        yield world


def client(world: HubSpot) -> Any:
    found = Client(access_token=world.secret)
    for api in (found.crm.contacts.batch_api, found.crm.contacts.search_api):
        api.api_client.configuration.host = world.url
    return found


def inputs(*shoppers: str, **properties: str) -> Inputs:
    return Inputs(
        inputs=[
            {
                "id": one,
                "idProperty": "shopper_id",
                "objectWriteTraceId": f"trace-{one}",
                "properties": properties,
            }
            for one in shoppers
        ]
    )


async def upsert(world: HubSpot, told: Inputs) -> Any:
    api = client(world).crm.contacts.batch_api
    api.api_client.configuration.host = world.url
    return await asyncio.to_thread(api.upsert, told)


async def test_an_upsert_creates_once_and_then_updates(world: HubSpot) -> None:
    first = await upsert(world, inputs("s-1", motivation="gift"))
    again = await upsert(world, inputs("s-1", motivation="self"))

    assert type(first).__name__ == "BatchResponseSimplePublicUpsertObject"
    assert (first.results[0].new, again.results[0].new) == (True, False)
    assert first.results[0].id == again.results[0].id
    assert again.results[0].properties["motivation"] == "self"


async def test_a_part_that_fails_is_told_by_its_trace(world: HubSpot) -> None:
    told = inputs("s-1", "s-2", motivation="gift")
    told.inputs[1]["properties"] = {"motivation": "fun"}

    found = await upsert(world, told)

    assert type(found).__name__ == "BatchResponseSimplePublicUpsertObjectWithErrors"
    assert found.num_errors == 1
    assert found.errors[0].context == {"objectWriteTraceId": ["trace-s-2"]}
    assert found.errors[0].category == "VALIDATION_ERROR"
    assert [one.object_write_trace_id for one in found.results] == ["trace-s-1"]


async def test_what_it_refuses_is_its_clients_error(world: HubSpot) -> None:
    world.multi_status = False
    with pytest.raises(ApiException) as bad:
        await upsert(world, inputs("s-1", motivation="fun"))
    world.windows = [Window(0, 10)]
    with pytest.raises(ApiException) as fast:
        await upsert(world, inputs("s-1"))
    world.secret = "another"
    found = client(world)
    found.config["access_token"] = "wrong"
    api = found.crm.contacts.batch_api
    api.api_client.configuration.host = world.url
    with pytest.raises(ApiException) as stranger:
        await asyncio.to_thread(api.upsert, inputs("s-1"))

    assert [one.value.status for one in (bad, fast, stranger)] == [400, 429, 401]
    assert fast.value.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"


async def test_contacts_are_read_by_a_unique_property_and_found_by_their_change(
    world: HubSpot,
) -> None:
    await upsert(world, inputs("s-1", motivation="gift"))
    contacts = client(world).crm.contacts
    asked = BatchReadInputSimplePublicObjectId(
        id_property="shopper_id",
        inputs=[{"id": "s-1"}],
        properties=["motivation"],
        properties_with_history=[],
    )
    api = contacts.batch_api
    api.api_client.configuration.host = world.url
    read = await asyncio.to_thread(api.read, asked)
    api = contacts.search_api
    api.api_client.configuration.host = world.url
    search = PublicObjectSearchRequest(
        filter_groups=[
            {
                "filters": [
                    {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"},
                ]
            }
        ],
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        properties=["shopper_id"],
        limit=100,
        after="0",
        query="",
    )
    found = await asyncio.to_thread(api.do_search, search)

    assert read.results[0].properties["motivation"] == "gift"
    assert found.results[0].properties["shopper_id"] == "s-1"


@pytest.mark.parametrize(
    "shape",
    [
        FieldShape("shopper_id", "text", unique=True),
        FieldShape("motivation", "choices", options=("a", "b")),
        FieldShape("no_email", "boolean", "Wants no mail"),
        FieldShape("at", "time"),
        FieldShape("day", "date"),
        FieldShape("count", "number"),
    ],
    ids=lambda shape: shape.type,
)
def test_the_properties_that_we_create_are_such_as_its_client_knows(shape: FieldShape) -> None:
    names = PropertyCreate.attribute_map
    known = {theirs: ours for ours, theirs in names.items()}

    made = PropertyCreate(**{known[name]: value for name, value in _property(shape).items()})

    assert made.to_dict()["name"] == shape.name
