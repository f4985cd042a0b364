"""`python -m sync` as an operator meets it: a process of its own, or its entry where that says as much."""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from alembic import command

from preferences.store.engine import open_store
from preferences.store.migrate import alembic_config
from preferences.store.outbox import mark
from sync.__main__ import main
from tests.preferences.store.seeds import add_shopper_who_answered
from tests.sync.fakes.hubspot import HubSpot
from tests.vaults import KEYS, VAULT

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def started(data: Path, *words: str, **settings: str) -> AsyncIterator[Process]:
    names = {name: value for name, value in os.environ.items() if "ASKFIRST" not in name}
    ours = {f"ASKFIRST_{name.upper()}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sync", *words),
        cwd=ROOT,
        env=names | {"ASKFIRST_DATA_DIR": str(data), "ASKFIRST_KEYS_FILE": str(KEYS)} | ours,
        stderr=PIPE,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def heard(process: Process, words: str) -> str:
    assert process.stderr
    said = ""
    async with asyncio.timeout(20):
        while words not in said:
            line = (await process.stderr.readline()).decode()
            assert line, f"it ended: {said}"
            said += line
    return said


async def ended(process: Process) -> tuple[int, str]:
    begun = monotonic()
    process.send_signal(signal.SIGTERM)
    out, said = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode is not None
    assert out == b""
    assert monotonic() - begun < 5
    return process.returncode, said.decode()


async def answer(url: str, shopper: str, destination: str = "log") -> None:
    async with open_store(url, VAULT) as store, store.begin() as session:
        await add_shopper_who_answered(session, shopper)
        await mark(session, shopper, [destination], datetime.now(UTC), urgent=False)


async def lines(file: Path, count: int) -> list[str]:
    deadline = monotonic() + 10
    while len(written := _lines(file)) < count:
        assert monotonic() < deadline, "the line never came"
        await asyncio.sleep(0.05)
    return written


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def test_it_tells_what_is_due_and_what_comes_and_ends_cleanly(
    store_url: str, tmp_path: Path
) -> None:
    await answer(store_url, "a")
    data = tmp_path / "data"

    async with started(data, database_url=store_url, log_level="DEBUG") as process:
        said = await heard(process, "log: ready, 1 to be told.")
        await lines(data / "crm.jsonl", 1)
        await answer(store_url, "b")
        written = await lines(data / "crm.jsonl", 2)
        code, more = await ended(process)

    assert code == 0
    assert [json.loads(line)["profile"]["shopper"] for line in written] == ["a", "b"]
    for secret in ("sister", "gift", "number-a"):
        assert secret not in said + more
    assert "Traceback" not in said + more


async def test_it_waits_for_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'askfirst.db'}"

    async with started(tmp_path) as process:
        said = await heard(process, "The preference store has no tables")
        await asyncio.to_thread(command.upgrade, alembic_config(url, VAULT), "head")
        await heard(process, "log: ready, 0 to be told.")
        await answer(url, "a")
        await lines(tmp_path / "crm.jsonl", 1)
        code, _ = await ended(process)

    assert code == 0
    assert said.count("\n") == 1


async def test_it_ends_cleanly_while_it_still_waits(tmp_path: Path) -> None:
    async with started(tmp_path) as process:
        await heard(process, "The preference store has no tables")

        assert await ended(process) == (0, "")


async def test_what_cannot_be_begun_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    async with started(tmp_path, destinations="nobody") as process:
        out, said = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 2
    assert out == b""
    assert b"ASKFIRST_DESTINATIONS: 'nobody' is not one of " in said
    assert said.count(b"\n") == 1


@pytest.fixture
def loggers() -> Iterator[None]:
    """What a start sets is as before afterwards."""
    ours = logging.getLogger("sync")
    level = ours.level
    yield
    ours.setLevel(level)


@pytest.mark.usefixtures("loggers")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"destinations": "hubspot"}, "ASKFIRST_HUBSPOT_TOKEN must be set"),
        ({"destinations": "webhook"}, "ASKFIRST_WEBHOOK_URL"),
        ({"redis_url": "redis://127.0.0.1:port"}, "ASKFIRST_REDIS_URL"),
        ({"nonsense": "1"}, "ASKFIRST_NONSENSE"),
        (
            {"destinations": "webhook", "webhook_url": "crm", "webhook_secret": "whsec_AAAA"},
            "ASKFIRST_WEBHOOK_URL",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    sentence: str,
) -> None:
    for name in [name for name in os.environ if "ASKFIRST" in name]:
        monkeypatch.delenv(name)
    told = {"data_dir": str(tmp_path), "keys_file": str(KEYS)} | settings
    for name, value in told.items():
        monkeypatch.setenv(f"ASKFIRST_{name.upper()}", value)

    assert main([]) == 2

    out, said = capsys.readouterr()
    assert out == ""
    assert sentence in said
    assert said.count("\n") == 1


async def test_what_goes_wrong_with_a_verb_is_said_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'askfirst.db'}"
    await asyncio.to_thread(command.upgrade, alembic_config(url, VAULT), "head")
    await answer(url, "a", "hubspot")
    async with HubSpot().listening() as crm:
        told = {"hubspot_url": crm.url, "hubspot_token": "old", "webhook_allow": "127.0.0.0/8"}
        async with started(tmp_path, "once", destinations="hubspot", **told) as process:
            _, said = await asyncio.wait_for(process.communicate(), 20)

    assert (process.returncode, said.count(b"\n")) == (1, 1)
    assert b"ASKFIRST_HUBSPOT_TOKEN" in said
