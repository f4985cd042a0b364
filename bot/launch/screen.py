"""What whoever started the instance sees: a live display on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Protocol, TextIO

Show = Callable[[str], None]

_OFTEN = 2.0  # seconds between two plain lines of the same work when there is news
_SELDOM = 15.0  # and when there is none


class Screen(Protocol):
    """Lines for a person. Nothing here is read by a program."""

    def line(self, text: str) -> None:
        """Tell something."""

    def warn(self, text: str) -> None:
        """Tell something that went wrong and is being dealt with."""

    def error(self, text: str) -> None:
        """Tell why it ends."""

    def excerpt(self, text: str) -> None:
        """Show lines of a log."""

    def work(self, title: str) -> AbstractContextManager[Show]:
        """Show that something takes its time; call what it gives often, with the stage."""


class PlainScreen:
    """Lines without colour or movement, for files and pipes."""

    def __init__(
        self,
        out: TextIO = sys.stdout,
        trouble: TextIO = sys.stderr,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._out = out
        self._trouble = trouble
        self._clock = clock

    def line(self, text: str) -> None:
        """Tell something."""
        self._write(self._out, text)

    def warn(self, text: str) -> None:
        """Tell something that went wrong and is being dealt with."""
        self._write(self._out, text)

    def error(self, text: str) -> None:
        """Tell why it ends."""
        self._write(self._trouble, text)

    def excerpt(self, text: str) -> None:
        """Show lines of a log, indented."""
        self._write(self._trouble, "\n".join(f"    {line}" for line in text.splitlines()))

    @contextmanager
    def work(self, title: str) -> Iterator[Show]:
        """Write a line at a new stage, and now and then without one."""
        begun = self._clock()
        last, told = begun, ""
        self.line(f"{title} …")

        def show(stage: str) -> None:
            nonlocal last, told
            now = self._clock()
            if now - last < (_OFTEN if stage != told else _SELDOM):
                return
            last, told = now, stage
            self.line(f"  {now - begun:3.0f} s  {stage}".rstrip())

        yield show

    def _write(self, stream: TextIO, text: str) -> None:
        stream.write(f"{text}\n")
        stream.flush()
