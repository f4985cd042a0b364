"""`python -m sync once`: tells every destination what is due now, asks it what changed, and ends."""

import asyncio
import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.catalogue import load_catalogue
from preferences.lanes import LANES
from preferences.settings import Settings, load_settings
from preferences.store.destinations import read_pause, read_standing
from preferences.store.restoring import reapply
from sync.bell import Bell
from sync.commands.opening import Opened, opened
from sync.pull import TROUBLES, pull
from sync.worker import WISHES, Worker


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("once", help="tell what is due now, and end; for cron")
    parser.set_defaults(run=run)


def run(_chosen: Namespace) -> int:
    """Tell; the exit code is 1 where something could not be told.

    Where the day's calls are used up, the wishes are told: they have some of their own.
    """
    settings = load_settings()
    names = list(dict.fromkeys(settings.destinations))
    return max([asyncio.run(_once(settings, name)) for name in names], default=0)


async def _once(settings: Settings, name: str) -> int:
    async with opened(settings, name) as one:
        now = datetime.now(UTC)
        await reapply(one.store, settings.destinations, now)
        if stopped := await read_pause(one.store, name, now):
            sys.stderr.write(f"{name}: {stopped.reason} Paused until {stopped.until:%H:%M} UTC.\n")
            if stopped.why != "quota":
                return 1
        worker, before = Worker(one.teller, Bell()), await _dead(one, now)
        try:
            while await worker.tell(WISHES if stopped else LANES):
                pass
            if stopped:
                return 1
            pulled = await pull(one.teller, load_catalogue(), settings.destinations)
        except TROUBLES as trouble:
            sys.stderr.write(f"{name}: {trouble}\n")
            return 1
        refused = await _dead(one, now) - before
    if refused > 0:
        listed = f"`python -m sync replay {name} --list` lists them"
        sys.stderr.write(f"{name}: {refused} dead letters more; {listed}.\n")
    sys.stdout.write(f"{name}: told what was due; {pulled} changes taken in.\n")
    return 1 if refused > 0 else 0


async def _dead(one: Opened, now: datetime) -> int:
    (standing,) = await read_standing(one.store, [one.name], now)
    return standing.dead
