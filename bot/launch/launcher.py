"""One instance from the first process to the last: the order in which everything is brought up."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any, cast

from bot.launch.errors import LaunchError
from bot.launch.gate import Gate
from bot.launch.lifeline import Lifeline
from bot.launch.locks import held
from bot.launch.logs import rotate, tail
from bot.launch.orphans import adopt_orphans
from bot.launch.parts import Plan
from bot.launch.ports import Ports
from bot.launch.progress import following
from bot.launch.screen import Screen
from bot.launch.supervisor import Supervisor
from bot.launch.training import model_for
from bot.launch.welcome import opened, sealed_with, welcome
from preferences.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


async def launch(settings: Settings, screen: Screen) -> None:
    """Run an instance until SIGINT, SIGTERM or SIGHUP; a second one ends it without waiting.

    :raises LaunchError: it could not be brought up; everything has been ended again.
    """
    adopt_orphans()
    async with AsyncExitStack() as stack:
        _claim(settings.data_dir, stack)
        plan = Plan.settle(settings, stack.enter_context(Ports()))
        lifeline = stack.enter_context(Lifeline())
        supervisor = Supervisor(ROOT, settings.data_dir / "log", screen, lifeline)
        work = asyncio.create_task(_run(plan, supervisor, screen))
        _listen(work, supervisor, screen)
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()


def _claim(data: Path, stack: AsyncExitStack) -> None:
    try:
        stack.enter_context(held(data / ".lock"))
    except BlockingIOError:
        message = (
            f"Another Askfirst runs on the data folder {data}; stop that one, "
            "or give this one a folder of its own with --data or ASKFIRST_DATA_DIR."
        )
        raise LaunchError(message) from None


def _listen(work: asyncio.Task[None], supervisor: Supervisor, screen: Screen) -> None:
    def stop() -> None:
        if work.cancelling():
            supervisor.kill()
            return
        screen.line("Ending every part …")
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _run(plan: Plan, supervisor: Supervisor, screen: Screen) -> None:
    begun = monotonic()
    async with supervisor:
        gate = Gate()
        keys_are_new = not plan.settings.keys.exists()
        gateway = await supervisor.start(plan.gateway(gate.inside))
        prepared = await _prepare(plan, supervisor.logs / "prepare.log")
        gate.open()
        if keys_are_new:
            screen.line(sealed_with(plan.settings.keys))
        await supervisor.ready(gateway)
        screen.line(opened(plan.address, monotonic() - begun))
        model = await _find_model(plan, supervisor, screen)
        async with following(screen, "Waking the assistant", supervisor.logs / "rasa-1.log"):
            await _together(*(supervisor.run(part) for part in plan.rasa(model)))
        screen.line(welcome(plan, prepared, monotonic() - begun))
        await asyncio.Event().wait()


async def _find_model(plan: Plan, supervisor: Supervisor, screen: Screen) -> Path:
    async def train(folder: Path, name: str) -> None:
        async with following(
            screen, "Training the language model", supervisor.logs / "training.log"
        ):
            await supervisor.finish(plan.training(folder, name))

    model, _, _ = await _together(
        model_for(ROOT, plan.settings.model_dir, train, screen),
        supervisor.run(plan.actions()),
        supervisor.run(plan.sync()),
    )
    return cast("Path", model)


async def _prepare(plan: Plan, log: Path) -> dict[str, str]:
    """Migrate and so on in a process of its own, while the gateway is loading its libraries."""
    rotate(log)
    with log.open("wb") as trouble:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.launch.prepare"),
            cwd=ROOT,
            env=plan.environment(),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=trouble,
            start_new_session=True,  # Ctrl-C reaches the launcher alone
        )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        prepared: dict[str, str] = json.loads(said)
    except ValueError:
        message = f"The store could not be made ready; all that was said is in {log}."
        raise LaunchError(message, excerpt=tail(log)) from None
    if "error" in prepared:
        raise LaunchError(prepared["error"])
    return prepared


async def _together(*jobs: Coroutine[Any, Any, Any]) -> list[Any]:
    """Do several things at once; the first that fails stops the others and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
