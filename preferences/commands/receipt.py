"""`python -m preferences receipt SHOPPER`: to what a person said yes or no, as JSON."""

from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.commands.people import add_shopper, find, show, with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.receipts import receipt


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("receipt", help="print to what a shopper said yes or no, as JSON")
    add_shopper(parser)
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print it."""

    async def work(store: Store, settings: Settings) -> dict[str, Any]:
        shopper = await find(store, chosen.shopper)
        return await receipt(store, shopper, settings, datetime.now(UTC))

    show(with_store(work))
    return 0
