"""`python -m bot` with its real parts: the gateway is there at once, and nothing stays behind."""

import os
import signal
import socket
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bot.launch.health import answers
from tests.bot.launch.stage import alive, eventually

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv-rasa" / "bin" / "rasa").exists(),
    reason="the Rasa environment is missing: `make setup` installs it",
)


@asynccontextmanager
async def instance(folder: Path) -> AsyncIterator[tuple[Process, int]]:
    """Run an instance that has to train first, and give it with its port."""
    outer = {name: value for name, value in os.environ.items() if "ASKFIRST" not in name}
    port = _unused_port()
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "bot", "--port", str(port), "--data", str(folder / "var")),
        cwd=ROOT,
        env=outer | {"ASKFIRST_MODEL_DIR": str(folder / "models")},
        stdout=PIPE,
    )
    try:
        yield process, port
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_in_the_middle_of_the_training_ends_every_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with instance(tmp_path) as (process, port):
        family = await _family_in_training(process, port)

        process.send_signal(number)

        assert await process.wait() == 0
        assert not any(alive(one) for one in family)
        assert not await answers(f"http://127.0.0.1:{port}/healthz")
        assert [file.name for file in (tmp_path / "models").iterdir()] == [".lock"]


async def test_a_signal_while_the_store_is_prepared_ends_every_process(tmp_path: Path) -> None:
    async with instance(tmp_path) as (process, _):
        launcher = psutil.Process(process.pid)
        await eventually(lambda: any(map(_prepares, launcher.children())), seconds=60)
        family = [one.pid for one in launcher.children(recursive=True)]

        process.terminate()

        assert await process.wait() == 0
        assert not any(alive(one) for one in family)


async def test_a_launcher_that_is_killed_takes_every_process_with_it(tmp_path: Path) -> None:
    async with instance(tmp_path) as (process, port):
        family = await _family_in_training(process, port)

        process.kill()

        await eventually(lambda: not any(alive(one) for one in family))


async def test_the_gateway_answers_long_before_the_assistant_is_awake(tmp_path: Path) -> None:
    async with instance(tmp_path) as (process, port):
        assert process.stdout
        keys, said = [(await process.stdout.readline()).decode() for _ in range(2)]

        assert keys.startswith("Keys were made in ")
        assert said.startswith(f"The shop is open at http://localhost:{port}/")
        assert "waking up" in said
        assert await answers(f"http://127.0.0.1:{port}/healthz")
        assert not _models(tmp_path)


async def _family_in_training(process: Process, port: int) -> list[int]:
    """Wait until a training is under way, and give every process of the instance."""
    launcher = psutil.Process(process.pid)

    await eventually(lambda: any(map(_trains, launcher.children(recursive=True))), seconds=60)
    assert await answers(f"http://127.0.0.1:{port}/healthz")
    return [one.pid for one in launcher.children(recursive=True)]


def _models(folder: Path) -> list[Path]:
    return list(folder.glob("models/*.tar.gz"))


def _trains(process: psutil.Process) -> bool:
    return "train" in _command_of(process)


def _prepares(process: psutil.Process) -> bool:
    return "bot.launch.prepare" in _command_of(process)


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended between two looks
        return []


def _unused_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port
