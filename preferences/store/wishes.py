"""Keeps what the shop reports of a shopper's wishes: a decision on a purpose, a thing not wanted.

A wish that forbids always counts. A permission counts only with the text that was shown, when, and
the words of the act; and never against a later no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Purpose
from preferences.conversation import ConsentState
from preferences.errors import AskfirstError, BadInputError
from preferences.profile import ERASED
from preferences.store.changes import ChangeType, note
from preferences.store.engine import Store
from preferences.store.facts import refuse_erased
from preferences.store.ids import new_id
from preferences.store.ledger import Act, Notice, append_new_consent
from preferences.store.outbox import mark
from preferences.store.persons import hold_person, of_person
from preferences.store.tables import ConsentRow, NoticeRow, SuppressionRow

type Decision = Literal["given", "refused", "withdrawn", "objected"]

_CHANGES: dict[Decision, ChangeType] = {
    "given": "consent.given",
    "refused": "consent.refused",
    "withdrawn": "consent.withdrawn",
    "objected": "consent.objected",
}
_FORBIDDING: tuple[ConsentState, ...] = ("refused", "withdrawn", "objected")


class OvertakenError(AskfirstError):
    """The shopper said no after the text was shown: the permission does not count, drop it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The text that a permission answers, by its hash, and when the shopper saw it."""

    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """A decision of a shopper on a purpose, as `actor` reports it; `effect` names the report.

    `shown` is the text that it answers: one that is kept here already, or one that is to be. By
    `method` and `assurance` it tells how it was decided, and how sure it was by whom.
    """

    purpose: str
    state: Decision
    words: str | None
    locale: str
    channel: str
    actor: str
    effect: str
    shown: Shown | Notice | None = None
    method: str = "api"
    assurance: str = "claimed"
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Something that a shopper does not want, for some time or for good.

    `source` is who reports it: the shop, its CRM, or the shopper themselves.
    """

    scope: Literal["all", "channel", "topic", "category"]
    target: str
    reason: str
    lasts: timedelta | None = None
    source: Literal["shop", "crm", "shopper"] = "shop"


async def report_decision(
    store: Store,
    shopper: str,
    told: Reported,
    purpose: Purpose | None,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Append a decision to the ledger and give the event's id; told again it is that event.

    `purpose` is None where the catalogue has it no more: what was permitted can be taken back still.

    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises BadInputError: the purpose, or the text that a permission answers, is not known here.
    :raises OvertakenError: a permission is older than a no.
    """
    async with store.begin() as session:
        head = await hold_person(session, shopper)  # a no that is being written comes first
        await refuse_erased(session, head)
        if purpose is None:
            await _refuse_unknown(session, head, told)
        notice = await _notice(session, head, told, told.shown) if told.shown else None
        event, is_new = await append_new_consent(
            session, head, _act(told, purpose, notice, destinations, now)
        )
        if is_new:
            note(session, head, _CHANGES[told.state], {"purpose": told.purpose}, now)
            await session.flush()
            await mark(session, head, destinations, now, urgent=told.state != "given")
    return event


async def add_suppression(
    store: Store, shopper: str, wish: Unwanted, destinations: Sequence[str], now: datetime
) -> str:
    """Keep what is not wanted and give its id; where it is in force as long already, that one's.

    :raises NotFoundError: there is no such shopper.
    """
    until = None if wish.lasts is None else now + wish.lasts
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        return await put_suppression(session, head, wish, until, destinations, now)


async def put_suppression(
    session: AsyncSession,
    head: str,
    wish: Unwanted,
    until: datetime | None,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Do the same in the caller's transaction, who holds the person."""
    if (known := await _in_force(session, head, wish, until)) is not None:
        return known
    row = SuppressionRow(
        id=new_id(),
        shopper_id=head,
        scope=wish.scope,
        target=wish.target,
        source=wish.source,
        reason=wish.reason,
        created_at=now,
        expires_at=until,
    )
    session.add(row)
    detail = {"scope": wish.scope, "target": wish.target}
    note(session, head, "suppression.added", detail, now)
    await session.flush()
    await mark(session, head, destinations, now, urgent=True)
    return row.id


async def lift_suppression(
    store: Store,
    shopper: str,
    wanted: tuple[str, str],
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Lift what a person themselves wants again, named by scope and target, wherever it came from.

    That everything was deleted stays: it is no wish about a thing.

    :raises NotFoundError: there is no such shopper.
    """
    scope, target = wanted
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        in_force = select(SuppressionRow).where(
            of_person(SuppressionRow.shopper_id, head),
            SuppressionRow.scope == scope,
            SuppressionRow.target == target,
            SuppressionRow.reason != ERASED,
            col(SuppressionRow.lifted_at).is_(None),
        )
        for row in (await session.exec(in_force)).all():
            row.lifted_at, row.lifted_by = now, "shopper"
            note(session, head, "suppression.lifted", {"scope": scope, "target": target}, now)
        await session.flush()
        await mark(session, head, destinations, now, urgent=False)


async def _refuse_unknown(session: AsyncSession, head: str, told: Reported) -> None:
    decided = select(ConsentRow.purpose).where(
        of_person(ConsentRow.shopper_id, head), ConsentRow.purpose == told.purpose
    )
    if told.state == "given" or (await session.exec(decided)).first() is None:
        message = "There is no such purpose; name one of purposes.yml."
        raise BadInputError(message, field="purpose")


async def _notice(
    session: AsyncSession, head: str, told: Reported, shown: Shown | Notice
) -> Notice:
    """Give the text that was shown, and see that no later word overtook what answers it."""
    notice = shown if isinstance(shown, Notice) else await _kept(session, shown)
    later = select(ConsentRow.purpose).where(
        of_person(ConsentRow.shopper_id, head),
        ConsentRow.purpose == told.purpose,
        col(ConsentRow.state).in_(_FORBIDDING),
        col(ConsentRow.occurred_at) >= notice.shown_at,
    )
    if (await session.exec(later)).first() is not None:
        message = "The shopper said no after this text was shown; ask again before you rely on it."
        raise OvertakenError(message)
    return notice


async def _kept(session: AsyncSession, shown: Shown) -> Notice:
    known = await session.get(NoticeRow, shown.sha256)
    if known is None:
        message = "No text of this hash was ever shown; send that of a notice kept here."
        raise BadInputError(message, field="notice_sha256")
    return Notice(known.key, known.version, known.locale, known.text, shown.at, "")


def _act(
    told: Reported,
    purpose: Purpose | None,
    notice: Notice | None,
    destinations: Sequence[str],
    now: datetime,
) -> Act:
    lasts = timedelta(days=purpose.valid_days) if purpose and told.state == "given" else None
    return Act(
        purpose=told.purpose,
        state=told.state,
        method=told.method,
        actor=told.actor,
        assurance=told.assurance,
        locale=told.locale,
        channel=told.channel,
        idempotency_key=f"api/{told.effect}",
        occurred_at=now,
        conversation=told.conversation,
        words=told.words,
        notice=notice,
        recipients=tuple(destinations),
        categories=tuple(purpose.data_categories) if purpose else (),
        valid_until=now + lasts if lasts else None,
    )


async def _in_force(
    session: AsyncSession, head: str, wish: Unwanted, until: datetime | None
) -> str | None:
    """Give the suppression that says the same for as long, if there is one."""
    end = col(SuppressionRow.expires_at)
    query = select(SuppressionRow.id).where(
        of_person(SuppressionRow.shopper_id, head),
        SuppressionRow.scope == wish.scope,
        SuppressionRow.target == wish.target,
        col(SuppressionRow.lifted_at).is_(None),
        end.is_(None) if until is None else or_(end.is_(None), end >= until),
    )
    return (await session.exec(query)).first()
