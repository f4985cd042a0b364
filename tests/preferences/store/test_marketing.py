"""Advertising that was stopped at the platform: a wish of that channel, whatever order it comes in."""

from preferences.store.marketing import resume_marketing, stop_marketing
from preferences.store.tables import ConsentEventRow, OutboxRow, SuppressionRow
from tests.preferences.scenes import MINUTE, NOW
from tests.preferences.store.shop import Shop
from tests.preferences.store.test_arrivals import ANA, come, text


async def _stops(shop: Shop) -> None:
    await stop_marketing(shop.store, "whatsapp", ANA, ("log",), NOW)


async def test_it_is_kept_once_of_whoever_it_is_and_the_crms_are_told(shop: Shop) -> None:
    talk, _ = await come(shop, text("a"))
    await _stops(shop)
    await _stops(shop)
    (row,) = await shop.rows(SuppressionRow)

    assert (row.scope, row.target, row.source) == ("channel", "whatsapp_marketing", "shopper")
    assert (row.shopper_id, row.reason) == (talk.shopper, "stopped_at_platform")
    assert [one.destination for one in await shop.rows(OutboxRow)] == ["log"]


async def test_somebody_nobody_knows_yet_is_met_for_it(shop: Shop) -> None:
    await _stops(shop)
    talk, _ = await come(shop, text("a"))

    assert [row.shopper_id for row in await shop.rows(SuppressionRow)] == [talk.shopper]


async def test_resuming_ends_the_wish_if_it_is_older_and_permits_nothing(shop: Shop) -> None:
    await _stops(shop)
    await resume_marketing(shop.store, "whatsapp", ANA, ("log",), NOW - MINUTE)  # it came late
    (row,) = await shop.rows(SuppressionRow)
    assert row.lifted_at is None

    await resume_marketing(shop.store, "instagram", ANA, ("log",), NOW + MINUTE)
    await resume_marketing(shop.store, "whatsapp", {"phone": "+34600999999"}, (), NOW + MINUTE)
    (row,) = await shop.rows(SuppressionRow)
    assert row.lifted_at is None

    await resume_marketing(shop.store, "whatsapp", ANA, ("log",), NOW + MINUTE)
    (row,) = await shop.rows(SuppressionRow)
    assert (row.lifted_at, row.lifted_by) == (NOW + MINUTE, "shopper")
    assert await shop.rows(ConsentEventRow) == []
