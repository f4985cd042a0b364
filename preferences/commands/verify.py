"""`python -m preferences verify SHOPPER`: whether what is held of a person fits its proof."""

import sys
from argparse import Namespace
from typing import Any

from preferences.commands.people import add_shopper, find, with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.verifying import Finding, verify


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("verify", help="check what is held of a shopper against its proof")
    add_shopper(parser)
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print what is wrong, and what to do; 1 if there is anything."""

    async def work(store: Store, _settings: Settings) -> list[Finding]:
        return await verify(store, await find(store, chosen.shopper))

    findings = with_store(work)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if not findings:
        sys.stdout.write("All of it is proved.\n")
    return 1 if findings else 0
