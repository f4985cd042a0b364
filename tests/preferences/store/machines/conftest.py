"""A world for each database; profiles are read at its time, not at that of the machine."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from preferences.store import profiles
from preferences.store.engine import open_store
from tests.preferences.store.machines.world import World
from tests.vaults import VAULT


@pytest.fixture
def world(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with asyncio.Runner() as runner:
        opening = open_store(store_url, VAULT)
        made = World(runner.run(opening.__aenter__()), runner)
        monkeypatch.setattr(profiles, "datetime", SimpleNamespace(now=lambda _zone: made.now))
        try:
            yield made
        finally:
            runner.run(opening.__aexit__(None, None, None))
