"""`python -m preferences resume QUESTION`: lets a question be asked again that had to pause."""

import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.pausing import ask_again


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("resume", help="let a question go on that paused by itself")
    parser.add_argument("question", help="its id, as in gift_or_self")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Let it go on; what came of it before counts no more."""

    async def work(store: Store, _: Settings) -> None:
        await ask_again(store, chosen.question, datetime.now(UTC))

    with_store(work)
    sys.stdout.write(f"{chosen.question} may be asked again.\n")
    return 0
