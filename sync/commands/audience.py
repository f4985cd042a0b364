"""`python -m sync audience PAGE`: those who permitted a purpose, as a file for a mail or advertising tool."""

import csv
import sys
from argparse import Namespace
from typing import Any

from preferences.catalogue import load_catalogue
from preferences.errors import BadInputError
from preferences.settings import load_settings
from preferences.store.engine import Store
from sync.audience import Audience, Choice
from sync.commands.storing import with_store
from sync.mapping import load_mapping

_FORMULA = ("=", "@", "-", "\t", "\r")


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "audience", help="print who permitted a purpose, as CSV for a mail or advertising tool"
    )
    parser.add_argument(
        "page", help="the mapping page with the columns: mail, google, meta, or yours"
    )
    parser.add_argument("--purpose", required=True, help="the permission, of purposes.yml")
    parser.add_argument(
        "--who-said",
        action="append",
        default=[],
        metavar="QUESTION=VALUE",
        help="those alone who said so; several: who said all of it",
    )
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print the rows, and on standard error how many they are.

    :raises BadInputError: there is no such page, purpose or answer.
    """
    settings = load_settings()
    audience = _audience(chosen, settings.mappings_dir)

    async def work(store: Store) -> int:
        await store.ping()
        writer = csv.DictWriter(sys.stdout, audience.columns, lineterminator="\n")
        writer.writeheader()
        count = 0
        async for row in audience.rows(store):
            writer.writerow({column: _cell(value) for column, value in row.items()})
            count += 1
        said = (
            f"{count} shoppers. Whoever withdraws stays in a file: make it anew before each use.\n"
        )
        sys.stderr.write(said)
        return 0

    return with_store(settings, work)


def _audience(chosen: Namespace, folder: Any) -> Audience:
    catalogue = load_catalogue()
    page = load_mapping(chosen.page, catalogue, folder)
    if page is None:
        message = f"There is no page {chosen.page}.yml; docs/sync.md says how one is written."
        raise BadInputError(message)
    if chosen.purpose not in catalogue.purposes:
        named = ", ".join(catalogue.purposes)
        message = f"There is no purpose {chosen.purpose}; purposes.yml has {named}."
        raise BadInputError(message)
    choices = [Choice.of(words, catalogue) for words in chosen.who_said]
    return Audience(page, chosen.purpose, choices)


def _cell(value: Any) -> Any:
    """Give a value that a spreadsheet shows and never runs."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
