"""`python -m preferences experiments`: how the question of each experiment was met, arm by arm."""

import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from preferences.choosing.experiments import stop_name
from preferences.choosing.pausing import Reception
from preferences.commands.people import with_store
from preferences.policy import Experiment, load_policy
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.pausing import read_arms
from preferences.store.states import read_paused


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("experiments", help="tell what came of each arm of each experiment")
    parser.set_defaults(run=run)


def run(_: Namespace) -> int:
    """Show the arms of every experiment of the policy."""
    experiments, now = load_policy().experiments, datetime.now(UTC)
    if not experiments:
        sys.stdout.write("policy.yml has no experiment.\n")
        return 0

    async def work(store: Store, _: Settings) -> list[tuple[Experiment, list[Reception], bool]]:
        async with store.begin(readonly=True) as session:
            paused = await read_paused(session)
        return [
            (one, await read_arms(store, one, now), stop_name(one) in paused) for one in experiments
        ]

    table = Table("experiment", "arm", "asked", "declined", "then stopped", "state")
    for one, arms, is_over in with_store(work):
        state = "stopped" if is_over else f"until {one.until}"
        for met in arms:
            counts = (str(met.asks), str(met.declined), str(met.opted_out))
            table.add_row(one.id, met.question, *counts, state)
        if not arms:
            table.add_row(one.id, "", "0", "0", "0", state)
    Console(file=sys.stdout, width=100).print(table)
    return 0
