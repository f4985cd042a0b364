"""Keeps who was invited to bring a friend, and who came by whom: no loop, nobody twice, never oneself."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing import fatigue, suppressions
from preferences.choosing.inputs import Inputs
from preferences.errors import AskfirstError, BadInputError
from preferences.policy import Policy
from preferences.referral import (
    QUESTION,
    Referral,
    Standing,
    against_inviting,
    body_of,
    code_of,
    parts_of,
    sign_of,
    signals_of,
)
from preferences.store.elsewhere import AskedElsewhere, put_ask
from preferences.store.engine import Store, vault_of
from preferences.store.facts import refuse_erased
from preferences.store.habits import hold_shoppers
from preferences.store.outbox import mark
from preferences.store.persons import head_of, hold_person, of_person
from preferences.store.states import read_asked, read_suppressions
from preferences.store.tables import (
    AnswerRow,
    PurchaseRow,
    ReferralCodeRow,
    ReferralRow,
)

_EXPERIENCE, _GOOD = "how_was_it", "good"
_YEAR = timedelta(days=365)
_DEEPEST = 50
_KIND = "referral"


class NotInvitedError(AskfirstError):
    """They may not be invited now; what speaks against it says why, and mostly it is not for us to mend."""


class NotReferredError(AskfirstError):
    """Nobody may be rewarded for this: the same person, a loop, somebody known; drop it."""


@dataclass(frozen=True, slots=True)
class Invitable:
    """Whether somebody may be invited, and by which signs; `code` is theirs if they were before."""

    shopper: str
    signals: Sequence[str]
    against: Sequence[str]
    code: str | None


@dataclass(frozen=True, slots=True)
class Attributed:
    """Who came by whom; `depth` counts the friends between somebody who came alone and this one."""

    giver: str
    friend: str
    depth: int
    became: Literal["attributed", "known"]


async def read_invitable(
    store: Store, shopper: str, page: Referral, policy: Policy, now: datetime
) -> Invitable:
    """Tell whether a person may be invited to bring a friend.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        return await _invitable(session, await head_of(session, shopper), page, policy, now)


async def invite(
    store: Store,
    shopper: str,
    page: Referral,
    policy: Policy,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Give a person their code. It counts as a question, and stands for the next promotion.

    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises NotInvitedError: something speaks against it.
    """
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        await refuse_erased(session, head)
        found = await _invitable(session, head, page, policy, now)
        if found.against:
            message = f"They are not invited now: {', '.join(found.against)}."
            raise NotInvitedError(message)
        until = now + timedelta(days=page.promotion_days)
        code = found.code or _new_code(session)
        row = await session.get(ReferralCodeRow, code) or ReferralCodeRow(
            code=code, shopper_id=head, made_at=now, replaces_until=until
        )
        row.made_at, row.replaces_until = now, until
        session.add(row)
        told = AskedElsewhere(QUESTION, "api", now.isoformat(), now, "answered")
        await put_ask(session, head, told, version=page.version, purpose="", now=now)
        await session.flush()
        await mark(session, head, destinations, now, urgent=False)
    return code


async def attribute(store: Store, code: str, friend: str, now: datetime) -> Attributed:
    """Note that somebody new came by a code; told again it is the same.

    :raises BadInputError: it is no code of ours.
    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises NotReferredError: nobody may be rewarded for it.
    """
    body, sign = parts_of(code)
    signs = [sign_of(one) for one in store.vault.lookups(_KIND, body)]
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


async def _came_by(session: AsyncSession, head: str) -> ReferralRow | None:
    query = select(ReferralRow).where(of_person(ReferralRow.shopper_id, head))
    return (await session.exec(query.order_by(col(ReferralRow.at)))).first()


async def _has_ordered(session: AsyncSession, head: str) -> bool:
    query = select(PurchaseRow.id).where(of_person(PurchaseRow.shopper_id, head)).limit(1)
    return (await session.exec(query)).first() is not None


def _new_code(session: AsyncSession) -> str:
    body = secrets.token_bytes(5)
    return code_of(body, vault_of(session).lookup(_KIND, body_of(body)))


async def _invitable(
    session: AsyncSession, head: str, page: Referral, policy: Policy, now: datetime
) -> Invitable:
    inputs = Inputs(
        trigger=QUESTION,
        now=now,
        shopper=head,
        channel="",
        locale="",
        suppressions=await read_suppressions(session, head, now),
        asked=await read_asked(session, head, "", now),
    )
    query = (
        select(ReferralCodeRow)
        .where(of_person(ReferralCodeRow.shopper_id, head))
        .order_by(col(ReferralCodeRow.made_at).desc())
    )
    code = (await session.exec(query)).first()
    standing = await _standing(session, inputs, None if code is None else code.made_at)
    budget = [one.code for one in fatigue.against_more(inputs, policy)]
    against = [*against_inviting(standing, page, now), *dict.fromkeys(budget)]
    return Invitable(head, signals_of(standing, page), against, None if code is None else code.code)


async def _standing(session: AsyncSession, inputs: Inputs, invited: datetime | None) -> Standing:
    year = inputs.now - _YEAR
    orders = (
        select(func.count())
        .select_from(PurchaseRow)
        .where(
            of_person(PurchaseRow.shopper_id, inputs.shopper),
            PurchaseRow.placed_at > year,
            or_(PurchaseRow.status == "placed", PurchaseRow.status == "delivered"),
        )
    )
    answers = (
        select(AnswerRow.kind, AnswerRow.value)
        .where(
            of_person(AnswerRow.shopper_id, inputs.shopper),
            AnswerRow.question_id == _EXPERIENCE,
            AnswerRow.answered_at > year,
        )
        .order_by(col(AnswerRow.answered_at).desc())
    )
    told = (await session.exec(answers)).all()
    topics = [held.target for held in inputs.suppressions if held.scope == "topic"]
    return Standing(
        orders=(await session.exec(orders)).one(),
        good=sum(pair == ("declared", _GOOD) for pair in told),
        praised=sum(kind != "declared" and value == _GOOD for kind, value in told),
        bad=bool(told) and told[0][1] != _GOOD,
        silenced=any(suppressions.against_all(inputs)) or QUESTION in topics,
        invited_at=invited,
    )
