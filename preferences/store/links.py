"""Finds that two shoppers are one person, and takes it back: nothing they said moves or is lost.

The ledger `link` says what was joined and parted; who heads whom is worked out from it, so that
parting leaves everybody as if the two had never been joined.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from secrets import token_hex
from time import time_ns
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.store.changes import note
from preferences.store.engine import Store
from preferences.store.outbox import mark
from preferences.store.persons import head_of
from preferences.store.tables import LinkRow, ShopperRow

_LINKING = 0x6C696E6B  # the number of PostgreSQL's lock: one at a time joins or parts people


class _Pair(NamedTuple):
    to: str
    other: str


async def link(
    store: Store,
    shopper: str,
    other: str,
    *,
    proof: str,
    actor: str,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Make two shoppers one person, and give the id that the person has from now on.

    It is that of the first; nothing happens where they are one already.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin() as session:
        return await join(
            session, shopper, other, proof=proof, actor=actor, destinations=destinations, now=now
        )


async def unlink(
    store: Store,
    shopper: str,
    other: str,
    *,
    actor: str,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Part two shoppers again, each with those who were joined to them apart from this.

    :raises NotFoundError: they are not linked.
    """
    async with store.begin() as session:
        await linking_alone(session)
        people = await _people(session, [shopper, other])
        members = [row.id for row in people]
        pairs = await _in_force(session, members)
        cut = _between(members, pairs, shopper, other)
        if cut is None:
            message = "These two are not linked; there is nothing to undo."
            raise NotFoundError(message)
        _record(session, cut, "unlinked", "", actor, now)
        before = {row.head_id for row in people}
        heads = _heads(members, [pair for pair in pairs if pair != cut])
        for row in people:
            row.head_id = heads[row.id]
        await session.flush()
        left, gone = heads[shopper], heads[other]
        detail = {"head": left, "other": gone}
        for head in sorted(before | {left, gone}):
            note(session, head, "shopper.unlinked", detail, now)
            await mark(session, head, destinations, now, urgent=True)


async def join(
    session: AsyncSession,
    shopper: str,
    other: str,
    *,
    proof: str,
    actor: str,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Make two shoppers one person, in the caller's transaction; give the id of the person.

    :raises NotFoundError: there is no such shopper.
    """
    await linking_alone(session)
    people = await _people(session, [shopper, other])
    head, gone = await head_of(session, shopper), await head_of(session, other)
    if head == gone:
        return head
    _record(session, _Pair(shopper, other), "linked", proof, actor, now)
    for row in people:
        row.head_id = head
    await session.flush()
    for one in (head, gone):
        note(session, one, "shopper.linked", {"head": head, "other": gone}, now)
        await mark(session, one, destinations, now, urgent=False)
    return head


async def linking_alone(session: AsyncSession) -> None:
    """Keep out everybody else who joins or parts people until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        await session.exec(select(func.pg_advisory_xact_lock(_LINKING)))


async def _people(session: AsyncSession, shoppers: Sequence[str]) -> Sequence[ShopperRow]:
    """Give all the shoppers that the people of these are, as they stand now, and hold the people.

    Nobody but the caller joins or parts: so the heads are who they were when they were held.
    """
    heads = select(ShopperRow.head_id).where(col(ShopperRow.id).in_(shoppers))
    rows = (
        select(ShopperRow)
        .order_by(col(ShopperRow.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    await session.flush()
    await session.exec(rows.where(col(ShopperRow.id).in_(heads)))
    return (await session.exec(rows.where(col(ShopperRow.head_id).in_(heads)))).all()


def _record(
    session: AsyncSession, pair: _Pair, state: str, proof: str, actor: str, now: datetime
) -> None:
    row = LinkRow(
        id=f"{time_ns():016x}{token_hex(8)}",  # in the order of what happened
        shopper_id=pair.other,
        head_id=pair.to,
        state=state,
        proof=proof,
        actor=actor,
        at=now,
    )
    session.add(row)


async def _in_force(session: AsyncSession, members: Sequence[str]) -> list[_Pair]:
    """Give who was joined to whom and not parted since, in that order."""
    query = (
        select(LinkRow)
        .where(col(LinkRow.shopper_id).in_(members), col(LinkRow.head_id).in_(members))
        .order_by(col(LinkRow.id))
    )
    pairs = dict[_Pair, None]()
    for row in (await session.exec(query)).all():
        pair = _Pair(row.head_id, row.shopper_id)
        pairs.pop(pair, None)
        if row.state == "linked":
            pairs[pair] = None
    return list(pairs)


def _heads(members: Iterable[str], pairs: Iterable[_Pair]) -> dict[str, str]:
    """Tell who heads whom after these were joined one after the other."""
    heads = {member: member for member in members}
    for pair in pairs:
        head, gone = heads[pair.to], heads[pair.other]
        heads = {member: head if now == gone else now for member, now in heads.items()}
    return heads


def _between(
    members: Sequence[str], pairs: Sequence[_Pair], shopper: str, other: str
) -> _Pair | None:
    """Find the link whose end parts the two; of a chain between them the one next to the other."""
    if shopper == other or _parted(_heads(members, pairs), shopper, other):
        return None
    return next(
        pair
        for pair in pairs
        if other in pair
        and _parted(_heads(members, [one for one in pairs if one != pair]), shopper, other)
    )


def _parted(heads: dict[str, str], shopper: str, other: str) -> bool:
    return not heads.keys() >= {shopper, other} or heads[shopper] != heads[other]
