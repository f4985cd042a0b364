"""Shows what a slow part is doing, read from the end of its log."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.launch.logs import tail
from bot.launch.screen import Screen, Show

_INTERVAL = 0.5
_RASA_LINE = re.compile(r"^\S+ \S+ +[A-Z]+ +\S+ +- +(?P<message>.+)$", re.MULTILINE)
_WIDTH = 45  # fits beside the title on a narrow terminal


@asynccontextmanager
async def following(screen: Screen, title: str, log: Path) -> AsyncIterator[None]:
    """Show the title, the time taken and the last stage in the log, until the block ends."""
    with screen.work(title) as show:
        ticker = asyncio.create_task(_tick(show, log))
        try:
            yield
        finally:
            ticker.cancel()


async def _tick(show: Show, log: Path) -> None:
    while True:
        show(last_stage(tail(log)))
        await asyncio.sleep(_INTERVAL)


def last_stage(text: str) -> str:
    """Give the message of the last log line in Rasa's format, or nothing."""
    messages = [found["message"] for found in _RASA_LINE.finditer(text)]
    return messages[-1].strip().rstrip(".")[:_WIDTH] if messages else ""
