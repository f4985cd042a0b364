"""The version of a CRM's API is a setting: every request asks for that one."""

from importlib import import_module

import pytest

from sync.connectors import open_connector
from tests.sync.contract.worlds.world import VendorWorld


@pytest.mark.parametrize(
    ("name", "setting", "version", "place"),
    [
        ("hubspot", "hubspot_api_version", "2026-09", "/crm/objects/2026-09/"),
        ("klaviyo", "klaviyo_revision", "2027-01-15", "revision: 2027-01-15"),
        ("salesforce", "salesforce_api_version", "v99.0", "/services/data/v99.0/"),
        ("shopify", "shopify_api_version", "2027-01", "/admin/api/2027-01/"),
    ],
)
async def test_the_version_of_the_setting_is_the_one_that_is_asked_for(
    name: str, setting: str, version: str, place: str
) -> None:
    module = import_module(f"tests.sync.contract.worlds.{name}")
    async with module.open_world() as world:
        assert isinstance(world, VendorWorld)
        later = world.settings.model_copy(update={setting: version})
        async with open_connector(name, later) as crm:
            await crm.push([world.telling("s-1", **{world.text: "x"})])

        sent = [
            f"{one.path} {[f'{key}: {value}' for key, value in one.headers.items()]}"
            for one in world.vendor.seen
            if "oauth2" not in one.path
        ]
        assert sent
        assert all(place in one for one in sent)
