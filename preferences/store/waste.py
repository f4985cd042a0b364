"""Counts which questions are asked for nothing: their answers are used nowhere, or nobody gives any."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select

from preferences.catalogue import Catalogue
from preferences.store.engine import Store
from preferences.store.tables import AskRow

SPAN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Yield:
    """What came of a question in 90 days; `attribute` is where an answer goes in a CRM, or empty."""

    question: str
    asked: int
    answered: int
    attribute: str
    steers: bool

    @property
    def waste(self) -> str:
        """Say why asking was for nothing; empty where it was not."""
        if self.asked and not self.answered:
            return "nobody answered"
        if self.answered and not (self.attribute or self.steers):
            return "used nowhere"
        return ""


async def yields(
    store: Store, catalogue: Catalogue, steering: frozenset[str], now: datetime
) -> Sequence[Yield]:
    """Tell of every question of the catalogue what came of it.

    `steering` names the questions whose answers change what the assistant itself does.
    """
    async with store.begin(readonly=True) as session:
        query = (
            select(AskRow.question_id, AskRow.outcome, func.count())
            .where(
                AskRow.kind == "question",
                AskRow.asked_at > now - SPAN,
                col(AskRow.begun_by).is_(None),
            )
            .group_by(AskRow.question_id, col(AskRow.outcome))
        )
        rows = (await session.exec(query)).all()
    return [
        Yield(
            name,
            sum(count for question, _, count in rows if question == name),
            sum(count for question, end, count in rows if (question, end) == (name, "answered")),
            one.crm.attribute if one.crm else "",
            name in steering or any(option.leads_to for option in one.options),
        )
        for name, one in sorted(catalogue.questions.items())
    ]
