"""Keeps the parts of an instance running, and ends all of them together."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from bot.launch.errors import LaunchError
from bot.launch.health import answers
from bot.launch.lifeline import GRACE, Lifeline
from bot.launch.logs import rotate, tail
from bot.launch.process import Child, Part, ending
from bot.launch.screen import Screen

FIRST_DELAY = 0.2  # seconds until the first restart
LONGEST_DELAY = 10.0
_STEADY = 60.0  # a part that ran this long is forgiven its earlier ends
_SETTLED = 1.0  # a part without a health address that runs so long has come up
_POLL = 0.05


@dataclass(slots=True)
class Kept:
    """A part, the process that it is at present, and the task that watches over it."""

    part: Part
    log: Path
    child: Child
    watch: asyncio.Task[None] | None = field(default=None)


class Supervisor:
    """Starts parts in `folder`, restarts one that dies, and at the end ends every one."""

    def __init__(
        self, folder: Path, logs: Path, screen: Screen, lifeline: Lifeline, grace: float = GRACE
    ) -> None:
        self._folder = folder
        self.logs = logs
        self._screen = screen
        self._lifeline = lifeline
        self._grace = grace
        self._kept: list[Kept] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        watches = [kept.watch for kept in self._kept if kept.watch]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        await asyncio.gather(*(kept.child.stop(self._grace) for kept in self._kept))

    async def start(self, part: Part) -> Kept:
        """Run a part without waiting until it is ready."""
        log = self.logs / f"{part.name}.log"
        rotate(log)
        kept = Kept(part, log, await self._spawn(part, log))
        self._kept.append(kept)
        return kept

    async def ready(self, kept: Kept) -> None:
        """Wait until a started part is ready, and keep it running from then on.

        :raises LaunchError: it ended, or was not ready in its time.
        """
        try:
            async with asyncio.timeout(kept.part.patience):
                well = await self._well(kept)
        except TimeoutError:
            raise _failed(kept, f"was not ready after {kept.part.patience:.0f} s") from None
        if not well:
            raise _failed(kept, ending(kept.child.code or 0))
        kept.watch = asyncio.create_task(self._watch(kept))

    async def run(self, part: Part) -> None:
        """Start a part and wait until it is ready."""
        await self.ready(await self.start(part))

    async def finish(self, part: Part) -> None:
        """Run a part that has an end of its own, and wait for it.

        :raises LaunchError: it failed.
        """
        kept = await self.start(part)
        try:
            if await kept.child.wait():
                raise _failed(kept, ending(kept.child.code or 0))
        finally:
            await kept.child.stop(self._grace)
            self._kept.remove(kept)

    def kill(self) -> None:
        """End every part at once, for someone who cannot wait."""
        for kept in self._kept:
            kept.child.kill()

    async def _spawn(self, part: Part, log: Path) -> Child:
        return await Child.start(part, log, self._lifeline, self._folder)

    async def _watch(self, kept: Kept) -> None:
        delay = FIRST_DELAY
        while True:
            code = await kept.child.wait()
            await kept.child.stop(grace=0)  # what it left behind
            if monotonic() - kept.child.started > _STEADY:
                delay = FIRST_DELAY
            self._screen.warn(
                f"{kept.part.name} {ending(code)}; it is started again in {delay:.1f} s."
            )
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            await self._again(kept)

    async def _again(self, kept: Kept) -> None:
        try:
            kept.child = await self._spawn(kept.part, kept.log)
        except OSError as error:
            self._screen.warn(f"{kept.part.name} cannot be started: {error}.")
            return
        if await self._well(kept):
            seconds = monotonic() - kept.child.started
            self._screen.line(f"{kept.part.name} is back ({seconds:.1f} s).")

    async def _well(self, kept: Kept) -> bool:
        """Wait for health; false when the process ends before."""
        while kept.child.code is None:
            if await self._is_well(kept):
                return True
            await asyncio.sleep(_POLL)
        return False

    async def _is_well(self, kept: Kept) -> bool:
        if kept.part.health:
            return await answers(kept.part.health)
        return monotonic() - kept.child.started > _SETTLED


def _failed(kept: Kept, how: str) -> LaunchError:
    message = f"{kept.part.name} {how}; all that it said is in {kept.log}."
    return LaunchError(message, excerpt=tail(kept.log))
