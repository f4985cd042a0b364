"""Pauses questions that too many felt as a burden; only their owner lets them be asked again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing.experiments import has_to_stop, stop_name
from preferences.choosing.pausing import Reception, has_to_pause
from preferences.errors import NotFoundError
from preferences.policy import Experiment, PausingPolicy
from preferences.store.engine import Store
from preferences.store.states import read_paused
from preferences.store.tables import AskRow, PausedQuestionRow, SuppressionRow

_SPAN = timedelta(days=90)


async def pause_burdens(store: Store, policy: PausingPolicy, now: datetime) -> list[Reception]:
    """Pause what has to pause by what came of it in 90 days, and give what is paused newly.

    It looks at every ask of that time: for the daily sweep, not for a turn.
    """
    async with store.begin() as session:
        paused = await read_paused(session)
        found = [
            (reception, why)
            for reception in await read_receptions(session, now)
            if reception.question not in paused
            and (why := has_to_pause(reception, policy)) is not None
        ]
        for reception, why in found:
            row = PausedQuestionRow(
                question_id=reception.question,
                why=why,
                asks=reception.asks,
                declined=reception.declined,
                opted_out=reception.opted_out,
                paused_at=now,
            )
            await session.merge(row)
    return [reception for reception, _ in found]


async def stop_experiments(
    store: Store, experiments: Sequence[Experiment], now: datetime
) -> list[tuple[str, str]]:
    """Stop what is complete, late, or a burden; give the names of what stopped newly, and why.

    It looks at every ask of 90 days, as `pause_burdens` does.
    """
    if not experiments:
        return []
    stopped = []
    async with store.begin() as session:
        paused = await read_paused(session)
        for one in experiments:
            name = stop_name(one)
            over = has_to_stop(one, await _arms(session, one, now), now)
            if name in paused or over is None:
                continue
            why, met = over
            row = PausedQuestionRow(
                question_id=name,
                why=why,
                asks=met.asks,
                declined=met.declined,
                opted_out=met.opted_out,
                paused_at=now,
            )
            await session.merge(row)
            stopped.append((name, why))
    return stopped


async def read_arms(store: Store, experiment: Experiment, now: datetime) -> list[Reception]:
    """Tell how the question of an experiment was met in each arm; `question` is the arm's name."""
    async with store.begin(readonly=True) as session:
        return await _arms(session, experiment, now)


async def _arms(session: AsyncSession, experiment: Experiment, now: datetime) -> list[Reception]:
    prefix = f"{experiment.id}/"
    found = await read_receptions(session, now, col(AskRow.experiment))
    return [
        replace(one, question=one.question.removeprefix(prefix))
        for one in found
        if one.question.startswith(prefix)
    ]


async def ask_again(store: Store, question: str, now: datetime) -> None:
    """Let a question be asked again: its owner has mended it, and what was before counts no more.

    :raises NotFoundError: it does not pause.
    """
    async with store.begin() as session:
        row = await session.get(PausedQuestionRow, question)
        if row is None or row.resumed_at is not None:
            message = "This question does not pause; there is nothing to resume."
            raise NotFoundError(message)
        row.resumed_at = now
        session.add(row)


async def read_receptions(
    session: AsyncSession, now: datetime, by: Any = AskRow.question_id
) -> list[Reception]:
    """Count the asks of each question, or by another column; a stop while one was open is its charge.

    One that was answered after all did not annoy; one that was dismissed counts though it is open.
    """
    stopped = exists().where(
        col(SuppressionRow.shopper_id) == col(AskRow.shopper_id),
        col(SuppressionRow.reason) == "shopper_said_stop",
        col(SuppressionRow.created_at) >= col(AskRow.asked_at),
        col(SuppressionRow.created_at) <= func.coalesce(col(AskRow.closed_at), now),
    )
    annoyed = (col(AskRow.annoyed) != "") & col(AskRow.outcome).is_distinct_from("answered")
    burdens = (col(AskRow.outcome) == "declined", stopped, annoyed)
    counts: list[Any] = [func.sum(case((one, 1), else_=0)) for one in burdens]
    query = (
        select(by, func.count(), *counts)
        .outerjoin(PausedQuestionRow, col(PausedQuestionRow.question_id) == col(AskRow.question_id))
        .where(
            AskRow.kind == "question",
            AskRow.asked_at > now - _SPAN,
            or_(
                col(PausedQuestionRow.resumed_at).is_(None),
                col(AskRow.asked_at) > col(PausedQuestionRow.resumed_at),
            ),
            col(AskRow.begun_by).is_(None),
            or_(col(AskRow.closed_at).is_not(None), col(AskRow.annoyed) != ""),
        )
        .group_by(by)
        .order_by(by)
    )
    return [Reception(*row) for row in (await session.exec(query)).all()]
