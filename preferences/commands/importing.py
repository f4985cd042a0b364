"""`python -m preferences import FILE`: takes in what `export` printed."""

import json
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from preferences.commands.people import with_store
from preferences.errors import BadInputError
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.importing import import_shopper

_STDIN = "-"


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("import", help="take in what `export` printed, into another store")
    parser.add_argument("file", help="the file, or - for stdin")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Keep it, and print the shopper's id.

    :raises BadInputError: the file is no export, or somebody of it is here already.
    """
    page = _page(chosen.file)

    async def work(store: Store, settings: Settings) -> str:
        return await import_shopper(store, page, settings.destinations, datetime.now(UTC))

    sys.stdout.write(f"{with_store(work)}\n")
    return 0


def _page(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8")
        page = json.loads(text)
    except OSError as error:
        message = f"The file cannot be read ({error.strerror}); name one that `export` made."
        raise BadInputError(message) from None
    except (ValueError, RecursionError):
        page = None
    if isinstance(page, dict):
        return page
    message = "The file holds no export: it is no JSON object."
    raise BadInputError(message)
