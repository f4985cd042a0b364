"""Reads what a decision may look at beside what was asked: where the shopper is, why they came, who they are."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.buying import Figures, figures_from_json, together
from preferences.catalogue import GOOD_MOMENT, Catalogue
from preferences.choosing.contradicting import Told, last_said
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Buying, Candidate, State
from preferences.policy import Policy
from preferences.store.persons import of_person
from preferences.store.tables import ConversationRow, HabitRow, SurroundingsRow

ASKED_ON_COMING = timedelta(days=1)
"""For how long it is an occasion that somebody came."""

_ENTRY = "entry"
_PROMISE = timedelta(days=90)  # after so long it is not spoken of any more


async def with_surroundings(
    session: AsyncSession,
    state: State,
    row: ConversationRow,
    catalogue: Catalogue,
    policy: Policy,
) -> State:
    """Add what a decision may look at: the entry, with what it makes askable, and the place."""
    held, fresh = state.consents.get(GOOD_MOMENT), timedelta(hours=policy.context_hours)
    where = await session.get(SurroundingsRow, row.id) if held and held.state == "given" else None
    if where is not None and state.now - where.at < fresh:
        state = replace(state, place=where.place, weather=where.weather)
    about_purchase = any(one.about.sku for one in state.candidates)
    return replace(
        state,
        entry=row.entry,
        candidates=(*state.candidates, *_asked_on_coming(row, catalogue, state.now)),
        came_by=await _came_by(session, state, row) if about_purchase else None,
    )


async def with_conditions(
    session: AsyncSession, state: State, told: Iterable[Told], policy: Policy
) -> State:
    """Add what is known of the shopper, as far as a question may depend on it.

    What they answered counts under a permission in force alone.
    """
    asked = {one.question for one in state.candidates}
    conditions = [one for name, one in policy.conditions.items() if name in asked]
    if any(one.of_history for one in conditions):
        query = select(HabitRow.figures).where(of_person(HabitRow.shopper_id, state.head))
        figures = together(map(figures_from_json, (await session.exec(query)).all()))
        state = replace(state, buying=_buying(figures))
    if any(one.answers for one in conditions):
        state = replace(state, profile=last_said(told))
    return state


def _asked_on_coming(
    row: ConversationRow, catalogue: Catalogue, now: datetime
) -> Iterator[Candidate]:
    entry, at = catalogue.entries.get(row.entry), row.entered_at
    if entry is not None and at is not None and now - at < ASKED_ON_COMING:
        for question in entry.asks:
            yield Candidate(f"{_ENTRY}:{question}", question, NOTHING, _ENTRY, at)


async def _came_by(
    session: AsyncSession, state: State, row: ConversationRow
) -> tuple[str, datetime] | None:
    """Give what brought the person here last, and when, unless it was spoken of since.

    What was in another conversation is told only to whom the shop vouched for.
    """
    here = col(ConversationRow.id) == row.id
    query = select(
        ConversationRow.entry, ConversationRow.entered_at, ConversationRow.recalled_at
    ).where(of_person(ConversationRow.shopper_id, state.head) if state.verified else here)
    talks = (await session.exec(query)).all()
    spoken = [recalled for _, _, recalled in talks if recalled is not None]
    since = max(spoken, default=state.now - _PROMISE)
    came = [(at, entry) for entry, at, _ in talks if at is not None and at > since]
    at, entry = max(came, default=(None, ""))
    return (entry, at) if at is not None and state.now - at < _PROMISE else None


def _buying(figures: Figures) -> Buying | None:
    """Nothing is known of who never bought."""
    if not figures.orders or figures.first_at is None or figures.last_at is None:
        return None
    return Buying(
        figures.orders,
        datetime.fromisoformat(figures.first_at),
        datetime.fromisoformat(figures.last_at),
        figures.favourite or "",
        tuple(sorted(figures.categories)),
    )
