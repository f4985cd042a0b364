"""Makes deliveries of the changes that an endpoint of webhooks has not taken up yet."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.changes import Change, place, read_changes
from preferences.store.engine import Store
from preferences.store.ids import new_id
from preferences.store.tables import ChangeFeedRow, WebhookDeliveryRow, WebhookEndpointRow

type State = Literal["waiting", "delivered", "failed"]

TEST = "askfirst.test"
"""The type of an event that nothing happened for: it is sent once, to a disabled endpoint too."""

URGENT = frozenset(
    {
        *("shopper.erased", "suppression.added"),
        *("consent.refused", "consent.withdrawn", "consent.objected"),
    }
)
"""What is told before all else, with what the same shopper did before it."""

FIRST_LANE, LANE = 0, 1


async def behind(store: Store) -> list[tuple[str, int]]:
    """Give the enabled endpoints that have not taken up every change, with their positions."""
    query = (
        select(WebhookEndpointRow.id, WebhookEndpointRow.position)
        .where(col(WebhookEndpointRow.disabled_at).is_(None))
        .order_by(col(WebhookEndpointRow.id))
    )
    async with store.begin(readonly=True) as session:
        endpoints = (await session.exec(query)).all()
    if not endpoints:
        return []
    await place(store)
    async with store.begin(readonly=True) as session:
        head = (await session.exec(select(ChangeFeedRow.position))).first() or 0
    return [(endpoint, position) for endpoint, position in endpoints if position < head]


async def take_up(store: Store, endpoint: str, after: int, limit: int, now: datetime) -> int | None:
    """Make deliveries of the next changes for an endpoint; give its new position.

    None says that there are none, or that another process is taking them up.

    :raises GoneError: some of them are not kept any more.
    """
    changes = await read_changes(store, after, limit)
    if not changes:
        return None
    async with store.begin() as session:
        row = await _free(session, endpoint, after)
        if row is None:
            return None
        row.position = changes[-1].position
        await _enqueue(session, row, changes, now)
    return changes[-1].position


async def skip_lost(store: Store, endpoint: str, after: int) -> None:
    """Go on with the oldest change that is kept, where those before it are lost to an endpoint."""
    async with store.begin() as session:
        kept = (await session.exec(select(ChangeFeedRow.kept_after))).first() or 0
        row = await _free(session, endpoint, after)
        if row is not None:
            row.position = max(row.position, kept)


async def _free(session: AsyncSession, endpoint: str, position: int) -> WebhookEndpointRow | None:
    """Lock an endpoint that nobody else is taking changes up for, and nobody has since."""
    query = select(WebhookEndpointRow).where(
        WebhookEndpointRow.id == endpoint,
        WebhookEndpointRow.position == position,
        col(WebhookEndpointRow.disabled_at).is_(None),
    )
    return (await session.exec(query.with_for_update(key_share=True, skip_locked=True))).first()


async def _enqueue(
    session: AsyncSession, endpoint: WebhookEndpointRow, changes: Iterable[Change], now: datetime
) -> None:
    wanted = [one for one in changes if not endpoint.types or one.type in endpoint.types]
    hurried = {one.shopper for one in wanted if one.type in URGENT}
    await session.exec(
        update(WebhookDeliveryRow)
        .where(
            col(WebhookDeliveryRow.endpoint_id) == endpoint.id,
            col(WebhookDeliveryRow.shopper_id).in_(hurried),
        )
        .where(col(WebhookDeliveryRow.state) == "waiting")
        .values(lane=FIRST_LANE)
    )
    session.add_all(
        delivery(endpoint.id, one, now, lane=FIRST_LANE if one.shopper in hurried else LANE)
        for one in wanted
    )


def delivery(
    endpoint: str, change: Change, now: datetime, *, replay: int = 0, lane: int = LANE
) -> WebhookDeliveryRow:
    """Make the row of a delivery that is due at once."""
    return WebhookDeliveryRow(
        id=new_id(),
        endpoint_id=endpoint,
        change_id=change.id,
        replay=replay,
        shopper_id=change.shopper,
        type=change.type,
        position=change.position,
        lane=lane,
        next_attempt_at=now,
        created_at=now,
    )
