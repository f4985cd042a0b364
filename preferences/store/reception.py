"""Counts how each question was met, how often silence won, and what was given for what was told."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing.pausing import Reception
from preferences.store.engine import Store
from preferences.store.pausing import read_receptions
from preferences.store.states import read_paused
from preferences.store.tables import AnswerRow, AskRow, DecisionRow, PromiseRow, SuppressionRow

SPAN = timedelta(days=90)
_UNWANTED = ("shopper_muted", "not_relevant", "already_sorted")


@dataclass(frozen=True, slots=True)
class Met:
    """How a question was met in 90 days.

    `outcomes` counts its asks by how they ended, `open` among them; `muted` the shoppers who want to
    hear no more of it, or of its tips; `stopped` the asks after which everything was stopped;
    `annoyed` those that were dismissed, muted, or met by a stop or a complaint.
    """

    question: str
    outcomes: Counter[str]
    muted: int
    stopped: int
    annoyed: int
    pauses: bool

    @property
    def asked(self) -> int:
        """How often it was asked."""
        return self.outcomes.total()


@dataclass(frozen=True, slots=True)
class Balance:
    """What was decided, and what went to and fro, in 90 days.

    `given` counts tips and promises beside the thanks that everybody gets, `told` the answers.
    """

    decisions: int
    silent: int
    told: int
    given: int


async def read_reception(store: Store, now: datetime) -> tuple[Sequence[Met], Balance]:
    """Tell of every question that was asked, and of all of them together.

    It looks at every ask and decision of that time: for a report, not for a turn.
    """
    since = now - SPAN
    async with store.begin(readonly=True) as session:
        outcomes = await _outcomes(session, since)
        muted = await _muted(session, since)
        burdens = {one.question: one for one in await read_receptions(session, now)}
        paused = await read_paused(session)
        balance = await _balance(session, since)
    met = [
        Met(name, ends, muted[name], *_burden(burdens.get(name)), name in paused)
        for name, ends in sorted(outcomes.items())
    ]
    return met, balance


def _burden(met: Reception | None) -> tuple[int, int]:
    return (met.opted_out, met.annoyed) if met else (0, 0)


async def _outcomes(session: AsyncSession, since: datetime) -> dict[str, Counter[str]]:
    left = col(AskRow.outcome).is_(None) & (col(AskRow.annoyed) == "dismissed")
    ended = case((left, "dismissed"), else_=col(AskRow.outcome)).label("ended")
    query = (
        select(AskRow.question_id, ended, func.count())
        .where(AskRow.kind == "question", AskRow.asked_at > since, col(AskRow.begun_by).is_(None))
        .group_by(AskRow.question_id, text("ended"))
    )
    found = defaultdict[str, Counter[str]](Counter)
    for question, outcome, count in (await session.exec(query)).all():
        found[question][outcome or "open"] += count
    return found


async def _muted(session: AsyncSession, since: datetime) -> Counter[str]:
    query = (
        select(SuppressionRow.target, func.count(col(SuppressionRow.shopper_id).distinct()))
        .where(
            SuppressionRow.scope == "topic",
            col(SuppressionRow.reason).in_(_UNWANTED),
            SuppressionRow.created_at > since,
        )
        .group_by(SuppressionRow.target)
    )
    found = Counter[str]()
    for target, count in (await session.exec(query)).all():
        found[target.removeprefix("tips_")] += count
    return found


async def _balance(session: AsyncSession, since: datetime) -> Balance:
    decisions = select(func.count(), func.count(col(DecisionRow.question_id)))
    everything, asked = (await session.exec(decisions.where(DecisionRow.at > since))).one()
    told = select(func.count()).where(AnswerRow.kind == "declared", AnswerRow.answered_at > since)
    tips = select(func.count()).where(AskRow.kind == "suggestion", AskRow.asked_at > since)
    promises = select(func.count()).where(PromiseRow.promised_at > since)
    counts = [(await session.exec(query)).one() for query in (told, tips, promises)]
    return Balance(everything, everything - asked, counts[0], counts[1] + counts[2])
