"""`python -m preferences waste`: which questions were asked for nothing in the last 90 days."""

import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from preferences.catalogue import load_catalogue
from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.waste import Yield, yields

_STEERING = frozenset({"gift_or_self"})
"""Questions whose answers change what the assistant does next; what leads somewhere says so itself."""


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("waste", help="tell which questions are asked for nothing")
    parser.set_defaults(run=run)


def run(_: Namespace) -> int:
    """Show every question with what came of it; 1 where some are to mend or to remove."""

    async def work(store: Store, _: Settings) -> list[Yield]:
        found = await yields(store, load_catalogue(), _STEERING, datetime.now(UTC))
        return [*found]

    found = with_store(work)
    table = Table("question", "asked", "answered", "goes to", "waste")
    for one in found:
        goes_to = one.attribute or ("the assistant" if one.steers else "")
        table.add_row(one.question, str(one.asked), str(one.answered), goes_to, one.waste)
    Console(file=sys.stdout, width=100).print(table)
    wasted = [one.question for one in found if one.waste]
    if wasted:
        sys.stdout.write(f"Mend or remove: {', '.join(wasted)}\n")
    return 1 if wasted else 0
