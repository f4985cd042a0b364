"""The ledger of what was asked of a shopper, on every channel: by us, a mail poll, an agent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.catalogue import Catalogue
from preferences.choosing import fatigue, suppressions
from preferences.choosing.inputs import Inputs
from preferences.conversation import Outcome, Reason
from preferences.errors import BadInputError
from preferences.policy import Policy
from preferences.store.engine import Store
from preferences.store.facts import refuse_erased
from preferences.store.persons import head_of, hold_person, of_person
from preferences.store.states import read_asked, read_suppressions
from preferences.store.tables import AskRow, ConversationRow, PromiseRow
from preferences.store.wishes import Unwanted, put_suppression

_LATE = timedelta(minutes=5)  # clocks differ
_QUESTION = (col(AskRow.kind) == "question", col(AskRow.begun_by).is_(None))


@dataclass(frozen=True, slots=True)
class AskedElsewhere:
    """A question that somebody else put, and how it ended if it did; `reference` is their name of it.

    `unwanted` is what is left alone from then on, because of how it ended.
    """

    question: str
    channel: str
    reference: str
    at: datetime
    outcome: Outcome | None = None
    locale: str = "en"
    wording: str = ""
    unwanted: Unwanted | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One question that was put, on whichever channel."""

    id: str
    question: str
    channel: str
    at: datetime
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class LedgerOfAsks:
    """What a person was asked, the newest first, and what speaks against asking anything now.

    `told` counts what they answered, `given` the tips and promises that they got beside the thanks.
    """

    shopper: str
    asks: Sequence[Entry]
    against: Sequence[Reason]
    told: int
    given: int


async def note_ask(
    store: Store,
    shopper: str,
    told: AskedElsewhere,
    catalogue: Catalogue,
    destinations: Sequence[str],
    now: datetime,
) -> str:
    """Keep a question that was put elsewhere, so that it counts; give its id.

    Told again under its reference it is the same one, and how it ended is what was told last.

    :raises NotFoundError: there is no such shopper.
    :raises ErasedError: they had everything deleted.
    :raises BadInputError: the catalogue does not know it, or it is from the future; `field` says.
    """
    _check(told, catalogue, now)
    async with store.begin() as session:
        head = await hold_person(session, shopper)
        await refuse_erased(session, head)
        question = catalogue.questions[told.question]
        name = await put_ask(
            session, head, told, version=question.version, purpose=question.purpose, now=now
        )
        await _leave_alone(session, head, told, destinations, now)
        return name


async def put_ask(
    session: AsyncSession,
    head: str,
    told: AskedElsewhere,
    *,
    version: int,
    purpose: str,
    now: datetime,
) -> str:
    """Do the same in the caller's transaction, who holds the person; it need not be in the catalogue."""
    name = _name("ask", head, told.channel, told.reference)
    row = await session.get(AskRow, name, populate_existing=True)
    if row is None:
        talk = await _talk(session, head, told, now)
        row = _row(name, talk, told)
        row.question_version, row.purpose = version, purpose
    if told.outcome is not None:
        row.outcome, row.closed_at = told.outcome, row.closed_at or now
    session.add(row)
    return name


async def read_asks(store: Store, shopper: str, policy: Policy, now: datetime) -> LedgerOfAsks:
    """Give what a person was asked, and whether somebody else may ask them something now.

    :raises NotFoundError: there is no such shopper.
    """
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        query = (
            select(AskRow)
            .where(of_person(AskRow.shopper_id, head), *_QUESTION)
            .order_by(col(AskRow.asked_at).desc(), col(AskRow.id))
            .limit(100)
        )
        rows = (await session.exec(query)).all()
        inputs = Inputs(
            trigger="elsewhere",
            now=now,
            shopper=head,
            channel="",
            locale="",
            suppressions=await read_suppressions(session, head, now),
            asked=await read_asked(session, head, "", now),
        )
        told = await _count(session, AskRow, head, *_QUESTION, col(AskRow.outcome) == "answered")
        tips = await _count(session, AskRow, head, col(AskRow.kind) == "suggestion")
        promises = await _count(session, PromiseRow, head)
    asks = [Entry(row.id, row.question_id, row.channel, row.asked_at, row.outcome) for row in rows]
    against = (*suppressions.against_all(inputs), *fatigue.against_more(inputs, policy))
    reasons = [replace(reason) for reason in dict.fromkeys(against)]
    return LedgerOfAsks(head, asks, reasons, told, tips + promises)


async def _leave_alone(
    session: AsyncSession,
    head: str,
    told: AskedElsewhere,
    destinations: Sequence[str],
    now: datetime,
) -> None:
    """Keep what is not wanted any more, counted from the day it was said: told again it is the same."""
    wish = told.unwanted
    until = told.at + wish.lasts if wish and wish.lasts else None
    if wish is not None and (until is None or until > now):
        await put_suppression(session, head, wish, until, destinations, now)


async def _count(
    session: AsyncSession, table: type[AskRow | PromiseRow], head: str, *where: ColumnElement[bool]
) -> int:
    query = select(func.count()).select_from(table).where(of_person(table.shopper_id, head), *where)
    return (await session.exec(query)).one()


def _check(told: AskedElsewhere, catalogue: Catalogue, now: datetime) -> None:
    if told.question not in catalogue.questions:
        message = f"There is no question {told.question}; name one of the catalogue."
        raise BadInputError(message, field="question")
    if told.at > now + _LATE:
        message = "This is in the future; tell when it was asked."
        raise BadInputError(message, field="at")


async def _talk(
    session: AsyncSession, head: str, told: AskedElsewhere, now: datetime
) -> ConversationRow:
    """Give what stands for the channel where it was asked: nobody talks there with us."""
    name = _name("talk", head, told.channel)
    held = await session.get(ConversationRow, name)
    if held is not None:
        return held
    row = ConversationRow(
        id=name,
        shopper_id=head,
        channel=told.channel,
        locale=told.locale,
        created_at=now,
        seen_at=told.at,
    )
    session.add(row)
    await session.flush()
    return row


def _row(name: str, talk: ConversationRow, told: AskedElsewhere) -> AskRow:
    return AskRow(
        id=name,
        shopper_id=talk.shopper_id,
        conversation_id=talk.id,
        question_id=told.question,
        question_version=0,
        kind="question",
        purpose="",
        wording=told.wording,
        options=[],
        locale=told.locale,
        channel=told.channel,
        asked_at=told.at,
    )


def _name(*parts: str) -> str:
    """Name something by what it is, so that told twice it is the same."""
    return sha256("\n".join(("elsewhere", *parts)).encode()).hexdigest()[:32]
