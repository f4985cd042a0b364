"""Deliveries without a store."""

from dataclasses import replace

from preferences.profile import Profile, SuppressionEntry
from sync.delivery import Delivery
from tests.preferences.test_profile import LEFT_ALONE, profile


def delivery(shopper: str = "a", version: int = 1, *said: SuppressionEntry) -> Delivery:
    whole: Profile = replace(profile(identities=[("shopify", "42")]), shopper=shopper)
    return Delivery.of(replace(whole, suppressions=said), version)


def changed(shopper: str = "a", version: int = 1) -> Delivery:
    return delivery(shopper, version, LEFT_ALONE)
