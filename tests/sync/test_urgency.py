"""The last tenth of a day's calls, from the store to a HubSpot: wishes have it, and nobody else."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.outbox import mark
from sync.bell import Bell
from sync.capabilities import Lookup
from sync.connectors.hubspot import HubSpot, open_connector
from sync.errors import QuotaExhaustedError
from sync.pull import pull
from sync.telling import Teller
from sync.worker import Worker
from tests.preferences.store.seeds import add_shopper_who_answered, add_suppression
from tests.sync.fakes import hubspot
from tests.sync.pages import CATALOGUE, mapping

DAY, KEPT = 40, 4


@pytest.fixture
async def world() -> AsyncIterator[hubspot.HubSpot]:
    world = hubspot.HubSpot()
    world.define("shopper_id", hasUniqueValue=True)
    world.define("for_whom")
    async with world.listening():
        yield world


@pytest.fixture
async def crm(world: hubspot.HubSpot) -> AsyncIterator[HubSpot]:
    settings = Settings(
        _env_file=None,
        hubspot_token=SecretStr(world.secret),
        hubspot_url=world.url,
        hubspot_requests_per_10_seconds=100_000,
        hubspot_requests_per_day=DAY,
        webhook_allow=("127.0.0.0/8",),
    )
    async with open_connector(settings) as connector:
        yield connector


@pytest.fixture
def teller(store: Store, crm: HubSpot, tmp_path: Path) -> Teller:
    line = {"from": "answers.gift_or_self.value", "to": "for_whom"}
    return Teller("hubspot", store, crm, mapping(tmp_path, line))


async def told_of(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await add_shopper_who_answered(session, shopper)
        await mark(session, shopper, ["hubspot"], datetime.now(UTC), urgent=False)


async def stops(store: Store, shopper: str) -> None:
    async with store.begin() as session:
        await add_suppression(session, shopper)
        await mark(session, shopper, ["hubspot"], datetime.now(UTC), urgent=True)


async def used_up(crm: HubSpot) -> None:
    """Read back until no call is left for that."""
    with suppress(QuotaExhaustedError):
        for _ in range(DAY):
            await crm.read([Lookup("a")], ["for_whom"])


async def test_what_is_read_back_pulled_or_news_leaves_the_last_calls_to_wishes(
    teller: Teller, crm: HubSpot, world: hubspot.HubSpot
) -> None:
    worker = Worker(teller, Bell())
    await told_of(teller.store, "a")
    await worker.tell()

    await used_up(crm)
    assert len(world.seen) == DAY - KEPT
    for look in (pull(teller, CATALOGUE, ["hubspot"]), crm.describe()):
        with pytest.raises(QuotaExhaustedError, match="today"):
            await look
    await told_of(teller.store, "b")
    with pytest.raises(QuotaExhaustedError, match="today"):
        await worker.tell()
    assert len(world.seen) == DAY - KEPT

    await stops(teller.store, "a")
    assert await worker.tell(("wish",))  # who it is there, the farewell and the fields
    assert DAY - KEPT < len(world.seen) <= DAY


async def test_a_batch_of_news_does_not_go_on_with_the_calls_of_wishes(
    teller: Teller, crm: HubSpot, world: hubspot.HubSpot
) -> None:
    for _ in range(DAY - KEPT - 1):
        await crm.read([Lookup("a")], ["for_whom"])
    await told_of(teller.store, "a")
    async with teller.store.begin() as session:
        await add_suppression(session, "a")

    with pytest.raises(QuotaExhaustedError, match="today"):
        await Worker(teller, Bell()).tell()

    assert len(world.seen) == DAY - KEPT - 1  # the turn that its upsert had is not come to
