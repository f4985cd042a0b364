"""Advertising that a shopper stopped at the platform itself: their own act, of that channel alone."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select

from preferences.store.addresses import Names
from preferences.store.engine import Store
from preferences.store.meeting import meet_on_channel
from preferences.store.shoppers import find_shopper
from preferences.store.tables import SuppressionRow
from preferences.store.wishes import Unwanted, add_suppression, lift_suppression

REASON = "stopped_at_platform"


def target_of(channel: str) -> str:
    """Name the advertising of a channel: answers and questions there are another thing."""
    return f"{channel}_marketing"


async def stop_marketing(
    store: Store, channel: str, names: Names, destinations: Sequence[str], at: datetime
) -> None:
    """Keep that somebody, known or not, wants no advertising on a channel; again is no news.

    :raises BadInputError: there can be no such names.
    """
    async with store.begin() as session:
        shopper = await meet_on_channel(session, names, destinations, at)
    wish = Unwanted("channel", target_of(channel), REASON, source="shopper")
    await add_suppression(store, shopper, wish, destinations, at)


async def resume_marketing(
    store: Store, channel: str, names: Names, destinations: Sequence[str], at: datetime
) -> None:
    """End that wish if it is older, and no other: to be let in at the platform permits a shop nothing.

    :raises BadInputError: there can be no such names.
    """
    async with store.begin(readonly=True) as session:
        found = {await find_shopper(session, kind, name) for kind, name in names.items()} - {None}
        stopped = select(SuppressionRow.shopper_id).where(
            col(SuppressionRow.shopper_id).in_(found),
            SuppressionRow.target == target_of(channel),
            SuppressionRow.created_at <= at,
        )
        shoppers = {*(await session.exec(stopped)).all()}
    for shopper in shoppers:
        await lift_suppression(store, shopper, ("channel", target_of(channel)), destinations, at)
