"""Deliveries of webhooks on their way: claimed by a sender for a while, settled afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.engine import Store, vault_of
from preferences.store.tables import ChangeRow, WebhookDeliveryRow, WebhookEndpointRow
from preferences.store.webhook_intake import TEST, URGENT, State
from preferences.store.webhooks import disable, lock_endpoint, secrets_of

LEASE = timedelta(seconds=45)
"""How long a claimed delivery is left to who claimed it; a post and its record must end sooner."""

PATIENCE = timedelta(days=5)
"""An endpoint that took nothing for so long is disabled."""

_Row = WebhookDeliveryRow


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery, claimed: what is to be said, under the name of its change."""

    id: str
    change: str
    type: str
    at: datetime
    shopper: str
    position: int
    detail: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Load:
    """What was claimed for one endpoint, and what its deliveries are signed with."""

    url: str
    secrets: tuple[str, ...]
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: `again` is when to try once more, None when this was the last.

    A test does not count against an endpoint.
    """

    delivery: str
    delivered: bool
    status: int | None
    error: str
    again: datetime | None
    counts: bool = True


async def due(store: Store, now: datetime) -> list[str]:
    """Give the endpoints that something is due for."""
    query = (
        select(WebhookEndpointRow.id)
        .where(
            exists().where(
                col(_Row.endpoint_id) == WebhookEndpointRow.id,
                *_due(now),
                or_(col(WebhookEndpointRow.disabled_at).is_(None), col(_Row.type) == TEST),
            )
        )
        .order_by(col(WebhookEndpointRow.id))
    )
    async with store.begin(readonly=True) as session:
        return list((await session.exec(query)).all())


async def claim(store: Store, endpoint: str, limit: int, now: datetime) -> Load | None:
    """Take what is due for a lease, the first lane first, at most one delivery per shopper.

    Nobody else gets it meanwhile, nor what the same shopper did later: that waits until it is
    settled. Only what is urgent waits no more once something before it has failed.
    """
    async with store.begin() as session:
        found = await session.get(WebhookEndpointRow, endpoint)
        if found is None:
            return None
        query = upcoming(endpoint, now).limit(limit).with_for_update(skip_locked=True)
        if found.disabled_at is not None:
            query = query.where(col(_Row.type) == TEST)
        rows = (await session.exec(query)).all()
        for row in rows:
            row.next_attempt_at = now + LEASE
        parcels = await _parcels(session, rows)
        return Load(found.url, secrets_of(vault_of(session), found, now), parcels)


async def settle(
    store: Store, endpoint: str, outcomes: Sequence[Outcome], *, gone: bool, now: datetime
) -> str:
    """Record what came of a load; give why the endpoint was disabled by it, or nothing.

    `gone` says that the endpoint asked for no more.
    """
    async with store.begin() as session:
        try:
            row = await lock_endpoint(session, endpoint)
        except NotFoundError:
            return ""  # it was removed with its deliveries
        for outcome in sorted(outcomes, key=lambda one: one.delivery):
            await _record(session, outcome, now)
        was_enabled = row.disabled_at is None
        _judge(row, outcomes, gone=gone, now=now)
        return (row.disabled_why or "") if was_enabled else ""


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(_Row.state) == "waiting", col(_Row.next_attempt_at) <= now


def upcoming(endpoint: str, now: datetime) -> Any:
    """Select what may be claimed, in its turn."""
    earlier = aliased(_Row)
    before = exists().where(
        col(earlier.endpoint_id) == col(_Row.endpoint_id),
        col(earlier.shopper_id) == col(_Row.shopper_id),
        col(earlier.state) == "waiting",
        col(earlier.position) < col(_Row.position),
    )
    overtakes = col(_Row.type).in_(URGENT) & before.where(col(earlier.attempts) > 0)
    held_up = before & ~overtakes
    at = col(_Row.next_attempt_at)
    next_at = func.coalesce(at, at)  # read in turn: SQLite would take the index by time, and sort
    return (
        select(_Row)
        .where(col(_Row.endpoint_id) == endpoint, col(_Row.state) == "waiting")
        .where(next_at <= now, ~held_up)
        .order_by(col(_Row.lane), col(_Row.position))
    )


async def _parcels(session: AsyncSession, rows: Sequence[WebhookDeliveryRow]) -> tuple[Parcel, ...]:
    """Read what the deliveries tell of; one whose change is erased, or no longer kept, goes too."""
    wanted = [row.change_id for row in rows if row.type != TEST]
    query = select(ChangeRow).where(col(ChangeRow.id).in_(wanted))
    changes = {row.id: row for row in (await session.exec(query)).all()}
    lost = [row.id for row in rows if row.type != TEST and row.change_id not in changes]
    if lost:
        await session.exec(delete(_Row).where(col(_Row.id).in_(lost)))
    return tuple(_parcel(row, changes.get(row.change_id)) for row in rows if row.id not in lost)


def _parcel(row: WebhookDeliveryRow, change: ChangeRow | None) -> Parcel:
    return Parcel(
        id=row.id,
        change=row.change_id,
        type=row.type,
        at=change.at if change else row.created_at,
        shopper=row.shopper_id,
        position=row.position,
        detail=change.detail if change else {},
        attempts=row.attempts,
    )


async def _record(session: AsyncSession, outcome: Outcome, now: datetime) -> None:
    waiting = outcome.again is not None
    state: State = "delivered" if outcome.delivered else "waiting" if waiting else "failed"
    await session.exec(
        update(_Row)
        .where(col(_Row.id) == outcome.delivery, col(_Row.state) == "waiting")
        .values(
            state=state,
            attempts=col(_Row.attempts) + 1,
            next_attempt_at=outcome.again or now,
            last_status=outcome.status,
            last_error=outcome.error or None,
            done_at=None if waiting else now,
        )
    )


def _judge(
    row: WebhookEndpointRow, outcomes: Sequence[Outcome], *, gone: bool, now: datetime
) -> None:
    if any(one.delivered for one in outcomes):
        row.failing_since = None
    elif any(one.counts for one in outcomes):
        row.failing_since = row.failing_since or now
    if gone:
        disable(row, "It answered 410: it wants nothing more.", now)
    elif row.failing_since is not None and row.failing_since <= now - PATIENCE:
        disable(row, f"It took nothing for {PATIENCE.days} days.", now)
