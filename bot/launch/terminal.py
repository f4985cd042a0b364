"""The screen of `python -m bot` on a terminal: colour, and a line that moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.markup import escape

from bot.launch.screen import Show


class TerminalScreen:
    """What a person sees who started it by hand."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def line(self, text: str) -> None:
        """Tell something."""
        self._console.print(escape(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Tell something that went wrong and is being dealt with."""
        self._console.print(f"[yellow]{escape(text)}[/]", soft_wrap=True)

    def error(self, text: str) -> None:
        """Tell why it ends."""
        self._console.print(f"[bold red]{escape(text)}[/]", soft_wrap=True)

    def excerpt(self, text: str) -> None:
        """Show lines of a log, dimmed."""
        self._console.print(f"[dim]{escape(text)}[/]", soft_wrap=True)

    @contextmanager
    def work(self, title: str) -> Iterator[Show]:
        """Show one moving line with the time taken so far."""
        begun = monotonic()
        with self._console.status(escape(title)) as status:

            def show(stage: str) -> None:
                seconds = monotonic() - begun
                status.update(f"{escape(title)}  [bold]{seconds:.0f} s[/]  [dim]{escape(stage)}[/]")

            yield show
