"""`python -m sync plan`: what would be written now, per field, without writing anything."""

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from rich.console import Console
from rich.table import Table

from preferences.settings import Settings
from preferences.store.outbox import Due
from preferences.store.profiles import read_profiles
from preferences.store.told import untold
from sync.capabilities import Lookup, Reading
from sync.commands.opening import Opened, with_destination
from sync.comparing import same
from sync.delivery import Delivery
from sync.fields import settled
from sync.preparing import before, needs_no_telling, prepare

_PAGE = 100


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("plan", help="show what would be written, without writing it")
    parser.add_argument("destination", nargs="?", default="", help="a CRM of ASKFIRST_DESTINATIONS")
    parser.add_argument(
        "--each", action="store_true", help="print each shopper's fields as JSON lines, with values"
    )
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print what would happen."""

    async def work(one: Opened, _settings: Settings) -> int:
        one.mapped()
        filled, emptied, kept = Counter[str](), Counter[str](), Counter[str]()
        shoppers = nobody = 0
        async for delivery, there in _planned(one):
            if delivery is None:
                nobody += 1
                continue
            shoppers += 1
            for field, value in delivery.fields.items():
                known = there is not None and same(value, there.get(field))
                (kept if known else emptied if value is None else filled)[field] += 1
            if chosen.each:
                line = {"shopper": delivery.shopper, "fields": dict(delivery.fields)}
                sys.stdout.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        if not chosen.each:
            if shoppers:
                _print(one, filled, emptied, kept)
            told = f"{shoppers} shoppers would be told of, {nobody} need no telling."
            sys.stdout.write(f"{told} Nothing was sent.\n")
        return 0

    return with_destination(chosen, work)


async def _planned(one: Opened) -> AsyncIterator[tuple[Delivery | None, dict[str, Any] | None]]:
    """Give what each would be told, and what the CRM holds now, where it can be read."""
    last = ""
    size = min(_PAGE, one.connector.batch_size)
    while page := await untold(one.store, one.name, last, size):
        last = page[-1].shopper
        profiles = await read_profiles(one.store, [due.shopper for due in page])
        pairs = [(due, prepare(profiles[due.shopper], due, one.mapping)) for due in page]
        there = await _held(one, [told for _, told in pairs])
        for due, delivery in pairs:
            if needs_no_telling(delivery, due, one.mapping):
                yield None, None
            else:
                yield _settled(one, due, delivery, there.get(due.shopper)), there.get(due.shopper)


async def _held(one: Opened, deliveries: list[Delivery]) -> dict[str, dict[str, Any]]:
    if not isinstance(one.connector, Reading):
        return {}
    names = sorted({name for delivery in deliveries for name in delivery.fields})
    asked = [Lookup(delivery.shopper, delivery.remote_id) for delivery in deliveries]
    records = await one.connector.read(asked, names)
    return {shopper: dict(record.fields) for shopper, record in records.items()}


def _settled(one: Opened, due: Due, delivery: Delivery, there: dict[str, Any] | None) -> Delivery:
    fields = settled(one.mapped(), delivery.fields, there, before(due))
    return Delivery(due.shopper, due.version, delivery.profile, delivery.digest, fields)


def _print(one: Opened, filled: Counter[str], emptied: Counter[str], kept: Counter[str]) -> None:
    table = Table("field", "would be filled", "would be emptied", "is so already", box=None)
    for rule in one.mapped().rules:
        counts = [str(counter[rule.to]) for counter in (filled, emptied, kept)]
        if any(count != "0" for count in counts):
            table.add_row(rule.to, *counts)
    Console(file=sys.stdout).print(table)
