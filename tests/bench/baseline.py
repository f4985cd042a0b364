"""The plain Rasa project: what `rasa init` makes, its default pipeline and policies, by REST."""

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

from aiohttp import ClientSession, TCPConnector

from tests.bench.processes import ROOT, BenchError, Command, Running, finished, free_port, started
from tests.bench.sentences import MOOD

RASA = ROOT / ".venv-rasa" / "bin" / "python"
# The one story of the project that goes on by buttons.
_PAYLOADS = ("/greet", "/mood_unhappy", "/affirm")


@dataclass(slots=True)
class PlainTalk:
    """A conversation over Rasa's REST channel."""

    session: ClientSession
    url: str
    sender: str
    pressed: int = 0

    async def say(self, text: str) -> float:
        """Send words, and give the seconds until the answer is read; it may be silence."""
        begun = perf_counter()
        async with self.session.post(
            self.url, json={"sender": self.sender, "message": text}
        ) as response:
            replies = await response.json()
        seconds = perf_counter() - begun
        if response.status != 200 or not (replies or self.pressed == 0):
            message = f"The plain project cannot answer to {text!r} ({response.status})."
            raise BenchError(message)
        return seconds

    async def press(self) -> float:
        """Send the payload of the next button, which always has an answer."""
        self.pressed += 1
        return await self.say(_PAYLOADS[self.pressed - 1])


@dataclass(frozen=True, slots=True)
class OpenPlain:
    """The running plain project."""

    running: Running
    url: str
    numbers: "count[int]"

    @asynccontextmanager
    async def talks(self, count: int) -> AsyncIterator[Sequence[PlainTalk]]:
        """Begin conversations: an unknown sender is a new one."""
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            senders = [f"bench-{next(self.numbers)}" for _ in range(count)]
            yield [PlainTalk(session, f"{self.url}/webhook", sender) for sender in senders]


class Plain:
    """The baseline; made and trained once for each version of Rasa, into a cache."""

    name = "baseline"
    templates = MOOD
    presses = len(_PAYLOADS)

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._project = cache / _version()

    async def prepare(self) -> None:
        """Let `rasa init` make and train the project, unless it has done so before."""
        if self._project.exists():
            return
        draft = self._cache / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        await finished(self._rasa(draft, "init", "--no-prompt", "--init-dir", str(draft)))
        draft.rename(self._project)

    @asynccontextmanager
    async def start(self) -> AsyncIterator[tuple[OpenPlain, Mapping[str, float]]]:
        """Run its server until its REST channel says that it is there."""
        port = free_port()
        url = f"http://127.0.0.1:{port}/webhooks/rest"
        command = self._rasa(self._project, "run", "-i", "127.0.0.1", "-p", str(port))
        async with started(command, {"rasa": "rasa"}) as running:
            seconds = await running.wait_for(f"{url}/")
            yield OpenPlain(running, url, count()), {"readyz": seconds}

    def command(self, *arguments: str) -> Command:
        """Give a command of Rasa's in the project."""
        return self._rasa(self._project, *arguments)

    def _rasa(self, folder: Path, *arguments: str) -> Command:
        return Command((str(RASA), "-m", "rasa", *arguments), folder, {}, self._cache / "plain.log")


def _version() -> str:
    for folder in RASA.parents[1].glob("lib/python3.*/site-packages/rasa-3.*.dist-info"):
        return folder.name.removesuffix(".dist-info")
    message = "The Rasa environment .venv-rasa is missing; run `make setup`."
    raise BenchError(message)
