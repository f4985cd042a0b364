"""Whether a simulated shopper is glad enough to be invited: the same rule as for real ones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from preferences.choosing import forbidding
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Candidate, Invitation, State
from preferences.referral import QUESTION, Referral, Standing, against_inviting
from preferences.simulation.memory import Memory

_YEAR = timedelta(days=365)
_GOOD = "good"


def with_invitation(
    state: State,
    page: Referral | None,
    memory: Memory,
    orders: Sequence[datetime],
    praises: Sequence[datetime],
) -> State:
    """Add an invitation to what is worth weighing, or the code where one is open."""
    if page is None:
        return state
    if state.ask is not None and state.ask.kind == "invite":
        return replace(state, invitation=Invitation("SIMULATE-DCODE"))
    told = [(ask.asked_at, value) for ask, value in memory.answers if ask.question == "how_was_it"]
    glad = [*(at for at, value in told if value == _GOOD), *praises]
    standing = Standing(
        orders=sum(state.now - at < _YEAR for at in orders),
        good=sum(value == _GOOD for _, value in told),
        praised=len(praises),
        bad=bool(told)
        and max(told)[1] != _GOOD
        and max(told)[0] > max(praises, default=_never(told)),
        silenced=bool(forbidding(state)),
        invited_at=memory.invited_at,
    )
    if not glad or any(against_inviting(standing, page, state.now)):
        return state
    found = Candidate(f"enthusiasm:{QUESTION}", QUESTION, NOTHING, "enthusiasm", max(glad))
    return replace(state, candidates=(*state.candidates, found))


def _never(told: Sequence[tuple[datetime, str]]) -> datetime:
    return min(at for at, _ in told) - _YEAR
