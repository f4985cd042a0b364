"""From the store to each CRM by the page that is shipped: said, taken back, stopped, erased."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from preferences.store.engine import Store
from preferences.store.outbox import mark
from preferences.store.tables import ReferralCodeRow
from sync.bell import Bell
from sync.capabilities import Describing
from sync.connectors import open_connector
from sync.delivery import Connector
from sync.errors import DestinationRefusedError
from sync.mapping import CrmMapping, load_mapping
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.store.seeds import (
    START,
    add_consent,
    add_identity,
    add_shopper_who_answered,
    add_suppression,
)
from tests.sync.contract.test_crms import CRMS
from tests.sync.contract.worlds.world import World
from tests.sync.pages import CATALOGUE

EMAIL = "a@example.com"


@pytest.fixture(params=CRMS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def page(name: str) -> CrmMapping:
    found = load_mapping(name, CATALOGUE)
    assert found
    return found


@pytest.fixture
async def world(name: str) -> AsyncIterator[World]:
    module = import_module(f"tests.sync.contract.worlds.{name}")
    async with module.open_world() as opened:
        yield opened


@pytest.fixture
async def crm(name: str, world: World, page: CrmMapping) -> AsyncIterator[Connector]:
    async with open_connector(name, world.settings) as connector:
        if isinstance(connector, Describing):
            there = await connector.describe()
            missing = [shape for shape in page.shapes if shape.name not in there]
            try:
                await connector.create(missing)
            except DestinationRefusedError:
                world.make_by_hand(missing)
        yield connector


async def changed(store: Store, name: str, *, urgent: bool) -> None:
    async with store.begin() as session:
        await mark(session, "a", [name], datetime.now(UTC), urgent=urgent)


async def test_what_is_said_arrives_and_what_is_taken_back_goes(
    name: str, world: World, page: CrmMapping, crm: Connector, store: Store
) -> None:
    world.telling("a")
    worker = Worker(Teller(name, store, crm, page), Bell())
    (answer,) = [
        rule.to for rule in page.rules if rule.path == ("answers", "gift_or_self", "value")
    ]
    (stop,) = [rule.to for rule in page.rules if rule.path == ("suppressions", "all")]
    (invited,) = [
        rule.to for rule in page.rules if rule.path == ("referral", "replaces_next_promotion_until")
    ]
    async with store.begin() as session:
        await add_shopper_who_answered(session, "a")
        await add_identity(session, "a", "email", EMAIL)
        code = {"code": "r-1", "made_at": START, "replaces_until": START + timedelta(days=30)}
        session.add(ReferralCodeRow(shopper_id="a", **code))
    await changed(store, name, urgent=False)

    await worker.tell()
    said = dict(world.held("a") or {})
    async with store.begin() as session:
        await add_consent(session, "a", 2, "withdrawn")
    await changed(store, name, urgent=True)
    await worker.tell()
    withdrawn = dict(world.held("a") or {})
    async with store.begin() as session:
        await add_suppression(session, "a", "shopper_said_stop")
    await changed(store, name, urgent=True)
    await worker.tell()
    stopped = dict(world.held("a") or {})
    left = world.leaves("a")
    async with store.begin() as session:
        await add_suppression(session, "a", "shopper_erased")
    await changed(store, name, urgent=True)
    await worker.tell()
    erased = dict(world.held("a") or {})

    assert said[answer] in ("gift", ["gift"])
    assert str(said[stop]).lower() == "false"
    assert "2026-12-22" in str(said[invited])
    assert not withdrawn.get(answer)
    assert str(stopped[stop]).lower() == "true"
    assert left
    assert not erased.get(answer)
    assert not erased.get(invited)
    assert not await worker.tell()
