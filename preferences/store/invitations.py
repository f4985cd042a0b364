"""Who is invited to bring a friend: the signs that they are glad, and the code that is theirs."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing import fatigue, suppressions
from preferences.choosing.inputs import Inputs
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Candidate, Invitation, Invited, State
from preferences.errors import AskfirstError
from preferences.policy import Policy
from preferences.referral import (
    QUESTION,
    SIGN,
    Referral,
    Standing,
    against_inviting,
    body_of,
    code_of,
    signals_of,
)
from preferences.store.desk import Desk
from preferences.store.elsewhere import AskedElsewhere, put_ask
from preferences.store.engine import Store, vault_of
from preferences.store.facts import refuse_erased
from preferences.store.outbox import mark
from preferences.store.persons import head_of, hold_person, of_person
from preferences.store.states import read_asked, read_suppressions
from preferences.store.tables import AnswerRow, PurchaseRow, ReferralCodeRow

_EXPERIENCE, _GOOD = "how_was_it", "good"
_OCCASION = "enthusiasm"
_YEAR = timedelta(days=365)


class NotInvitedError(AskfirstError):
    """They may not be invited now; what speaks against it says why, and mostly it is not for us to mend."""


@dataclass(frozen=True, slots=True)
class Invitable:
    """Whether somebody may be invited, and by which signs; `code` is theirs if they were before."""

    shopper: str
    signals: Sequence[str]
    against: Sequence[str]
    code: str | None


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
        code = found.code or _new_code(session)
        await _keep_code(session, head, Invited(code, page.promotion_days), now)
        told = AskedElsewhere(QUESTION, "api", now.isoformat(), now, "answered")
        await put_ask(session, head, told, version=page.version, purpose="", now=now)
        await session.flush()
        await mark(session, head, destinations, now, urgent=False)
    return code


async def with_invitation(
    session: AsyncSession, state: State, page: Referral | None, *, occasion: bool
) -> State:
    """Add an invitation to what is worth weighing, or the code to share where one is open.

    A code is personal, so only whom the shop vouched for is invited.
    """
    if page is None or not page.enabled:
        return state
    if state.ask is not None and state.ask.kind == "invite":
        row = await _newest_code(session, state.head)
        code = _new_code(session) if row is None else row.code
        return replace(state, invitation=Invitation(code))
    if not occasion or not state.verified:
        return state
    inputs = Inputs(
        trigger=QUESTION,
        now=state.now,
        shopper=state.head,
        channel=state.channel,
        locale="",
        suppressions=state.suppressions,
    )
    row = await _newest_code(session, state.head)
    standing = await _standing(session, inputs, None if row is None else row.made_at)
    if standing.glad_at is None or any(against_inviting(standing, page, state.now)):
        return state
    found = Candidate(f"{_OCCASION}:{QUESTION}", QUESTION, NOTHING, _OCCASION, standing.glad_at)
    return replace(state, candidates=(*state.candidates, found))


async def write_invitation(desk: Desk, record: Invited) -> None:
    """Keep the code that was taken in a turn."""
    await _keep_code(desk.session, desk.state.head, record, desk.state.now)


async def _keep_code(session: AsyncSession, head: str, taken: Invited, now: datetime) -> None:
    """Keep a code; until a day it stands in the place of the next promotion."""
    until = now + timedelta(days=taken.promotion_days)
    row = await session.get(ReferralCodeRow, taken.code) or ReferralCodeRow(
        code=taken.code, shopper_id=head, made_at=now, replaces_until=until
    )
    row.made_at, row.replaces_until = now, until
    session.add(row)


async def _newest_code(session: AsyncSession, head: str) -> ReferralCodeRow | None:
    query = (
        select(ReferralCodeRow)
        .where(of_person(ReferralCodeRow.shopper_id, head))
        .order_by(col(ReferralCodeRow.made_at).desc())
    )
    return (await session.exec(query)).first()


def _new_code(session: AsyncSession) -> str:
    body = secrets.token_bytes(5)
    return code_of(body, vault_of(session).lookup(SIGN, body_of(body)))


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
    code = await _newest_code(session, head)
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
        select(AnswerRow.kind, AnswerRow.value, AnswerRow.answered_at)
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
        good=sum((kind, value) == ("declared", _GOOD) for kind, value, _ in told),
        praised=sum(kind != "declared" and value == _GOOD for kind, value, _ in told),
        bad=bool(told) and told[0][1] != _GOOD,
        glad_at=next((at for _, value, at in told if value == _GOOD), None),
        silenced=any(suppressions.against_all(inputs)) or QUESTION in topics,
        invited_at=invited,
    )
