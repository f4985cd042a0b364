"""The log of what was sent to a webhook endpoint, and what is sent once more because of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.changes import Change, ChangeType
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.tables import ChangeRow, WebhookDeliveryRow
from preferences.store.webhook_intake import FIRST_LANE, TEST, State, delivery
from preferences.store.webhooks import lock_endpoint, read_endpoint

_Row = WebhookDeliveryRow


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as the log shows it; `replay` counts how often it was asked for once more."""

    id: str
    change: str
    replay: int
    type: str
    shopper: str
    position: int
    state: State
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Range:
    """Changes from one position or time to another, both included; what is None has no end."""

    first: int | datetime
    last: int | datetime | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many are sent once more; where there are others, from which position on to ask again."""

    count: int
    rest_from: int | None


async def read_deliveries(
    store: Store, endpoint: str, state: State | None, before: str | None, limit: int
) -> list[Delivery]:
    """Give the deliveries of an endpoint, the newest first; `before` is the last one's id.

    :raises NotFoundError: there is no such endpoint, or no such delivery.
    """
    await read_endpoint(store, endpoint)
    query = select(_Row).where(col(_Row.endpoint_id) == endpoint)
    if state is not None:
        query = query.where(col(_Row.state) == state)
    async with store.begin(readonly=True) as session:
        if before is not None:
            last = await _found(session, before)
            query = query.where(_older(last))
        ordered = query.order_by(col(_Row.created_at).desc(), col(_Row.id).desc()).limit(limit)
        return [_delivery(row) for row in (await session.exec(ordered)).all()]


async def read_delivery(store: Store, of: str) -> Delivery:
    """Give one delivery.

    :raises NotFoundError: there is none of that id.
    """
    async with store.begin(readonly=True) as session:
        return _delivery(await _found(session, of))


async def add_test(store: Store, endpoint: str, now: datetime) -> str:
    """Have a test event sent to an endpoint, even a disabled one; give the delivery's id.

    :raises NotFoundError: there is no such endpoint.
    """
    row = WebhookDeliveryRow(
        id=new_id(),
        endpoint_id=endpoint,
        change_id=f"test_{new_id()}",
        shopper_id="",
        type=TEST,
        position=0,
        lane=FIRST_LANE,
        next_attempt_at=now,
        created_at=now,
    )
    async with store.begin() as session:
        await lock_endpoint(session, endpoint)
        session.add(row)
    return row.id


async def replay(store: Store, endpoint: str, wanted: Range, limit: int, now: datetime) -> Replayed:
    """Send changes of a range once more, `limit` of them looked at; those under way are left out.

    With a state, only those whose last delivery stands so; without, also what the endpoint was
    never told, from before it was added. What comes after its position it will hear anyway.

    :raises NotFoundError: there is no such endpoint.
    """
    async with store.begin() as session:
        row = await lock_endpoint(session, endpoint)
        query = (
            select(ChangeRow)
            .where(*_within(wanted), col(ChangeRow.position) <= row.position)
            .order_by(col(ChangeRow.position))
            .limit(limit + 1)
        )
        if row.types:
            query = query.where(col(ChangeRow.type).in_(row.types))
        changes = [_change(one) for one in (await session.exec(query)).all()]
        last = await _last(session, endpoint, {one.id for one in changes[:limit]})
        again = [
            delivery(endpoint, one, now, replay=last[one.id].replay + 1 if one.id in last else 0)
            for one in changes[:limit]
            if _is_wanted(last.get(one.id), wanted.state)
        ]
        session.add_all(again)
    return Replayed(len(again), changes[limit].position if changes[limit:] else None)


def _older(than: WebhookDeliveryRow) -> ColumnElement[bool]:
    made = col(_Row.created_at)
    return or_(made < than.created_at, and_(made == than.created_at, col(_Row.id) < than.id))


def _within(wanted: Range) -> list[ColumnElement[bool]]:
    conditions = list[ColumnElement[bool]]()
    match wanted.first:
        case datetime() as start:
            conditions.append(col(ChangeRow.at) >= start)
        case position:
            conditions.append(col(ChangeRow.position) >= position)
    match wanted.last:
        case None:
            pass
        case datetime() as end:
            conditions.append(col(ChangeRow.at) <= end)
        case position:
            conditions.append(col(ChangeRow.position) <= position)
    return conditions


async def _last(
    session: AsyncSession, endpoint: str, changes: Collection[str]
) -> dict[str, WebhookDeliveryRow]:
    query = (
        select(_Row)
        .where(col(_Row.endpoint_id) == endpoint, col(_Row.change_id).in_(changes))
        .order_by(col(_Row.replay))
    )
    return {row.change_id: row for row in (await session.exec(query)).all()}


def _is_wanted(last: WebhookDeliveryRow | None, state: State | None) -> bool:
    if last is None:
        return state is None
    return last.state != "waiting" and state in {None, last.state}


async def _found(session: AsyncSession, of: str) -> WebhookDeliveryRow:
    row = await session.get(_Row, of)
    if row is None:
        message = "There is no such delivery; begin again without `before`."
        raise NotFoundError(message)
    return row


def _change(row: ChangeRow) -> Change:
    type_ = cast("ChangeType", row.type)
    return Change(row.id, row.position or 0, row.shopper_id, type_, row.detail, row.at)


def _delivery(row: WebhookDeliveryRow) -> Delivery:
    state = cast("State", row.state)
    return Delivery(
        id=row.id,
        change=row.change_id,
        replay=row.replay,
        type=row.type,
        shopper=row.shopper_id,
        position=row.position,
        state=state,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if state == "waiting" else None,
        last_status=row.last_status,
        last_error=row.last_error or "",
        created_at=row.created_at,
        done_at=row.done_at,
    )
