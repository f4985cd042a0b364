"""Tells mirrors and CRMs when time alone changes a profile: what is too old, and what is over.

Nobody waits for it: to every reader an answer past its half-life, a permission past its time and a
wish past its end have ended already. Each end is told once, in the order of the ends; a mark that
is kept for each kind says up to where.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.changes import ChangeType, note
from preferences.store.engine import Store
from preferences.store.expiry import expire_consents
from preferences.store.outbox import mark
from preferences.store.profiles import read_profiles
from preferences.store.tables import AnswerRow, EndMarkRow, ShopperRow, SuppressionRow
from preferences.store.types import UtcTime

_BATCH = 200
_MOMENT = timedelta(microseconds=1)
_NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _End:
    id: str
    at: datetime
    head: str
    type: ChangeType
    detail: dict[str, Any]


type _Look = Callable[[AsyncSession, EndMarkRow, datetime], Awaitable[list[_End]]]


async def tell_ends(store: Store, destinations: Sequence[str], now: datetime) -> int:
    """Note in the feed what has ended by itself, and have CRMs told; give how many ends there were.

    :raises UnavailableError: the store is away; what was noted stays, and the rest is found again.
    """
    count = await expire_consents(store, destinations, now)
    for kind, look in _LOOKS.items():
        ended = _BATCH
        while ended == _BATCH:
            ended = await _tell(store, kind, look, destinations, now)
            count += ended
    return count


async def _tell(
    store: Store, kind: str, look: _Look, destinations: Sequence[str], now: datetime
) -> int:
    """Tell the next ends of a kind, and how many they were; none where another process does it."""
    async with store.begin(readonly=True) as session:
        seen = await session.get(EndMarkRow, kind) or EndMarkRow(kind=kind, at=_NOTHING_YET, id="")
        ended = await look(session, seen, now)
    if not ended:
        return 0
    shown = await _shown(store, ended) if kind == _ANSWER else ended
    async with store.begin() as session:
        reached = await _locked(session, seen)
        if (reached.at, reached.id) != (seen.at, seen.id):
            return 0
        reached.at, reached.id = ended[-1].at, ended[-1].id
        for end in shown:
            note(session, end.head, end.type, end.detail, now)
        await session.flush()
        for head in sorted({end.head for end in shown}):  # one order, as everybody takes it
            await mark(session, head, destinations, now, urgent=False)
    return len(ended)


async def _answers(session: AsyncSession, seen: EndMarkRow, now: datetime) -> list[_End]:
    until = col(AnswerRow.fresh_until)
    query = (
        select(AnswerRow.id, until, ShopperRow.head_id, AnswerRow.question_id)
        .join(ShopperRow, col(ShopperRow.id) == col(AnswerRow.shopper_id))
        .where(until <= now, _after(seen, until, col(AnswerRow.id)))
        .order_by(until, col(AnswerRow.id))
        .limit(_BATCH)
    )
    return [
        _End(name, at, head, "preference.expired", {"question": question})
        for name, at, head, question in (await session.exec(query)).all()
        if at is not None
    ]


async def _suppressions(session: AsyncSession, seen: EndMarkRow, now: datetime) -> list[_End]:
    until = col(SuppressionRow.expires_at)
    query = (
        select(SuppressionRow, ShopperRow.head_id)
        .join(ShopperRow, col(ShopperRow.id) == col(SuppressionRow.shopper_id))
        .where(until <= now, _after(seen, until, col(SuppressionRow.id)))
        .where(col(SuppressionRow.lifted_at).is_(None))
        .order_by(until, col(SuppressionRow.id))
        .limit(_BATCH)
    )
    return [
        _End(row.id, row.expires_at, head, "suppression.expired", _wish(row))
        for row, head in (await session.exec(query)).all()
        if row.expires_at is not None
    ]


_ANSWER = "answer"
_LOOKS: dict[str, _Look] = {_ANSWER: _answers, "suppression": _suppressions}


def _after(seen: EndMarkRow, at: Mapped[Any], name: Mapped[Any]) -> ColumnElement[bool]:
    return tuple_(at, name) > tuple_(literal(seen.at, UtcTime), literal(seen.id))


def _wish(row: SuppressionRow) -> dict[str, Any]:
    return {"scope": row.scope, "target": row.target}


async def _shown(store: Store, ended: Sequence[_End]) -> list[_End]:
    """Leave out what no profile has shown: what was answered anew since, or taken back."""
    before = ended[0].at - _MOMENT
    profiles = await read_profiles(store, {end.head for end in ended}, before)
    shown = {
        answer.id
        for profile in profiles.values()
        for answer in (*profile.answers, *(conflict.answer for conflict in profile.conflicts))
    }
    return [end for end in ended if end.id in shown]


async def _locked(session: AsyncSession, seen: EndMarkRow) -> EndMarkRow:
    """Keep every other process from telling of the same kind until the transaction ends."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    first = insert(EndMarkRow).values(kind=seen.kind, at=seen.at, id=seen.id)
    await session.exec(first.on_conflict_do_nothing())
    query = select(EndMarkRow).where(EndMarkRow.kind == seen.kind).with_for_update()
    return (await session.exec(query)).one()
