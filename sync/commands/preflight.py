"""`python -m sync preflight`: whether the fields, types and options are there; creates them if asked."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from preferences.settings import Settings
from preferences.store.destinations import resume
from preferences.store.outbox import retry
from sync.capabilities import Describing, FieldShape
from sync.commands.opening import Opened, with_destination

_TEXTS = frozenset({"text", "choice", "choices", "time", "date"})


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("preflight", help="see whether the CRM has what the mapping names")
    parser.add_argument("destination", nargs="?", default="", help="a CRM of ASKFIRST_DESTINATIONS")
    parser.add_argument("--create", action="store_true", help="create what is missing")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Compare, and create."""

    async def work(one: Opened, _settings: Settings) -> int:
        if not isinstance(one.connector, Describing):
            sys.stdout.write(f"{one.name} cannot tell its fields; see docs for what to create.\n")
            return 0
        wanted = one.mapped().shapes
        missing, wrong = compare(wanted, await one.connector.describe())
        if chosen.create and missing:
            await one.connector.create(missing)
            sys.stdout.write(f"Created: {', '.join(shape.name for shape in missing)}.\n")
            missing, wrong = compare(wanted, await one.connector.describe())
            # What was put off for want of a field goes on now.
            await resume(one.store, one.name)
            await retry(one.store, one.name, datetime.now(UTC))
        for shape in missing:
            options = f" with {', '.join(shape.options)}" if shape.options else ""
            sys.stdout.write(f"missing: {shape.name} ({shape.type}{options})\n")
        for sentence in wrong:
            sys.stdout.write(f"wrong: {sentence}\n")
        if missing:
            again = f"python -m sync preflight {one.name} --create"
            sys.stdout.write(f"{len(missing)} fields to create: `{again}` does.\n")
        if not (missing or wrong):
            sys.stdout.write(f"All is there: {len(wanted)} fields.\n")
        return 1 if missing or wrong else 0

    return with_destination(chosen, work)


def compare(
    wanted: Sequence[FieldShape], there: Mapping[str, FieldShape]
) -> tuple[list[FieldShape], list[str]]:
    """Give what is missing, whole fields or options of a choice, and what is there otherwise."""
    missing = [shape for shape in wanted if _lacks(shape, there.get(shape.name))]
    wrong = [sentence for shape in wanted for sentence in _differs(shape, there.get(shape.name))]
    return missing, wrong


def _lacks(shape: FieldShape, there: FieldShape | None) -> bool:
    if there is None:
        return True
    return bool(there.options) and not set(shape.options) <= set(there.options)


def _differs(shape: FieldShape, there: FieldShape | None) -> Iterator[str]:
    if there is None:
        return
    if there.type != shape.type and not ({there.type, shape.type} <= _TEXTS):
        yield f"{shape.name} is {there.type} and should be {shape.type}"
    if there.options and not shape.options:
        yield (
            f"{shape.name} takes only {', '.join(there.options)} and is to be given any text: "
            "write `type: choice` on the mapping page, or make it a text"
        )
    if shape.unique and not there.unique:
        yield f"{shape.name} is the key and must be unique"
