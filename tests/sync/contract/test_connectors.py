"""What every connector keeps, whatever CRM it speaks to; a new one is added to WORLDS."""

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import sync.connectors as folder
from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.connectors import open_connector
from sync.delivery import Connector, Delivery, Taken
from sync.errors import DestinationUnavailableError
from tests.sync.deliveries import changed, delivery
from tests.sync.receiver import LOST, Receiver


class LogWorld:
    """The file behind `log`, seen from outside."""

    def __init__(self, settings: Settings, receiver: Receiver) -> None:
        del receiver
        self.file = settings.data_dir / "crm.jsonl"

    def held(self) -> list[tuple[int, dict[str, Any]]]:
        lines = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [(line["version"], line["profile"]) for line in lines]

    def go_away(self) -> None:
        self.file.unlink(missing_ok=True)
        self.file.mkdir()

    def come_back(self) -> None:
        self.file.rmdir()

    def lose_the_answer(self) -> None:
        """A file has no answer to lose."""


class WebhookWorld:
    """The receiver behind `webhook`."""

    def __init__(self, settings: Settings, receiver: Receiver) -> None:
        del settings
        self.receiver = receiver

    def held(self) -> list[tuple[int, dict[str, Any]]]:
        return self.receiver.changes

    def go_away(self) -> None:
        self.receiver.answers = deque([503] * 9)

    def come_back(self) -> None:
        self.receiver.answers.clear()

    def lose_the_answer(self) -> None:
        self.receiver.answers = deque([LOST])


WORLDS = {"log": LogWorld, "webhook": WebhookWorld}


@dataclass
class Case:
    name: str
    settings: Settings
    world: LogWorld | WebhookWorld

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connector]:
        async with open_connector(self.name, self.settings) as connector:
            yield connector


@pytest.fixture(params=sorted(WORLDS))
def case(request: pytest.FixtureRequest, settings: Settings, receiver: Receiver) -> Case:
    return Case(request.param, settings, WORLDS[request.param](settings, receiver))


def test_every_connector_is_held_to_this_contract() -> None:
    worlds = Path(__file__).parent / "worlds"
    crms = {file.stem for file in worlds.glob("*.py")} - {"world"}
    assert {one.name for one in iter_modules(folder.__path__)} == {*WORLDS} | crms


def told(*deliveries: Delivery) -> list[tuple[int, dict[str, Any]]]:
    return [(one.version, dict(one.profile)) for one in deliveries]


async def test_a_batch_arrives_whole_and_in_order(case: Case) -> None:
    batch = [delivery("a", 3), changed("b", 1)]

    async with case.open() as connector:
        results = await connector.push(batch)

    assert results == [Taken(), Taken()]
    assert case.world.held() == told(*batch)


async def test_it_takes_as_many_at_once_as_it_says(case: Case) -> None:
    async with case.open() as connector:
        batch = [delivery(f"s-{number}") for number in range(connector.batch_size)]
        results = await connector.push(batch)

    assert len(results) == len(batch) > 1
    assert case.world.held() == told(*batch)


async def test_a_repeated_push_changes_nothing(case: Case) -> None:
    batch = [delivery("a"), delivery("b")]

    async with case.open() as connector:
        await connector.push(batch)
        results = await connector.push(batch)

    assert results == [Taken(), Taken()]
    assert case.world.held() == told(*batch)


async def test_a_push_repeated_by_another_worker_changes_nothing(case: Case) -> None:
    batch = [delivery("a"), delivery("b")]

    for _ in range(2):
        async with case.open() as connector:
            await connector.push(batch)

    assert case.world.held() == told(*batch)


async def test_after_a_lost_answer_the_same_push_succeeds_and_shows_once(case: Case) -> None:
    case.world.lose_the_answer()
    async with case.open() as connector:
        try:
            await connector.push([delivery("a")])
        except DestinationUnavailableError:
            assert await connector.push([delivery("a")]) == [Taken()]

    assert case.world.held() == told(delivery("a"))


async def test_a_newer_state_replaces(case: Case) -> None:
    async with case.open() as connector:
        await connector.push([delivery("a", 1)])
        await connector.push([changed("a", 2)])

    assert case.world.held() == told(delivery("a", 1), changed("a", 2))


async def test_the_same_version_with_a_newer_content_is_told(case: Case) -> None:
    async with case.open() as connector:
        await connector.push([delivery("a", 1)])
        await connector.push([changed("a", 1)])

    assert case.world.held()[-1] == told(changed("a", 1))[0]


async def test_while_it_is_away_it_says_so_and_afterwards_it_works(case: Case) -> None:
    async with case.open() as connector:
        case.world.go_away()
        with pytest.raises(DestinationUnavailableError) as caught:
            await connector.push([delivery("a")])
        case.world.come_back()
        await connector.push([delivery("a")])

    assert case.world.held() == told(delivery("a"))
    assert "sister" not in str(caught.value)


async def test_a_name_that_is_none_is_refused_with_those_there_are(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"'nobody' is not one of .*log.*, webhook\."):
        open_connector("nobody", settings)
