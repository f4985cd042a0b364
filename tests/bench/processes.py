"""A server with all its processes: started, timed until it answers, measured and ended."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 300.0  # seconds until a server must answer
_GRACE = 20.0
_POLL = 0.02
_ONCE = ClientTimeout(total=2)
_QUIET = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class BenchError(Exception):
    """Nothing can be measured; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where, with which additional environment, and where its output goes."""

    argv: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]
    log: Path


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start and proportional memory in bytes, by part."""

    cpu: Mapping[str, float]
    memory: Mapping[str, float]


class Running:
    """A started server. `marks` name a part by something in its command line."""

    def __init__(
        self, process: asyncio.subprocess.Process, started: float, marks: Mapping[str, str]
    ) -> None:
        self.process = process
        self._root = psutil.Process(process.pid)
        self._started = started
        self._marks = marks

    async def wait_for(self, url: str) -> float:
        """Give the seconds from the start until this address answers 200."""
        async with ClientSession(timeout=_ONCE) as session:
            while not await _answers(session, url):
                if (
                    perf_counter() - self._started > _PATIENCE
                    or self.process.returncode is not None
                ):
                    message = f"{url} does not answer; the log in var/bench says why."
                    raise BenchError(message)
                await asyncio.sleep(_POLL)
        return perf_counter() - self._started

    def usage(self) -> Usage:
        """Measure every process now."""
        cpu: dict[str, float] = {}
        memory: dict[str, float] = {}
        for part, process in self._parts(self._root, "launcher"):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu[part] = cpu.get(part, 0.0) + times.user + times.system
                memory[part] = memory.get(part, 0.0) + resident(process)
        return Usage(cpu, memory)

    def _parts(self, process: psutil.Process, above: str) -> Sequence[tuple[str, psutil.Process]]:
        """Name a process and all below it; what has no name of its own belongs to its parent."""
        with suppress(psutil.NoSuchProcess):
            spoken = " ".join(process.cmdline())
            part = next((part for mark, part in self._marks.items() if mark in spoken), above)
            below = [pair for child in process.children() for pair in self._parts(child, part)]
            return [(part, process), *below]
        return []


@asynccontextmanager
async def started(command: Command, marks: Mapping[str, str]) -> AsyncIterator[Running]:
    """Start a server, and end it with everything it started."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        begun = perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.folder,
            env={**environment(), **command.env},
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(process, begun, marks)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def finished(command: Command) -> None:
    """Run something that has an end of its own.

    :raises BenchError: it failed.
    """
    async with started(command, {}) as running:
        code = await running.process.wait()
    if code:
        message = f"{' '.join(command.argv)} failed; {command.log} says why."
        raise BenchError(message)


def environment() -> dict[str, str]:
    """Give the environment around us without settings of Askfirst's, and quiet."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ASKFIRST_")}
    return kept | _QUIET


def free_port() -> int:
    """Give a port that nobody listens on at this moment."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


async def _answers(session: ClientSession, url: str) -> bool:
    with suppress(ClientError, TimeoutError, OSError):
        async with session.get(url) as response:
            return response.ok
    return False


def resident(process: psutil.Process) -> float:
    """Give the share of memory that is this process's (PSS); where /proc does not tell, its RSS."""
    with suppress(OSError):
        for row in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if row.startswith("Pss:"):
                return 1024.0 * int(row.split()[1])
    return float(process.memory_info().rss)
