"""`python -m preferences orders FILE.csv`: takes in orders of the past, again wherever it stopped."""

import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from rich.progress import Progress

from preferences.commands.people import with_store
from preferences.errors import BadInputError, UnavailableError
from preferences.orders_file import COLUMNS, Entry, read_csv, read_ndjson
from preferences.policy import Policy, load_policy
from preferences.purchases import Purchase
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.purchases import Kept, keep_purchases

_BATCH = 100
_SHOWN = 10


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser(
        "orders",
        help="take in orders from a CSV or NDJSON file; lines that are wrong are set aside",
        epilog=f"Columns of a CSV file: {', '.join(COLUMNS)}. docs/orders.md says what each means.",
    )
    parser.add_argument("file", type=Path, help="FILE.csv, or FILE.ndjson with one order a line")
    parser.add_argument("--check", action="store_true", help="only read it, and keep nothing")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Read all of it, keep what is right, and set aside the rest; 1 if there is any of that.

    :raises BadInputError: it cannot be read at all, or its columns are not named.
    """
    policy, now = load_policy(), datetime.now(UTC)
    found = Counter[str]()
    good = _check(chosen.file, now, found)
    if good and not chosen.check:

        async def work(store: Store, _settings: Settings) -> None:
            await _keep(store, chosen.file, now, policy, found, good)

        with_store(work)
    _say(found, chosen.file)
    return 1 if found["wrong"] else 0


def _check(file: Path, now: datetime, found: Counter[str]) -> int:
    """Write what is wrong beside the file, say where it is, and count the orders that are right."""
    wrong, good = _aside(file), 0
    draft = wrong.with_name(f"{wrong.name}.{os.getpid()}")
    try:
        with open(draft, "x", encoding="utf-8", opener=_private) as page:
            for entry in _read(file, now):
                good += entry.purchase is not None
                if entry.problem:
                    found["wrong"] += 1
                    page.write(_line(entry))
                    if found["wrong"] <= _SHOWN:
                        sys.stderr.write(f"line {entry.numbers[0]}: {entry.problem}\n")
                elif entry.purchase is None:
                    found["test"] += 1
        if found["wrong"]:
            draft.replace(wrong)
        else:
            wrong.unlink(missing_ok=True)  # of a former time
    except OSError as error:
        message = f"{wrong} cannot be written ({error.strerror}); copy the file to another folder."
        raise BadInputError(message) from None
    finally:
        draft.unlink(missing_ok=True)
    return good


async def _keep(
    store: Store, file: Path, now: datetime, policy: Policy, found: Counter[str], total: int
) -> None:
    orders = (entry.purchase for entry in _read(file, now) if entry.purchase is not None)
    with Progress() as bar:
        task = bar.add_task("Orders", total=total)
        for some in batched(orders, _BATCH):
            found.update(kept.became for kept in await _keep_some(store, some, policy, now))
            bar.advance(task, len(some))


async def _keep_some(
    store: Store, orders: Sequence[Purchase], policy: Policy, now: datetime
) -> list[Kept]:
    """Keep some orders in one go; one by one where somebody else tells of the same shoppers."""
    try:
        return await keep_purchases(store, orders, policy, now)
    except UnavailableError:
        return [
            kept for order in orders for kept in await keep_purchases(store, [order], policy, now)
        ]


def _read(file: Path, now: datetime) -> Iterator[Entry]:
    if file.suffix not in {".csv", ".ndjson"}:
        message = "The file has to end in .csv or .ndjson."
        raise BadInputError(message)
    read = read_csv if file.suffix == ".csv" else read_ndjson
    try:
        with file.open(encoding="utf-8-sig", newline="") as page:
            yield from read(page, now)
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror})."
        raise BadInputError(message) from None
    except UnicodeDecodeError:
        message = f"{file} is not written in UTF-8; save it so."
        raise BadInputError(message) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _aside(file: Path) -> Path:
    return file.with_name(f"{file.name}.rejected.ndjson")


def _line(entry: Entry) -> str:
    page = {"lines": list(entry.numbers), "problem": entry.problem, "order": entry.page}
    return json.dumps(page, ensure_ascii=False) + "\n"


def _say(found: Counter[str], file: Path) -> None:
    told = {
        "kept": "kept",
        "known": "known already",
        "waiting": "over before they were told of",
        "nobody": "name no shopper, and are not kept",
        "erased": "of shoppers who had everything deleted, and are not kept",
        "test": "tests, and are not kept",
    }
    for became, words in told.items():
        if found[became]:
            sys.stdout.write(f"{found[became]} {words}\n")
    if found["wrong"]:
        sys.stdout.write(f"{found['wrong']} wrong: mend them in {_aside(file)}\n")
