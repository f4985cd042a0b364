"""`python -m sync status`: how every destination stands; for people, or as JSON for an alarm."""

import asyncio
import json
import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from preferences.settings import load_settings
from preferences.store.destinations import Standing, read_standing
from preferences.store.engine import Store, open_own_store
from preferences.store.letters import dead_reasons
from preferences.store.told import why_put_off

_TROUBLE = 1


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("status", help="lag, counts, errors by reason, last success")
    parser.add_argument("--json", action="store_true", help="as one JSON document")
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print it; the exit code is 1 where one is paused, has dead letters or did not take a wish."""
    settings = load_settings()
    now = datetime.now(UTC)

    async def read() -> list[dict[str, Any]]:
        async with open_own_store(settings) as store:
            names = list(dict.fromkeys(settings.destinations))
            found = await read_standing(store, names, now)
            return [await _page(store, one, now) for one in found]

    pages = asyncio.run(read())
    if chosen.json:
        sys.stdout.write(f"{json.dumps({'at': _time(now), 'destinations': pages}, indent=2)}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for page in pages for line in _lines(page))
    return _TROUBLE if any(map(_needs_somebody, pages)) else 0


def _needs_somebody(page: dict[str, Any]) -> bool:
    return bool(page["paused"] or page["dead"] or page["failing_wishes"])


async def _page(store: Store, one: Standing, now: datetime) -> dict[str, Any]:
    lag = (now - one.behind_since).total_seconds() if one.behind_since else 0.0
    stopped = one.pause
    return {
        "destination": one.name,
        "waiting": dict(one.waiting),
        "failing": one.failing,
        "failing_wishes": one.failing_wishes,
        "dead": one.dead,
        "lag_seconds": round(max(lag, 0.0), 3),
        "last_success_at": _time(one.last_success_at),
        "pulled_at": _time(one.pulled_at),
        "paused": stopped
        and {"until": _time(stopped.until), "why": stopped.why, "reason": stopped.reason},
        "errors": {
            "failing": await why_put_off(store, one.name),
            "dead": await dead_reasons(store, one.name),
        },
    }


def _lines(page: dict[str, Any]) -> list[str]:
    waiting = ", ".join(f"{count} {lane}" for lane, count in page["waiting"].items() if count)
    wishes = page["failing_wishes"]
    lines = [
        f"{page['destination']}",
        f"  waiting       {waiting or 'nobody'}"
        + (f" (the longest for {page['lag_seconds']:.0f} s)" if waiting else ""),
        f"  failing       {page['failing']}" + (f" (wishes: {wishes})" if wishes else ""),
        *_reasons(page["errors"]["failing"]),
        f"  dead letters  {page['dead']}",
        *_reasons(page["errors"]["dead"]),
        f"  last success  {page['last_success_at'] or 'never'}",
    ]
    if page["paused"]:
        lines.append(f"  paused until  {page['paused']['until']}: {page['paused']['reason']}")
    return lines


def _reasons(counted: dict[str, int]) -> list[str]:
    return [f"    {count} x {reason}" for reason, count in counted.items()]


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
