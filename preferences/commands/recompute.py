"""`python -m preferences recompute`: counts what the orders of shoppers tell, where it is missing."""

import sys
from argparse import Namespace
from typing import Any

from rich.progress import Progress, TextColumn

from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.habits import work_out_missing


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "recompute",
        help="count what orders tell, of shoppers of an older version and after the feed changed",
    )
    parser.add_argument("--every", action="store_true", help="of everybody who ever bought")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Count it; whoever is served meanwhile waits for single shoppers at most."""
    counted = 0

    async def work(store: Store, _: Settings) -> None:
        nonlocal counted
        with Progress(TextColumn("{task.description} {task.completed}")) as bar:
            task = bar.add_task("Shoppers", total=None)
            counted = await work_out_missing(
                store, every=chosen.every, show=lambda some: bar.advance(task, some)
            )

    with_store(work)
    sys.stdout.write(f"What their orders tell was counted of {counted} shoppers.\n")
    return 0
