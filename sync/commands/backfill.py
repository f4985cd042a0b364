"""`python -m sync backfill`: tells a destination of everybody; it goes on where it was interrupted."""

import asyncio
import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from preferences.settings import Settings
from preferences.store.backfilling import begin_backfill, everybody, mark_some
from preferences.store.destinations import Standing, read_standing
from sync.bell import Bell
from sync.commands.opening import Opened, with_destination
from sync.worker import Worker

_LOOK = 0.5  # seconds


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("backfill", help="tell a CRM of everybody, behind all that is new")
    parser.add_argument("destination", nargs="?", default="", help="a CRM of ASKFIRST_DESTINATIONS")
    parser.add_argument("--anew", action="store_true", help="from the beginning, not where it was")
    parser.add_argument("--whole", action="store_true", help="also those who have not changed")
    parser.add_argument("--mark", action="store_true", help="let the running worker do the telling")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Mark everybody, then tell them; the exit code is 1 where somebody is still to be told."""

    async def work(one: Opened, _settings: Settings) -> int:
        with _progress() as progress:
            await _mark(one, progress, chosen)
            if chosen.mark:
                return 0
            left = await _tell(one, progress)
        if left:
            sys.stdout.write(f"{left} are still to be told; run it again to go on.\n")
        return 1 if left else 0

    return with_destination(chosen, work)


async def _mark(one: Opened, progress: Progress, chosen: Namespace) -> None:
    now = datetime.now(UTC)
    total = await everybody(one.store)
    goes_on = await begin_backfill(one.store, one.name, again=chosen.anew)
    task = progress.add_task("marked, going on" if goes_on else "marked", total=total)
    while count := await mark_some(one.store, one.name, now, whole=chosen.whole):
        progress.advance(task, count)
    progress.update(task, completed=total)


async def _tell(one: Opened, progress: Progress) -> int:
    """Run a worker until nobody waits any more, or it stopped; give how many wait."""
    standing = await _standing(one)
    task = progress.add_task("told", total=(total := standing.waiting["backfill"]))
    stop, bell = asyncio.Event(), Bell()
    telling = asyncio.create_task(Worker(one.teller, bell).run(stop))
    while not telling.done():
        standing = await _standing(one)
        left = standing.waiting["backfill"]
        progress.update(task, completed=max(total - left, 0), description=_said(standing))
        if not left or standing.pause:
            break
        await asyncio.wait({telling}, timeout=_LOOK)
    stop.set()
    bell.ring()
    await telling
    standing = await _standing(one)
    return sum(standing.waiting.values()) if standing.pause else standing.waiting["backfill"]


def _said(standing: Standing) -> str:
    if standing.pause:
        return standing.pause.reason
    return f"told ({standing.dead} refused)" if standing.dead else "told"


async def _standing(one: Opened) -> Standing:
    [standing] = await read_standing(one.store, [one.name], datetime.now(UTC))
    return standing


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(file=sys.stderr))
