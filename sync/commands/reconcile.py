"""`python -m sync reconcile`: reads back what a CRM holds, reports drift, and repairs it if asked."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

from preferences.profile import as_json
from preferences.settings import Settings
from preferences.store.outbox import Due
from preferences.store.profiles import read_profiles
from preferences.store.told import tell_again, told
from sync.capabilities import Lookup, Reading
from sync.commands.opening import Opened, with_destination
from sync.comparing import Drift, drift
from sync.preparing import before

_MISSING = "(no record)"


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("reconcile", help="compare what the CRM holds with what it was told")
    parser.add_argument("destination", nargs="?", default="", help="a CRM of ASKFIRST_DESTINATIONS")
    parser.add_argument(
        "--share", type=_share, default=1.0, help="look at a part of them, as in 0.05; all at first"
    )
    parser.add_argument("--repair", action="store_true", help="have what drifted told again")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Compare; the exit code is 1 where something drifted."""

    async def work(one: Opened, _settings: Settings) -> int:
        if not isinstance(one.connector, Reading):
            sys.stdout.write(f"{one.name} cannot be read back.\n")
            return 0
        looked, drifted, by_field = 0, list[str](), Counter[str]()
        async for due, found in _compared(one, one.connector, chosen.share):
            looked += 1
            by_field.update(each.field for each in found)
            if found:
                drifted.append(due.shopper)
        for field, count in by_field.most_common():
            sys.stdout.write(f"{field}: {count} differ\n")
        sys.stdout.write(f"{looked} records read, {len(drifted)} drifted.\n")
        if chosen.repair and drifted:
            await tell_again(one.store, one.name, drifted, datetime.now(UTC))
            sys.stdout.write(f"{len(drifted)} are told again.\n")
        return 1 if drifted else 0

    return with_destination(chosen, work)


async def _compared(
    one: Opened, crm: Reading, share: float
) -> AsyncIterator[tuple[Due, list[Drift]]]:
    """Compare who is told and is not changing; somebody who should have no record has no drift."""
    names = [rule.to for rule in one.mapped().rules if rule.pushed]
    random, last = Random(), ""
    while page := await told(one.store, one.name, last, one.connector.batch_size):
        last = page[-1].shopper
        chosen = [due for due in page if due.held and random.random() < share]
        profiles = await read_profiles(one.store, [due.shopper for due in chosen])
        asked = [Lookup(due.shopper, due.remote_id) for due in chosen]
        there = await crm.read(asked, names) if asked else {}
        for due in chosen:
            record = there.get(due.shopper)
            if record is None:
                yield due, [Drift(_MISSING, due.shopper, None)]
            else:
                body = as_json(profiles[due.shopper])
                yield due, drift(one.mapped(), body, before(due), record.fields)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        message = f"{text!r} is no part; write it as in 0.05, or 1 for all"
        raise ArgumentTypeError(message)
    return share
