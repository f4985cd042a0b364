"""Forks a writer from a warm process, kills it at a random moment, again and again."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from tempfile import TemporaryFile
from time import sleep
from traceback import print_exc
from typing import Any

from tests.kill9.writer import Scene, live, recover, rehearse

type Ack = dict[str, Any]

_MOST_LINES = 16  # that a writer says before it is killed
_MOMENT = 0.03  # seconds at most from a line to the kill: a turn takes less


def rehearsed(scene: Scene) -> Sequence[Ack]:
    """Let the first life pass here, unharmed: what is made once is not made by every fork again.

    It took a fork longer than its turns did, so most kills met a writer that was still warming up.
    """
    with TemporaryFile() as page:
        asyncio.run(rehearse(scene, 0, page.fileno()))
        page.seek(0)
        return [json.loads(line) for line in page]


def kill_many(scene: Scene, kills: int, seed: int, tell: Callable[[], None]) -> list[Ack]:
    """Kill so many writers and give all that they said, then let the last one end in peace."""
    random, acks = Random(seed), list[Ack]()
    gc.freeze()  # or each fork copies what its collector touches
    for life in range(1, kills + 1):
        acks += _one(scene, life, random)
        tell()
    acks += _spoken(_fork(scene, kills + 1, recover), None)
    return acks


def _one(scene: Scene, life: int, random: Random) -> Sequence[Ack]:
    """Let one writer say some lines and kill it a moment later; some cannot even begin."""
    lines = random.randrange(_MOST_LINES)
    return _spoken(_fork(scene, life, live), lines, random.uniform(0, _MOMENT))


def _fork(
    scene: Scene, life: int, job: Callable[[Scene, int, int], Coroutine[None, None, None]]
) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    code = 1
    try:
        asyncio.run(job(scene, life, writing))
        code = 0
    except BaseException:  # noqa: BLE001  (os._exit would keep it to itself)
        print_exc()
    finally:
        os._exit(code)


def _spoken(child: tuple[int, int], lines: int | None, moment: float = 0) -> Sequence[Ack]:
    """Listen to a writer for so many lines (None: until it ends), and give all that it said."""
    pid, pipe = child
    page = b""
    while lines is None or page.count(b"\n") < lines:
        piece = os.read(pipe, 65536)
        page += piece
        if not piece:
            break
    if lines is not None:
        sleep(moment)
        os.kill(pid, signal.SIGKILL)
    while piece := os.read(pipe, 65536):
        page += piece
    os.close(pipe)
    _, status = os.waitpid(pid, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended != (0 if lines is None else -signal.SIGKILL):
        message = f"the writer ended by itself ({ended}); why stands on standard error"
        raise RuntimeError(message)
    return [json.loads(line) for line in page.split(b"\n")[:-1]]  # the last may be cut off
