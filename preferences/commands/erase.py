"""`python -m preferences erase SHOPPER --yes`: deletes a person here and in every CRM."""

import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.commands.people import add_shopper, find, with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.erasure import erase_shopper


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("erase", help="delete what is held of a shopper, and have CRMs told")
    add_shopper(parser)
    parser.add_argument("--yes", action="store_true", help="it cannot be undone: say so")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Delete, where it was confirmed; 1 where it was not."""
    if not chosen.yes:
        sys.stderr.write("This cannot be undone; add --yes to delete all that is held of them.\n")
        return 1

    async def work(store: Store, settings: Settings) -> None:
        shopper = await find(store, chosen.shopper)
        await erase_shopper(store, shopper, settings.destinations, datetime.now(UTC))

    with_store(work)
    sys.stdout.write("Deleted. The sync worker tells every CRM; the wish to be left alone stays.\n")
    return 0
