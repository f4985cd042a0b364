"""One answer in five is lost after the write: everybody is there once, as they were told last."""

from importlib import import_module

import pytest

from sync.connectors import open_connector
from sync.delivery import Delivery, Taken
from sync.errors import DestinationUnavailableError
from tests.sync.contract.worlds.world import VendorWorld

PEOPLE = [f"s-{number}" for number in range(24)]


@pytest.mark.parametrize("name", ["hubspot", "klaviyo", "salesforce", "shopify"])
async def test_everybody_is_there_once_as_told_last(name: str) -> None:
    module = import_module(f"tests.sync.contract.worlds.{name}")
    async with module.open_world() as world, open_connector(name, world.settings) as crm:
        assert isinstance(world, VendorWorld)
        before = [world.telling(one) for one in PEOPLE] and world.count()
        world.vendor.loses = 0.2
        repeated = 0
        for version in (1, 2):
            for start in range(0, len(PEOPLE), 4):
                waiting = [
                    world.telling(one, version=version, **{world.text: f"{one} v{version}"})
                    for one in PEOPLE[start : start + 4]
                ]
                while waiting:
                    try:
                        waiting = await _left(crm.push, waiting)
                    except DestinationUnavailableError:
                        repeated += 1

        assert repeated > 5
        assert [(world.held(one) or {})[world.text] for one in PEOPLE] == [
            f"{one} v2" for one in PEOPLE
        ]
        assert world.count() - before in (0, len(PEOPLE))


async def _left(push: object, waiting: list[Delivery]) -> list[Delivery]:
    assert callable(push)
    results = await push(waiting)
    return [one for one, told in zip(waiting, results, strict=True) if not isinstance(told, Taken)]
