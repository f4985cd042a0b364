"""A question that came by mail, as it goes on in a talk that a link of that mail leads to."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.choosing.inputs import MAIL
from preferences.choosing.renewing import NOTHING
from preferences.conversation import Candidate, State
from preferences.store.persons import head_of
from preferences.store.tables import AskRow, ConversationRow

_OCCASION = timedelta(days=1)  # for so long somebody came because of the mail


def come_by_mail(row: ConversationRow, ask: str, now: datetime) -> None:
    """Note which question of a mail brought somebody to a conversation."""
    row.referral = {**(row.referral or {}), "poll": ask, "poll_at": now.isoformat()}


async def with_mailed(session: AsyncSession, state: State, row: ConversationRow) -> State:
    """Have nothing but the question of the mail weighed, where somebody came by its link.

    A link may be passed on, and says nothing of who followed it. If the shop vouches for them, and it
    is whom the mail was for, the question goes on here and is not counted again. Whoever else it is
    may be asked the same for themselves, as if nobody had been before.
    """
    told = row.referral or {}
    if (
        "poll" not in told
        or state.now - (at := datetime.fromisoformat(told["poll_at"])) > _OCCASION
    ):
        return state
    ask = await session.get(AskRow, told["poll"])
    if ask is None or ask.outcome is not None:
        return state
    is_theirs = state.verified and await head_of(session, ask.shopper_id) == state.head
    begun = ask.id if is_theirs else ""
    candidate = Candidate(
        f"{MAIL}:{ask.question_id}", ask.question_id, NOTHING, MAIL, at, begun=begun
    )
    counted = tuple(
        one
        for one in state.asked
        if not is_theirs or (one.question, one.at) != (ask.question_id, ask.asked_at)
    )
    return replace(state, candidates=(candidate,), asked=counted)
