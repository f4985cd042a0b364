"""`python -m preferences export SHOPPER`: everything that is held of a person, as JSON."""

from argparse import Namespace
from typing import Any

from preferences.commands.people import add_shopper, find, show, with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.export import export_shopper


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("export", help="print everything that is held of a shopper, as JSON")
    add_shopper(parser)
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print it."""

    async def work(store: Store, _settings: Settings) -> dict[str, Any]:
        return await export_shopper(store, await find(store, chosen.shopper))

    show(with_store(work))
    return 0
