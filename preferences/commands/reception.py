"""`python -m preferences reception`: how each question was met in the last 90 days, and how often silence won."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.reception import Balance, Met, read_reception

_ENDS = (
    "answered",
    "declined",
    "dont_know",
    "no_preference",
    "not_relevant",
    "already_sorted",
    "skipped",
    "ignored",
    "dismissed",
)


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "reception", help="tell how each question was met, and how often nothing was asked"
    )
    parser.set_defaults(run=run)


def run(_: Namespace) -> int:
    """Show it; 1 where a question pauses because it was felt as a burden."""

    async def work(store: Store, _: Settings) -> tuple[Sequence[Met], Balance]:
        return await read_reception(store, datetime.now(UTC))

    met, balance = with_store(work)
    ends = (end.replace("_", " ") for end in _ENDS)
    table = Table("question", "asked", *ends, "others", "muted", "stopped", "annoyed", "pauses")
    for one in met:
        counts = [one.outcomes[end] for end in _ENDS]
        row = (one.asked, *counts, one.asked - sum(counts), one.muted, one.stopped, one.annoyed)
        table.add_row(one.question, *map(str, row), "pauses" if one.pauses else "")
    Console(file=sys.stdout, width=190).print(table)
    sys.stdout.write(
        f"Nothing was asked in {balance.silent} of {balance.decisions} decisions. For"
        f" {balance.told} answers {balance.given} tips and promises were given, beside the thanks.\n"
    )
    return 1 if any(one.pauses for one in met) else 0
