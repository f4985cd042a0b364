"""Nothing outlives a launcher that was killed."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.bot.launch.stage import HAS_A_CHILD, alive, eventually, number_in

LAUNCHER = f"""
import asyncio, os, sys
from pathlib import Path
from bot.launch.lifeline import Lifeline
from bot.launch.screen import PlainScreen
from bot.launch.supervisor import Supervisor
from bot.launch.process import Part

async def main(folder):
    with Lifeline(grace=0.3) as lifeline:
        async with Supervisor(folder, folder, PlainScreen(), lifeline) as supervisor:
            argv = (sys.executable, "-c", {HAS_A_CHILD!r})
            kept = await supervisor.start(Part("part", argv, dict(os.environ)))
            print(kept.child.pid, lifeline.pid, flush=True)
            await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_killed_launcher_takes_its_parts_and_their_children_with_it(tmp_path: Path) -> None:
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LAUNCHER, str(tmp_path), stdout=PIPE
    )
    assert launcher.stdout
    part, lifeline = map(int, (await launcher.stdout.readline()).split())
    child = await number_in(tmp_path / "child")

    launcher.kill()
    await launcher.wait()

    await eventually(lambda: not alive(part) and not alive(child) and not alive(lifeline))
