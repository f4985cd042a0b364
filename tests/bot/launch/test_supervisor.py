"""Parts are kept running, and end together with everything that they started."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from bot.launch.errors import LaunchError
from bot.launch.lifeline import Lifeline
from bot.launch.ports import Ports
from bot.launch.supervisor import Supervisor
from tests.bot.launch.stage import (
    ANSWERS,
    HAS_A_CHILD,
    IGNORES_TERM,
    SLEEPS,
    RememberingScreen,
    alive,
    eventually,
    number_in,
    part,
)

ONCE = """
import sys, time
from pathlib import Path
if Path("once").exists():
    sys.exit(3)
Path("once").touch()
time.sleep(600)
"""


@pytest.fixture
def screen() -> RememberingScreen:
    return RememberingScreen()


@pytest.fixture
def supervisor(tmp_path: Path, screen: RememberingScreen) -> Iterator[Supervisor]:
    with Lifeline() as lifeline:
        yield Supervisor(tmp_path, tmp_path / "log", screen, lifeline, grace=0.5)


async def test_a_part_that_ends_when_asked_is_not_waited_for(supervisor: Supervisor) -> None:
    async with supervisor:
        kept = await supervisor.start(part(SLEEPS))
        begun = monotonic()

    assert kept.child.code == -signal.SIGTERM
    assert monotonic() - begun < 0.4


async def test_a_part_that_ignores_term_is_killed_after_the_grace(supervisor: Supervisor) -> None:
    code = IGNORES_TERM + "open('deaf', 'w').close()\n" + SLEEPS
    async with supervisor:
        kept = await supervisor.start(part(code))
        await eventually((kept.log.parent.parent / "deaf").exists)

    assert kept.child.code == -signal.SIGKILL


async def test_children_of_a_part_end_with_it_even_when_they_ignore_term(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        await supervisor.start(part(HAS_A_CHILD))
        child = await number_in(tmp_path / "child")
        assert alive(child)

    assert not alive(child)


async def test_a_part_that_dies_is_started_again_and_a_line_says_so(
    supervisor: Supervisor, screen: RememberingScreen
) -> None:
    with Ports() as ports:
        port = ports.choose()
        async with supervisor:
            kept = await supervisor.start(
                part(ANSWERS, port, name="rasa-1", health=f"http://127.0.0.1:{port}/")
            )
            await supervisor.ready(kept)
            first = kept.child.pid
            os.kill(first, signal.SIGKILL)
            await eventually(lambda: screen.lines)

            assert kept.child.pid != first
            assert screen.warnings == ["rasa-1 was ended by SIGKILL; it is started again in 0.2 s."]
            assert screen.lines[0].startswith("rasa-1 is back")


async def test_a_part_that_dies_again_and_again_is_started_less_and_less_often(
    supervisor: Supervisor, screen: RememberingScreen
) -> None:
    async with supervisor:
        kept = await supervisor.start(part(ONCE, name="sync"))
        await supervisor.ready(kept)
        kept.child.kill()
        await eventually(lambda: len(screen.warnings) == 3)

    assert [line.rpartition(" in ")[2] for line in screen.warnings] == [
        "0.2 s.",
        "0.4 s.",
        "0.8 s.",
    ]
    assert screen.warnings[1].startswith("sync ended with exit code 3;")


async def test_what_a_dead_part_left_behind_is_ended_before_it_starts_again(
    supervisor: Supervisor, tmp_path: Path, screen: RememberingScreen
) -> None:
    async with supervisor:
        kept = await supervisor.start(part(HAS_A_CHILD))
        await supervisor.ready(kept)
        orphan = await number_in(tmp_path / "child")
        os.kill(kept.child.pid, signal.SIGKILL)
        await eventually(lambda: screen.warnings)

        assert not alive(orphan)


async def test_a_part_that_ends_before_it_was_ready_shows_the_end_of_its_log(
    supervisor: Supervisor,
) -> None:
    async with supervisor:
        broken = part("raise ValueError('no model')", name="rasa-1", health="http://127.0.0.1:9/")
        with pytest.raises(LaunchError, match=r"rasa-1 ended with exit code 1; .*rasa-1\.log") as e:
            await supervisor.run(broken)

    assert e.value.excerpt.endswith("ValueError: no model")


async def test_a_part_that_is_never_ready_stops_the_start(supervisor: Supervisor) -> None:
    slow = part(SLEEPS, name="gateway", health="http://127.0.0.1:9/")
    async with supervisor:
        with pytest.raises(LaunchError, match="gateway was not ready after 0 s"):
            await supervisor.ready(
                await supervisor.start(type(slow)(slow.name, slow.argv, slow.env, slow.health, 0.2))
            )


async def test_the_port_is_free_again_afterwards(supervisor: Supervisor) -> None:
    with Ports() as ports:
        port = ports.choose()
        async with supervisor:
            await supervisor.run(part(ANSWERS, port, health=f"http://127.0.0.1:{port}/"))
            assert not _is_free(port)

        assert _is_free(port)


async def test_a_part_with_an_end_of_its_own_is_waited_for(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async with supervisor:
        await supervisor.finish(part("open('done', 'w').close()"))
        assert (tmp_path / "done").exists()
        with pytest.raises(LaunchError, match="training ended with exit code 2"):
            await supervisor.finish(part("raise SystemExit(2)", name="training"))


async def test_whoever_cannot_wait_ends_all_at_once(supervisor: Supervisor) -> None:
    async with supervisor:
        kept = await supervisor.start(part(IGNORES_TERM + SLEEPS))
        supervisor.kill()

        assert await kept.child.wait() == -signal.SIGKILL


async def test_the_log_of_the_run_before_is_put_aside(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    log = tmp_path / "log" / "part.log"
    async with supervisor:
        await supervisor.finish(part("print('first')"))
        await supervisor.finish(part("print('second')"))

    assert log.read_text() == "second\n"
    assert log.with_name("part.log.1").read_text() == "first\n"


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0
