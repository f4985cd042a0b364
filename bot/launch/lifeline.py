"""Ends every part when the launcher is killed without a chance to do it itself.

A small process of its own reads from a pipe which process groups are alive. When the pipe breaks,
the launcher is gone, and it ends what is left: TERM at once, KILL after the grace. Unlike
PR_SET_PDEATHSIG this reaches the children of a part too, and works beyond Linux.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

GRACE = 5.0  # seconds between TERM and KILL


class Lifeline:
    """The launcher's end of the pipe."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace

    def __enter__(self) -> Self:
        script = str(Path(__file__).resolve())
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", script, str(self._grace)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
            bufsize=1,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process that waits at the other end."""
        return self._process.pid

    def holds(self, group: int) -> None:
        """Have this process group ended if the launcher dies."""
        self._tell(f"+{group}\n")

    def releases(self, group: int) -> None:
        """Forget a group that has ended: its number may be given to strangers."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            with suppress(OSError):  # it was killed: the parts still end with the launcher
                self._process.stdin.write(line)


def main(pipe: TextIO, grace: float) -> None:
    """Read until the pipe breaks, then end the groups that are left."""
    groups: set[int] = set()
    for line in pipe:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = {group for group in groups if _alive(group)}
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(OSError):
            os.killpg(group, number)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.stdin, float(sys.argv[1]))
