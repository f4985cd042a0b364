"""What the tests of the launcher share: a screen that remembers, small parts, patience."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import psutil

from bot.launch.process import Part
from bot.launch.screen import Show

IGNORES_TERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SLEEPS = "import time; time.sleep(600)\n"
DEAF = f"{IGNORES_TERM}import os; open('child', 'w').write(str(os.getpid()))\n{SLEEPS}"
HAS_A_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {DEAF!r}])
time.sleep(600)
"""
ANSWERS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Well(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Well).serve_forever()
"""


class RememberingScreen:
    """Keeps what a person would have seen."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.stages: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def error(self, text: str) -> None:
        self.lines.append(text)

    def excerpt(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def work(self, title: str) -> Iterator[Show]:
        self.lines.append(title)
        yield self.stages.append


def part(code: str, *arguments: object, name: str = "part", health: str = "") -> Part:
    """Give a part that runs a piece of Python."""
    argv = (sys.executable, "-c", code, *map(str, arguments))
    return Part(name, argv, dict(os.environ), health=health, patience=20)


async def eventually(holds: Callable[[], object], seconds: float = 15) -> None:
    """Wait until something holds, or fail."""
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def number_in(file: Path) -> int:
    """Give the number that a process writes into a file."""
    await eventually(lambda: file.exists() and file.read_text())
    return await asyncio.to_thread(lambda: int(file.read_text()))


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended but is not yet collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
