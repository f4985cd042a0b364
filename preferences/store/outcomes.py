"""Records what became of whom a destination was told of: taken, put off, refused, or not even sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Update,
    and_,
    bindparam,
    case,
    false,
    null,
    or_,
    select,
    update,
)
from sqlmodel import col

from preferences.store.engine import Store
from preferences.store.given import as_pages, pages
from preferences.store.outbox import Due
from preferences.store.tables import OutboxRow
from preferences.store.types import UtcTime

NEVER = timedelta(days=36_500)
"""How far away a dead letter is put: it does not come back by itself."""

_BACKOFF = [timedelta(seconds=wait) for wait in (5, 30, 120, 600, 1800, 3600)]


@dataclass(frozen=True, slots=True)
class Told:
    """A version that a destination has taken, the fields that are filled there now, and its name."""

    shopper: str
    version: int
    payload_hash: str
    held: frozenset[str] = frozenset()
    remote_id: str = ""


async def acknowledge(
    store: Store,
    destination: str,
    told: Sequence[Told],
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Record what a destination has taken; what is newer than that stays due, at once.

    `until` is the end of the lease under which it was told. Of whom another worker has claimed since
    then nobody knows what the destination holds: that one may have told it something else.
    """
    rows = [
        {
            "of": one.shopper,
            "sent": one.version,
            "holds": one.payload_hash,
            "filled": "\n".join(sorted(one.held)),
            "named": one.remote_id or None,
        }
        for one in told
    ]
    await _record(store, destination, _ACKNOWLEDGED, rows, now=now, until=until)


async def fail(
    store: Store, destination: str, failed: Mapping[Due, str], at_least: timedelta, now: datetime
) -> None:
    """Put off what could not be told, each with its reason, which must name no person.

    It is tried again, together, after the back-off less up to a quarter, not sooner than
    `at_least`; a newer state at once.
    """
    spread = uniform(0.75, 1)  # others that failed now come back at another moment
    as_often = defaultdict[int, dict[Due, str]](dict)
    for due, reason in failed.items():
        as_often[due.attempts][due] = reason
    for attempts, some in as_often.items():
        again = now + max(at_least, backoff(attempts + 1) * spread)
        await _record(store, destination, _FAILED, _with_reasons(some), now=now, again=again)


async def bury(
    store: Store, destination: str, refused: Mapping[Due, str], again: timedelta, now: datetime
) -> None:
    """Keep what a destination refuses as it is as dead letters, each with the reason.

    A newer state is told at once. A wish is never given up: it is told again after `again`.
    """
    moments = {"now": now, "again": now + again, "never": now + NEVER}
    await _record(store, destination, _BURIED, _with_reasons(refused), **moments)


async def give_back(store: Store, destination: str, claimed: Sequence[Due], now: datetime) -> None:
    """Let go of what was claimed: it is due again at once, and no attempt is counted."""
    rows = [{"of": due.shopper, "sent": due.version} for due in claimed]
    await _record(store, destination, _GIVEN_BACK, rows, now=now)


def backoff(attempts: int) -> timedelta:
    """Give the wait after so many attempts: 5 s after the first, 1 h at most."""
    return _BACKOFF[min(attempts, len(_BACKOFF)) - 1]


def _with_reasons(failed: Mapping[Due, str]) -> list[dict[str, Any]]:
    return [
        {"of": due.shopper, "sent": due.version, "reason": reason} for due, reason in failed.items()
    ]


async def _record(
    store: Store,
    destination: str,
    statement: Update,
    rows: Sequence[Mapping[str, Any]],
    **moments: datetime | None,
) -> None:
    """Record all of it at once: of each shopper one page, and the moments that all share."""
    if not rows:
        return
    async with store.begin() as session:
        connection = await session.connection()
        given = {"told": as_pages(rows), "to": destination, **moments}
        await connection.execute(statement, given)


def _moment(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=UtcTime)


_OF_IT = col(OutboxRow.destination) == bindparam("to")
_GIVEN = pages("told")

# Locked in one order, so that two never wait in a circle.
_TOLD = (
    select(col(OutboxRow.shopper_id), _GIVEN.c.value)
    .where(col(OutboxRow.shopper_id) == _GIVEN.c.value["of"].as_string(), _OF_IT)
    .order_by(col(OutboxRow.shopper_id))
    .with_for_update(of=OutboxRow)
    .cte("locked")
)
_PAGE = _TOLD.c.value
_SENT = _PAGE["sent"].as_integer()
_NEWER = col(OutboxRow.desired_version) > _SENT
_WISH = col(OutboxRow.urgent)

_EACH = (
    update(OutboxRow)
    .where(col(OutboxRow.shopper_id) == _TOLD.c.shopper_id, _OF_IT)
    .where(col(OutboxRow.synced_version) < _SENT)
)
_LEASE_IS_OURS = or_(_moment("until").is_(None), col(OutboxRow.next_attempt_at) == _moment("until"))
_ACKNOWLEDGED = _EACH.values(
    synced_version=_SENT,
    payload_hash=case((_LEASE_IS_OURS, _PAGE["holds"].as_string()), else_=null()),
    held=case((_LEASE_IS_OURS, _PAGE["filled"].as_string()), else_=col(OutboxRow.held)),
    remote_id=_PAGE["named"].as_string(),
    urgent=and_(col(OutboxRow.urgent), _NEWER),
    backfill=false(),
    attempts=0,
    last_error=null(),
    dirty_since=_moment("now"),
    next_attempt_at=case((_NEWER, _moment("now")), else_=col(OutboxRow.next_attempt_at)),
)
_AGAIN = {
    "attempts": col(OutboxRow.attempts) + 1,
    "last_error": _PAGE["reason"].as_string(),
}
_FAILED = _EACH.values(
    **_AGAIN,
    next_attempt_at=case((_NEWER, _moment("now")), else_=_moment("again")),
)
_BURIED = _EACH.values(
    **_AGAIN,
    dead_at=case((or_(_NEWER, _WISH), null()), else_=_moment("now")),
    next_attempt_at=case(
        (_NEWER, _moment("now")), (_WISH, _moment("again")), else_=_moment("never")
    ),
)
_GIVEN_BACK = _EACH.values(next_attempt_at=_moment("now"))
