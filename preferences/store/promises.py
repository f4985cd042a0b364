"""Keeps what shoppers were promised, until somebody says that it was kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.conversation import Promised
from preferences.errors import NotFoundError
from preferences.store.desk import Desk
from preferences.store.engine import Store
from preferences.store.outbox import mark
from preferences.store.persons import head_of, of_person
from preferences.store.tables import PromiseRow

type Standing = Literal["due", "late", "kept"]


@dataclass(frozen=True, slots=True)
class Promise:
    """Something promised: what, for which ask, until when, and whether it was kept."""

    id: str
    give: str
    kind: str
    value: str
    ask: str
    promised_at: datetime
    due_at: datetime
    kept_at: datetime | None

    def standing(self, now: datetime) -> Standing:
        """Tell how it stands at this moment."""
        if self.kept_at is not None:
            return "kept"
        return "due" if now <= self.due_at else "late"


def write_promise(desk: Desk, record: Promised) -> None:
    """Keep a promise with the question that it was made for: it ends once, so it makes one, once."""
    ask = desk.state.ask
    begun = "" if ask is None else ask.begun or ask.id
    name = sha256(f"{desk.state.shopper}\n{begun}\n{record.give}".encode()).hexdigest()[:32]
    now = desk.state.now
    desk.session.add(
        PromiseRow(
            id=name,
            shopper_id=desk.state.shopper,
            give_id=record.give,
            kind=record.kind,
            value=record.value,
            ask_id=begun,
            promised_at=now,
            due_at=now + timedelta(days=record.due_days),
        )
    )


async def read_promises(store: Store, shopper: str) -> tuple[str, Sequence[Promise]]:
    """Give a person's id and what they were promised, the newest first.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        return head, await promises_of(session, head)


async def promises_of(session: AsyncSession, head: str) -> Sequence[Promise]:
    """Give what a person was promised."""
    query = (
        select(PromiseRow)
        .where(of_person(PromiseRow.shopper_id, head))
        .order_by(col(PromiseRow.promised_at).desc(), col(PromiseRow.id))
    )
    return [_promise(row) for row in (await session.exec(query)).all()]


async def keep_promise(
    store: Store,
    shopper: str,
    promise: str,
    by: str,
    destinations: Sequence[str],
    now: datetime,
) -> Promise:
    """Note that a promise was kept; told again it stays as it was told first.

    :raises NotFoundError: there is no such shopper, or they have no such promise.
    """
    async with store.begin() as session:
        head = await head_of(session, shopper)
        query = (
            select(PromiseRow)
            .where(PromiseRow.id == promise, of_person(PromiseRow.shopper_id, head))
            .with_for_update()
        )
        row = (await session.exec(query)).first()
        if row is None:
            message = "This shopper has no such promise; read what they were promised."
            raise NotFoundError(message)
        if row.kept_at is None:
            row.kept_at, row.kept_by = now, by
            session.add(row)
            await session.flush()
            await mark(session, head, destinations, now, urgent=False)
        return _promise(row)


def _promise(row: PromiseRow) -> Promise:
    return Promise(
        row.id,
        row.give_id,
        row.kind,
        row.value,
        row.ask_id,
        row.promised_at,
        row.due_at,
        row.kept_at,
    )
