"""`python -m sync replay`: lists dead letters, and has them told again by reason or by time."""

import sys
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.settings import load_settings
from preferences.store.engine import Store
from preferences.store.letters import Letters, dead_letters, replay
from sync.commands.opening import chosen_name
from sync.commands.storing import with_store

_LISTED = 100


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("replay", help="have what was refused told again")
    parser.add_argument("destination", nargs="?", default="", help="a CRM of ASKFIRST_DESTINATIONS")
    parser.add_argument("--reason", default="", help="only where the reason has these words in it")
    parser.add_argument("--since", type=_moment, help="only what was refused from then on (ISO)")
    parser.add_argument("--until", type=_moment, help="only what was refused before then (ISO)")
    parser.add_argument("--list", action="store_true", help="print them and leave them as they are")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """List or replay."""
    settings = load_settings()
    name = chosen_name(settings, chosen)
    letters = Letters(chosen.reason, chosen.since, chosen.until)

    async def work(store: Store) -> int:
        if chosen.list:
            for one in await dead_letters(store, name, letters, _LISTED):
                sys.stdout.write(f"{one.at:%Y-%m-%dT%H:%M:%SZ}  {one.shopper}  {one.reason}\n")
            return 0
        count = await replay(store, name, letters, datetime.now(UTC))
        sys.stdout.write(f"{count} dead letters are told again.\n")
        return 0

    return with_store(settings, work)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no time; write it as in 2026-11-22 or 2026-11-22T14:30+01:00"
        raise ArgumentTypeError(message) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
