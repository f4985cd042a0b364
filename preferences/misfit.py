"""Notices a purchase that does not fit what its shopper buys; infers nothing from it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from preferences.policy import MisfitPolicy


def is_misfit(
    audience: str,
    habit: Mapping[str, int],
    *,
    placed_at: datetime,
    now: datetime,
    policy: MisfitPolicy,
) -> bool:
    """Tell whether an article for this audience is rare for a shopper with this habit.

    `habit` counts articles by audience before this purchase. Without enough of a history, for a
    product whose audience the feed does not tell, or for an old order, the answer is no.
    """
    if audience not in policy.audiences or now - placed_at > timedelta(hours=policy.fresh_hours):
        return False
    articles = sum(habit.get(known, 0) for known in policy.audiences)
    if articles < policy.least_articles:
        return False
    return habit.get(audience, 0) / articles < policy.rare_share
