"""The stand-in for Klaviyo, looked at by Klaviyo's own client; both it and we by its specification."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from klaviyo_api import KlaviyoAPI
from pydantic import SecretStr
from yarl import URL

from preferences.settings import Settings
from sync.connectors.klaviyo import open_connector
from tests.preferences.test_profile import LEFT_ALONE
from tests.sync.contacts import contact
from tests.sync.fakes.klaviyo import Klaviyo
from tests.sync.fakes.klaviyo_spec import OPERATIONS, SpecifiedKlaviyo

PHONE = "+4930123456"


@pytest.fixture
async def world() -> AsyncIterator[SpecifiedKlaviyo]:
    world = SpecifiedKlaviyo()
    async with world.listening():
        yield world
    assert world.wrong == []


@pytest.fixture
def client(world: Klaviyo) -> KlaviyoAPI:
    return KlaviyoAPI(world.secret, max_retries=1, max_delay=1, test_host=world.url)


def job(*profiles: dict[str, Any]) -> dict[str, Any]:
    told = [{"type": "profile", "attributes": one} for one in profiles]
    attributes = {"profiles": {"data": told}}
    return {"data": {"type": "profile-bulk-import-job", "attributes": attributes}}


async def test_a_profile_is_made_once_and_then_changed(client: KlaviyoAPI) -> None:
    def body(motivation: str) -> dict[str, Any]:
        attributes = {"external_id": "s-1", "properties": {"motivation": motivation}}
        return {"data": {"type": "profile", "attributes": attributes}}

    api = client.Profiles
    first = await asyncio.to_thread(api.create_or_update_profile, body("gift"))
    again = await asyncio.to_thread(api.create_or_update_profile, body("self"))

    assert first.data.id == again.data.id
    assert again.data.attributes.properties == {"motivation": "self"}


async def test_a_job_tells_how_it_went_and_what_failed(client: KlaviyoAPI) -> None:
    api = client.Profiles
    bad = {"external_id": "s-2", "phone_number": "12"}
    made = await asyncio.to_thread(api.bulk_import_profiles, job({"external_id": "s-1"}, bad))
    number = made.data.id
    state = await asyncio.to_thread(api.get_bulk_import_profiles_job, number)
    wrong = await asyncio.to_thread(api.get_errors_for_bulk_import_profiles_job, number)

    assert state.data.attributes.status == "complete"
    assert state.data.attributes.failed_count == 1
    (error,) = wrong.data
    assert error.attributes.original_payload["external_id"] == "s-2"
    assert error.attributes.source.pointer.endswith("/data/1/attributes/phone_number")


async def test_who_has_left_is_shown_with_the_reason(world: Klaviyo, client: KlaviyoAPI) -> None:
    world.create(external_id="s-1", email="s-1@example.com").suppressed.add("SPAM_COMPLAINT")

    found = await asyncio.to_thread(
        client.Profiles.get_profiles,
        additional_fields_profile=["subscriptions"],
        filter='any(external_id,["s-1"])',
        page_size=100,
    )

    (row,) = found.data
    told = row.attributes.subscriptions.email.marketing
    assert told.suppression[0].reason == "SPAM_COMPLAINT"


async def test_all_that_we_send_and_are_answered_is_as_the_specification_has_it(
    world: SpecifiedKlaviyo,
) -> None:
    settings = Settings(
        _env_file=None,
        klaviyo_key=SecretStr(world.secret),
        klaviyo_url=world.url,
        marketing_purpose="send_news",
        webhook_allow=("127.0.0.0/8",),
    )
    both = {"email": "s-1@example.com", "phone": PHONE}
    batch = [contact(f"s-{number}", motivation="gift") for number in range(11)]
    async with open_connector(settings) as crm:
        await crm.push([contact(news="given", identities=both, first_name="Ada", motivation=None)])
        await crm.push([contact(wishes=(LEFT_ALONE,), identities=both)])
        await crm.push(batch)
        await crm.erase([contact(erased=True)])

    assert world.wrong == []
    assert world.used == {f"{one.method.upper()} {one.path}" for one in OPERATIONS}


class OddKlaviyo(SpecifiedKlaviyo):
    async def suppress(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"data": {}}, status=202, content_type="application/vnd.api+json")


@pytest.mark.parametrize(
    ("call", "path", "body", "noticed"),
    [
        ("POST", "profile-import", {"external_id": "s-1", "propertis": {}}, "'propertis'"),
        ("POST", "profile-import", {"external_id": 1}, "external_id 1 is not valid"),
        ("GET", "profiles?filters=any()", None, "?filters"),
        ("POST", "profile-suppression-bulk-create-jobs", None, "'type' is a required property"),
    ],
)
async def test_what_the_specification_does_not_have_is_noticed_on_either_side(
    call: str, path: str, body: dict[str, Any] | None, noticed: str
) -> None:
    world = OddKlaviyo()
    told = {"data": {"type": "profile", "attributes": body}}
    headers = {
        "Authorization": f"Klaviyo-API-Key {world.secret}",
        "revision": "2026-07-15",
        "Content-Type": "application/vnd.api+json",
    }
    async with world.listening(), ClientSession() as http:
        url = URL(f"{world.url}/api/{path}", encoded=True)
        async with http.request(call, url, data=json.dumps(told), headers=headers):
            assert any(noticed in one for one in world.wrong), world.wrong
