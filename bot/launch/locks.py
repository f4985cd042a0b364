"""Files that one process at a time may hold; the kernel lets go of them when it dies."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TextIO

_POLL = 0.3


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold the file while the block runs.

    :raises BlockingIOError: another process holds it.
    """
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@asynccontextmanager
async def held_in_turn(file: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the file while the block runs, after whoever holds it now; `waiting` is called once."""
    with file.open("a") as handle:
        told = False
        while not _try(handle):
            if not told:
                waiting()
            told = True
            await asyncio.sleep(_POLL)
        yield


def _try(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
