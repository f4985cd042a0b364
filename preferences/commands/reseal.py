"""`python -m preferences reseal`: changes keys while everything runs, and seals anew what is held."""

import asyncio
import sys
from argparse import Namespace
from time import time
from typing import Any

from rich.progress import Progress

from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.rotation import Resealed, outdated, reseal, retire
from preferences.store.vault import exchange_keys

_GRACE = 60.0
"""Seconds after a change of the keys until whoever sealed something before it has committed it."""


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "reseal", help="change keys, and seal anew what is held under old ones"
    )
    parser.add_argument("--new-key", action="store_true", help="a new key seals from now on")
    parser.add_argument(
        "--new-lookup-key", action="store_true", help="names are found by a new key from now on"
    )
    parser.add_argument(
        "--retire", action="store_true", help="remove the keys that nothing needs any more"
    )
    parser.add_argument("--grace", type=float, default=_GRACE, help="seconds before that")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Do it, show how far it is, and say what became of the keys."""

    async def work(store: Store, _settings: Settings) -> int:
        if chosen.new_key or chosen.new_lookup_key:
            exchange_keys(
                store.vault.file,
                lambda keys: keys.with_new(data=chosen.new_key, lookup=chosen.new_lookup_key),
            )
            _say(f"{store.vault.file} has a new key; back it up now, and wherever else it is kept.")
        if chosen.retire:
            await _wait(store, chosen.grace)
        done = await _reseal(store)
        _say(f"{done.values} values and {done.names} names are under the newest keys now.")
        if done.kept:
            _say(f"{done.kept} names were erased; the key that knows them again has to stay.")
        if chosen.retire:
            gone, left = await retire(store)
            _say(f"{len(gone)} keys were removed, {len(left)} stay.")
        return 0

    return with_store(work)


async def _wait(store: Store, grace: float) -> None:
    """Let whoever sealed something before the keys changed commit it first."""
    await asyncio.sleep(max(0.0, store.vault.file.stat().st_mtime + grace - time()))


async def _reseal(store: Store) -> Resealed:
    with Progress() as bar:
        task = bar.add_task("Sealing anew", total=await outdated(store))
        return await reseal(store, lambda count: bar.advance(task, count))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
