"""Deliveries for a CRM: fields as a mapping would make them, and the wishes behind them."""

from dataclasses import replace
from typing import Any

from preferences.profile import Profile, SuppressionEntry
from sync.delivery import Delivery
from tests.preferences.test_profile import GIVEN, LEFT_ALONE, NOW, profile

NEWS = replace(GIVEN, id="event-9", purpose="send_news")
NO_EMAIL = SuppressionEntry("channel", "email", "shopper", "shopper_left_channel", since=NOW)
FOR_A_WHILE = replace(LEFT_ALONE, until=NOW.replace(year=NOW.year + 1))


def contact(
    shopper: str = "s-1",
    version: int = 1,
    *,
    wishes: tuple[SuppressionEntry, ...] = (),
    news: str = "",
    erased: bool = False,
    identities: dict[str, str] | None = None,
    remote_id: str = "",
    **fields: Any,
) -> Delivery:
    """Make one; `news` is the state of the permission to advertise."""
    named = {"email": f"{shopper}@example.com"} if identities is None else identities
    whole: Profile = replace(
        profile(), shopper=shopper, identities=named, suppressions=wishes, erased=erased
    )
    if news:
        whole = replace(whole, consents={"send_news": replace(NEWS, state=news)})
    delivery = Delivery.of(whole, version)
    return replace(delivery, fields=fields, remote_id=remote_id)
