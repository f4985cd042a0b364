"""A real CRM, a store, and an operator's terminal beside them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import pytest

from preferences.settings import PREFIX, Settings, load_settings
from preferences.store.engine import Store, open_store
from sync.__main__ import main
from tests.bot.conftest import gateway, rasa, start
from tests.sync.real.crms import Crm, opened
from tests.sync.real.people import People
from tests.vaults import KEYS, VAULT

__all__ = ["gateway", "rasa", "start"]


@dataclass
class World:
    """Everything that takes part. `settings` are those of the environment, as every process reads them."""

    crm: Crm
    store: Store
    settings: Settings
    people: People
    capsys: pytest.CaptureFixture[str]

    async def types(self, words: str) -> tuple[int, str]:
        """Give a command to `python -m sync`, and its code and what it says."""
        code = await asyncio.to_thread(main, words.split())
        said = self.capsys.readouterr()
        return code, said.out + said.err


@pytest.fixture(scope="module", params=["tryton", "bottlecrm"])
def crm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with opened(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def store_url(crm: Crm, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite beside the one, PostgreSQL beside the other."""
    if crm.name == "tryton":
        template = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{copyfile(template, tmp_path / 'askfirst.db')}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
async def world(
    crm: Crm,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[World]:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in {
        "DATABASE_URL": store_url,
        "DATA_DIR": str(tmp_path),
        "KEYS_FILE": str(KEYS),
        "DESTINATIONS": crm.name,
        "WEBHOOK_ALLOW": "127.0.0.0/8",
        **crm.settings,
    }.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    async with open_store(store_url, VAULT) as store:
        yield World(crm, store, load_settings(), People(store, crm.name), capsys)
