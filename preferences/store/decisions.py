"""Reads why a person was asked what they were asked, or was left in peace, and by what it was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import col, select

from preferences.store.engine import Store
from preferences.store.history import After
from preferences.store.persons import head_of, of_person
from preferences.store.tables import DecisionRow


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it was noted; `question` is empty where nothing was asked.

    `weighed` and `inputs` are None in decisions that are older than those columns.
    """

    id: str
    at: datetime
    conversation: str
    trigger: str
    channel: str
    question: str | None
    version: int | None
    candidate: str | None
    give: str
    arm: str
    experiment: str
    reasons: Sequence[Mapping[str, str]]
    weighed: Sequence[Mapping[str, Any]] | None
    policy_version: int
    policy_sha256: str
    inputs: Mapping[str, Any] | None


async def read_decisions(
    store: Store, shopper: str, before: After | None, limit: int
) -> tuple[str, list[Decided]]:
    """Give a person's id and their decisions, the newest first, `limit` at most.

    :raises NotFoundError: there is no such shopper.
    """
    at, name = col(DecisionRow.at), col(DecisionRow.id)
    async with store.begin(readonly=True) as session:
        head = await head_of(session, shopper)
        query = select(DecisionRow).where(of_person(DecisionRow.shopper_id, head))
        if before is not None:
            query = query.where(or_(at < before.at, and_(at == before.at, name < before.id)))
        rows = (await session.exec(query.order_by(at.desc(), name.desc()).limit(limit))).all()
    return head, [_decided(row) for row in rows]


def _decided(row: DecisionRow) -> Decided:
    return Decided(
        id=row.id,
        at=row.at,
        conversation=row.conversation_id,
        trigger=row.trigger,
        channel=row.channel,
        question=row.question_id,
        version=row.question_version,
        candidate=row.candidate_id,
        give=row.give,
        arm=row.arm,
        experiment=row.experiment,
        reasons=row.reasons,
        weighed=row.weighed,
        policy_version=row.policy_version,
        policy_sha256=row.policy_sha256,
        inputs=row.inputs,
    )
