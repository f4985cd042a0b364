"""Keeps who came by whom: no loop, nobody twice, never oneself."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import AskfirstError, BadInputError
from preferences.referral import SIGN, parts_of, sign_of
from preferences.store.engine import Store
from preferences.store.facts import refuse_erased
from preferences.store.habits import hold_shoppers
from preferences.store.persons import head_of, of_person
from preferences.store.tables import PurchaseRow, ReferralCodeRow, ReferralRow

_DEEPEST = 50


class NotReferredError(AskfirstError):
    """Nobody may be rewarded for this: the same person, a loop, somebody known; drop it."""


@dataclass(frozen=True, slots=True)
class Attributed:
    """Who came by whom; `depth` counts the friends between somebody who came alone and this one."""

    giver: str
    friend: str
    depth: int
    became: Literal["attributed", "known"]


async def attribute(store: Store, code: str, friend: str, now: datetime) -> Attributed:
    """Note that somebody new came by a code; told again it is the same.

    :raises BadInputError: it is no code of ours.
    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises NotReferredError: nobody may be rewarded for it.
    """
    body, sign = parts_of(code)
    signs = [sign_of(one) for one in store.vault.lookups(SIGN, body)]
    if not any(secrets.compare_digest(sign.encode(), one.encode()) for one in signs):
        message = "This is no code of this shop; look whether it was typed as it was sent."
        raise BadInputError(message, field="code")
    async with store.begin() as session:
        head = await head_of(session, friend)
        await refuse_erased(session, head)
        row = await session.get(ReferralCodeRow, f"{body}-{sign}")
        if row is None:
            message = "Whoever had this code is not known any more."
            raise NotReferredError(message)
        giver = await head_of(session, row.shopper_id)
        _held = await hold_shoppers(session, {head, giver})
        if (known := await _came_by(session, head)) is not None:
            if known.code != row.code:
                message = "They came by another code before; one counts."
                raise NotReferredError(message)
            return Attributed(giver, head, len(await _above(session, giver)) + 1, "known")
        above = await _above(session, giver)
        await _refuse(session, head, giver, above)
        session.add(ReferralRow(shopper_id=head, code=row.code, at=now))
    return Attributed(giver, head, len(above) + 1, "attributed")


async def _refuse(session: AsyncSession, head: str, giver: str, above: Sequence[str]) -> None:
    if head == giver:
        message = "This is their own code; nobody brings themselves."
    elif head in above:
        message = "The two brought one another, round a corner; no one is rewarded for a loop."
    elif await _has_ordered(session, head):
        message = "They ordered here before; a friend is somebody new."
    else:
        return
    raise NotReferredError(message)


async def _above(session: AsyncSession, shopper: str) -> Sequence[str]:
    """Give by whom somebody came, by whom that one came, and so on."""
    found: list[str] = []
    while len(found) < _DEEPEST:
        row = await _came_by(session, shopper)
        code = None if row is None else await session.get(ReferralCodeRow, row.code)
        if code is None:
            break
        shopper = await head_of(session, code.shopper_id)
        found.append(shopper)
    return found


async def is_referred(session: AsyncSession, head: str) -> bool:
    """Tell whether somebody came by a friend's code."""
    return await _came_by(session, head) is not None


async def _came_by(session: AsyncSession, head: str) -> ReferralRow | None:
    query = select(ReferralRow).where(of_person(ReferralRow.shopper_id, head))
    return (await session.exec(query.order_by(col(ReferralRow.at)))).first()


async def _has_ordered(session: AsyncSession, head: str) -> bool:
    query = select(PurchaseRow.id).where(of_person(PurchaseRow.shopper_id, head)).limit(1)
    return (await session.exec(query)).first() is not None
