"""Endpoints of outgoing webhooks: who wants to hear of which changes, and how it is signed."""

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes

from sqlalchemy import delete
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.changes import ChangeType, head_position
from preferences.store.engine import Store, vault_of
from preferences.store.ids import new_id
from preferences.store.sealed import put_sealed, read_text
from preferences.store.tables import WebhookDeliveryRow, WebhookEndpointRow
from preferences.store.vault import Vault

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where somebody hears of changes of some types, or of all where `types` is empty.

    `position` is up to where changes were taken up; `disabled_why` is empty while it is enabled.
    """

    id: str
    url: str
    types: tuple[str, ...]
    position: int
    created_at: datetime
    failing_since: datetime | None
    old_secret_until: datetime | None
    disabled_at: datetime | None
    disabled_why: str


async def add_endpoint(
    store: Store, url: str, types: Collection[ChangeType], now: datetime
) -> tuple[Endpoint, str]:
    """Add an endpoint that hears of what happens from now on; give its secret, shown only here."""
    secret, position = _new_secret(), await head_position(store)
    row = WebhookEndpointRow(
        id=new_id(),
        url=url,
        types=sorted(set(types)),
        sealed_secret="",
        position=position,
        created_at=now,
    )
    put_sealed(store.vault, row, "secret", secret)
    async with store.begin() as session:
        session.add(row)
    return _endpoint(row), secret


async def read_endpoints(store: Store) -> list[Endpoint]:
    """Give every endpoint, the oldest first."""
    query = select(WebhookEndpointRow).order_by(
        col(WebhookEndpointRow.created_at), col(WebhookEndpointRow.id)
    )
    async with store.begin(readonly=True) as session:
        return [_endpoint(row) for row in (await session.exec(query)).all()]


async def read_endpoint(store: Store, endpoint: str) -> Endpoint:
    """Give one endpoint.

    :raises NotFoundError: there is none of that id.
    """
    async with store.begin(readonly=True) as session:
        row = await session.get(WebhookEndpointRow, endpoint)
    if row is None:
        raise _unknown()
    return _endpoint(row)


async def remove_endpoint(store: Store, endpoint: str) -> None:
    """Remove an endpoint with the log of its deliveries.

    :raises NotFoundError: there is none of that id.
    """
    async with store.begin() as session:
        row = await lock_endpoint(session, endpoint)
        await session.exec(
            delete(WebhookDeliveryRow).where(col(WebhookDeliveryRow.endpoint_id) == endpoint)
        )
        await session.delete(row)


async def rotate_secret(store: Store, endpoint: str, overlap: timedelta, now: datetime) -> str:
    """Give a new secret; what is sent is signed with the old one too until the overlap is over.

    :raises NotFoundError: there is no endpoint of that id.
    """
    secret = _new_secret()
    async with store.begin() as session:
        row = await lock_endpoint(session, endpoint)
        vault = vault_of(session)
        put_sealed(vault, row, "old_secret", read_text(vault, row, "secret"))
        put_sealed(vault, row, "secret", secret)
        row.old_secret_until = now + overlap
    return secret


async def enable_endpoint(store: Store, endpoint: str, now: datetime) -> Endpoint:
    """Enable an endpoint again: it goes on where it stopped, and what waited is due at once.

    :raises NotFoundError: there is none of that id.
    """
    async with store.begin() as session:
        row = await lock_endpoint(session, endpoint)
        if row.disabled_at is not None:
            row.disabled_at = row.disabled_why = row.failing_since = None
            await session.exec(
                update(WebhookDeliveryRow)
                .where(col(WebhookDeliveryRow.endpoint_id) == endpoint)
                .where(col(WebhookDeliveryRow.state) == "waiting")
                .values(attempts=0, next_attempt_at=now)
            )
    return _endpoint(row)


async def disable_endpoint(store: Store, endpoint: str, why: str, now: datetime) -> Endpoint:
    """Send nothing more to an endpoint until it is enabled again; what waits is kept.

    :raises NotFoundError: there is none of that id.
    """
    async with store.begin() as session:
        row = await lock_endpoint(session, endpoint)
        disable(row, why, now)
    return _endpoint(row)


def disable(row: WebhookEndpointRow, why: str, now: datetime) -> None:
    """Disable an endpoint that is locked; the first reason stays."""
    if row.disabled_at is None:
        row.disabled_at, row.disabled_why = now, why


async def lock_endpoint(session: AsyncSession, endpoint: str) -> WebhookEndpointRow:
    """Give an endpoint's row, kept from every other writer; it is locked before its deliveries.

    :raises NotFoundError: there is none of that id.
    """
    query = select(WebhookEndpointRow).where(WebhookEndpointRow.id == endpoint)
    row = (await session.exec(query.with_for_update(key_share=True))).first()
    if row is None:
        raise _unknown()
    return row


def secrets_of(vault: Vault, row: WebhookEndpointRow, now: datetime) -> tuple[str, ...]:
    """Give what signs at this moment: the secret, and an old one that is not over yet."""
    secret = read_text(vault, row, "secret")
    if row.old_secret_until is None or row.old_secret_until <= now:
        return (secret,)
    return (secret, read_text(vault, row, "old_secret"))


def _new_secret() -> str:
    return f"whsec_{b64encode(token_bytes(_SECRET_BYTES)).decode()}"


def _unknown() -> NotFoundError:
    return NotFoundError("There is no such webhook; GET /v1/webhooks lists them.")


def _endpoint(row: WebhookEndpointRow) -> Endpoint:
    return Endpoint(
        id=row.id,
        url=row.url,
        types=tuple(row.types),
        position=row.position,
        created_at=row.created_at,
        failing_since=row.failing_since,
        old_secret_until=row.old_secret_until,
        disabled_at=row.disabled_at,
        disabled_why=row.disabled_why or "",
    )
