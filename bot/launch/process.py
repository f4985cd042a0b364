"""One part as a process with all its children: started in a group of its own, ended as one."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

from bot.launch.lifeline import GRACE, Lifeline

_LAST_WAIT = 2.0  # seconds for the kernel to clear away what was killed


@dataclass(frozen=True, slots=True)
class Part:
    """What to run. `health` answers 200 once it is ready; without one it need only go on running."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)  # it holds secrets
    health: str = ""
    patience: float = 60.0  # seconds until it must have been ready once
    inherited: tuple[int, ...] = ()  # open file descriptors it needs


class Child:
    """A running part."""

    def __init__(self, process: Process, lifeline: Lifeline) -> None:
        self._process = process
        self._lifeline = lifeline
        self.started = monotonic()

    @classmethod
    async def start(cls, part: Part, log: Path, lifeline: Lifeline, folder: Path) -> Self:
        """Run the part in `folder`; what it says is added to `log`."""
        with log.open("ab") as said:
            spawning = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *part.argv,
                    cwd=folder,
                    env=part.env,
                    stdin=DEVNULL,
                    stdout=said,
                    stderr=STDOUT,
                    start_new_session=True,
                    pass_fds=part.inherited,
                )
            )
            try:
                process = await asyncio.shield(spawning)
            except asyncio.CancelledError:  # nobody would know of the process
                (await spawning).kill()
                raise
        lifeline.holds(process.pid)
        return cls(process, lifeline)

    @property
    def pid(self) -> int:
        """The process, which is also the number of its group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end of the process itself; its children may outlive it."""
        return await self._process.wait()

    async def stop(self, grace: float = GRACE) -> None:
        """End the process and its children: ask, and after `grace` seconds no longer ask."""
        if grace > 0:
            self._signal(signal.SIGTERM)
            await self._gone_within(grace)
        self.kill()
        await self._process.wait()
        await self._gone_within(_LAST_WAIT)
        self._lifeline.releases(self.pid)

    def kill(self) -> None:
        """End the process and its children at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _gone_within(self, seconds: float) -> None:
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            if not self._has_members():
                return
            await asyncio.sleep(0.02)

    def _has_members(self) -> bool:
        if self.code is not None:
            self._bury()
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _bury(self) -> None:
        """Collect orphans of the part, which are ours where `adopt_orphans` worked."""
        with suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass


def ending(code: int) -> str:
    """Say how a process ended."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
