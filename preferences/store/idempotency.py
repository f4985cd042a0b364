"""Remembers what a request was answered, so that the same request sent again is done once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import AskfirstError, BadInputError
from preferences.profile import ERASED
from preferences.store.engine import Store, vault_of
from preferences.store.tables import IdempotencyRow, ShopperRow, SuppressionRow

KEPT = timedelta(hours=24)
"""How long an answer is remembered."""

_LEASE = timedelta(minutes=1)
_UNDER_WAY = 0
_COLUMN = "idempotency.body"


class BusyError(AskfirstError):
    """The same request is being done this moment: send it again in a little."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A request that shall be done once: `sha256` tells it from another under the same key."""

    key_id: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a request was answered."""

    status: int
    body: str


async def begin_errand(store: Store, errand: Errand, now: datetime) -> Remembered | None:
    """Give the answer of an errand that was done before; None where the caller has to do it now.

    Who began it and never ended it is given a minute, then somebody else may.

    :raises BadInputError: the key was used for another request.
    :raises BusyError: the same request is under way.
    """
    async with store.begin() as session:
        await _forget_old(session, errand.key_id, now)
        if await _claimed(session, errand, now):
            return None
        found = await session.get_one(IdempotencyRow, (errand.key_id, errand.key))
        if found.request_sha256 != errand.sha256:
            message = "This Idempotency-Key was used for another request; make a new one."
            raise BadInputError(message, field="Idempotency-Key")
        if found.status != _UNDER_WAY:
            return Remembered(found.status, vault_of(session).open(found.sealed_body, *_of(errand)))
        if now < found.at + _LEASE:
            message = "The same request is being done; send it again in a few seconds."
            raise BusyError(message)
        found.at = now
    return None


async def end_errand(
    store: Store, errand: Errand, answer: Remembered, shopper: str | None, now: datetime
) -> None:
    """Remember the answer; `shopper` is whom it tells of, and whose erasure removes it.

    Nothing is remembered of who had everything deleted: the request is done anew if it comes again.
    """
    async with store.begin() as session:
        erased = shopper is not None and await _is_erased(session, shopper)
        row = await session.get(IdempotencyRow, (errand.key_id, errand.key), with_for_update=True)
        if row is None:  # an erasure was quicker
            return
        if erased:
            await session.delete(row)
            return
        row.status, row.shopper_id, row.at = answer.status, shopper, now
        row.sealed_body = vault_of(session).seal(answer.body, *_of(errand))


async def drop_errand(store: Store, errand: Errand) -> None:
    """Forget an errand that was not done: it may be tried again at once."""
    async with store.begin() as session:
        await session.exec(
            delete(IdempotencyRow).where(
                col(IdempotencyRow.key_id) == errand.key_id,
                col(IdempotencyRow.key) == errand.key,
                col(IdempotencyRow.status) == _UNDER_WAY,
            )
        )


async def _is_erased(session: AsyncSession, shopper: str) -> bool:
    """Tell whether an erasure was quicker; none comes in before the transaction ends."""
    await session.exec(select(ShopperRow.id).where(ShopperRow.id == shopper).with_for_update())
    wish = select(SuppressionRow.id).where(
        SuppressionRow.shopper_id == shopper,
        SuppressionRow.reason == ERASED,
        col(SuppressionRow.lifted_at).is_(None),
    )
    return (await session.exec(wish)).first() is not None


async def _claimed(session: AsyncSession, errand: Errand, now: datetime) -> bool:
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    fresh = insert(IdempotencyRow).values(
        key_id=errand.key_id,
        key=errand.key,
        request_sha256=errand.sha256,
        status=_UNDER_WAY,
        sealed_body="",
        at=now,
    )
    claimed = await session.exec(fresh.on_conflict_do_nothing())
    return claimed.rowcount == 1


async def _forget_old(session: AsyncSession, key_id: str, now: datetime) -> None:
    old = col(IdempotencyRow.at) <= now - KEPT
    await session.exec(delete(IdempotencyRow).where(col(IdempotencyRow.key_id) == key_id, old))


def _of(errand: Errand) -> tuple[str, str]:
    return _COLUMN, f"{errand.key_id}/{errand.key}"
