"""`python -m preferences keys issue|list|revoke`: the keys of the API, without one of them."""

import sys
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import Any

from preferences.commands.people import with_store
from preferences.settings import Settings
from preferences.store.engine import Store
from preferences.store.keys import LONGEST, SCOPES, KeyEntry, issue_key, list_keys, revoke_key

_DAYS = 90


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("keys", help="issue, list and revoke the keys of the API")
    parser.set_defaults(run=run)
    deeds = parser.add_subparsers(dest="deed", required=True)
    issue = deeds.add_parser("issue", help="make a key and print it: it is shown only once")
    issue.add_argument("--label", required=True, help="whose it is: a program, never a person")
    issue.add_argument("--scopes", required=True, help=f"with commas, from {', '.join(SCOPES)}")
    issue.add_argument(
        "--days", type=int, default=_DAYS, help=f"how long it lasts, {_DAYS} at first"
    )
    deeds.add_parser("list", help="print every key that was issued, without the key itself")
    revoke = deeds.add_parser("revoke", help="end a key: the next request with it fails")
    revoke.add_argument("id", help="the id of the key, as `keys list` prints it")


def run(chosen: Namespace) -> int:
    """Do what is asked for."""
    now = datetime.now(UTC)

    async def work(store: Store, _settings: Settings) -> str:
        match chosen.deed:
            case "issue":
                scopes = [scope.strip() for scope in chosen.scopes.split(",") if scope.strip()]
                lasts = timedelta(days=min(chosen.days, LONGEST.days + 1))
                return await issue_key(store, chosen.label, scopes, lasts, now)
            case "revoke":
                await revoke_key(store, chosen.id, now)
                return f"The key {chosen.id} opens nothing any more."
            case _:
                return "\n".join(_line(entry, now) for entry in await list_keys(store))

    sys.stdout.write(f"{with_store(work)}\n")
    return 0


def _line(entry: KeyEntry, now: datetime) -> str:
    state = "in force" if entry.in_force(now) else "revoked" if entry.revoked_at else "over"
    until = f"until {entry.expires_at:%Y-%m-%d}"
    return f"{entry.id}  {state:8}  {until}  {','.join(entry.scopes)}  {entry.label}"
