"""What happened to an order, as an occasion for later, or as one to be silent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from sqlmodel import select

from preferences.dialogue.respond import Assistant
from preferences.policy import WelcomePolicy
from preferences.purchases import Line, Note, Purchase
from preferences.store.outbox import claim
from preferences.store.profiles import read_profile
from preferences.store.purchases import keep_notes, keep_purchases
from preferences.store.tables import CandidateRow, DecisionRow, SuppressionRow
from tests.preferences.scenes import CATALOGUE, DAY, HOUR, NOW, POLICY, VOICE
from tests.preferences.store.shop import Shop

ORDER = Purchase(
    "web",
    "1",
    "7",
    NOW,
    (
        Line("cup", "Cup", 1, Decimal(9), "EUR", ref="a"),
        Line("pan", "Pan", 2, Decimal(80), "EUR", ref="b"),
    ),
)
DELIVERED = Note("delivered", NOW + DAY, "delivered")
REFUND = Note("refund", NOW + 2 * DAY, "refund/1/b", "b", 1)


async def notes(shop: Shop, *told: Note) -> str:
    policy, now = shop.assistant.policy, shop.now
    return (await keep_notes(shop.store, ("web", "1"), told, policy, now, ("log",))).became


async def candidates(shop: Shop) -> list[CandidateRow]:
    return sorted(await shop.rows(CandidateRow), key=lambda row: row.due_at or row.created_at)


async def why(shop: Shop, customer: str = "7") -> Sequence[str]:
    """Open the chat, and tell why nothing was asked, or what was."""
    talk = await shop.meets(customer)
    await shop.sees(talk, "opened")
    async with shop.store.begin(readonly=True) as session:
        query = select(DecisionRow).where(DecisionRow.conversation_id == talk.id)
        [row] = (await session.exec(query)).all()
    return [row.question_id] if row.question_id else [reason["code"] for reason in row.reasons]


async def test_a_delivery_is_worth_a_question_a_week_later_and_not_before(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    assert await shop.rows(CandidateRow) == []
    shop.waits(2 * DAY)
    await notes(shop, DELIVERED)

    [row] = await candidates(shop)
    assert row.about == {"purchase": "1", "sku": "pan", "product": "Pan"}
    assert (row.question_id, row.reason) == ("how_was_it", "follow_up")
    assert (row.due_at, row.expires_at) == (NOW + 8 * DAY, NOW + 38 * DAY)
    assert await why(shop) == ["nothing_to_ask"]

    shop.waits(6 * DAY)
    assert "nothing_to_ask" not in await why(shop, "7")


async def test_a_delivery_that_is_told_twice_is_one_occasion(shop: Shop) -> None:
    await shop.gets_order(replace(ORDER, status="delivered", updated_at=NOW + DAY))
    await notes(shop, DELIVERED)
    await shop.gets_order(replace(ORDER, status="delivered", updated_at=NOW + 3 * DAY))

    assert len(await candidates(shop)) == 1


async def test_a_delivery_of_long_ago_is_no_occasion(shop: Shop) -> None:
    shop.now += 90 * DAY
    await shop.gets_order(ORDER)
    await notes(shop, DELIVERED)

    assert await candidates(shop) == []


async def test_what_comes_back_is_not_asked_about(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    await notes(shop, DELIVERED)
    shop.waits(2 * DAY)
    await notes(shop, replace(REFUND, quantity=2))

    assert [row.closed_at for row in await candidates(shop)] == [shop.now]


async def test_after_a_return_nothing_is_asked_for_some_days(shop: Shop) -> None:
    kept = await shop.gets_order(ORDER)
    shop.waits(2 * DAY)
    await notes(shop, REFUND)

    [row] = await shop.rows(SuppressionRow)
    assert (row.scope, row.reason, row.source) == ("all", "return", "assistant")
    assert row.expires_at == REFUND.at + 7 * DAY
    assert "return" in await why(shop)
    [due] = await claim(shop.store, "log", 10, shop.now)
    assert due.shopper == kept.shopper
    shop.waits(7 * DAY)
    assert "return" not in await why(shop)


async def test_a_return_that_is_told_again_is_no_new_one(shop: Shop) -> None:
    kept = await shop.gets_order(ORDER)
    shop.waits(2 * DAY)
    await notes(shop, REFUND)
    await notes(shop, REFUND)
    talk = await shop.meets("7")
    await shop.hears(talk, "start", "start")
    await notes(shop, REFUND)

    [row] = await shop.rows(SuppressionRow)
    assert row.lifted_at == shop.now
    assert (await read_profile(shop.store, kept.shopper)).suppressions == ()


async def test_a_return_of_long_ago_silences_nobody(shop: Shop) -> None:
    shop.now += 30 * DAY
    await shop.gets_order(replace(ORDER, notes=(REFUND,)))

    assert await shop.rows(SuppressionRow) == []


async def test_a_refund_of_a_whole_order_is_a_return_and_a_cancellation_is_none(shop: Shop) -> None:
    await shop.gets_order(ORDER)
    await shop.gets_order(replace(ORDER, external_id="2"))
    await shop.gets_order(
        replace(ORDER, external_id="2", status="cancelled", updated_at=NOW + HOUR)
    )
    assert await shop.rows(SuppressionRow) == []

    await shop.gets_order(replace(ORDER, status="refunded", updated_at=NOW + HOUR))
    assert [row.reason for row in await shop.rows(SuppressionRow)] == ["return"]


async def test_a_first_order_begins_a_welcome_and_a_second_does_not(shop: Shop) -> None:
    welcome = WelcomePolicy(questions=("matters", "channel"), days_between=7, expires_days=60)
    policy = POLICY.model_copy(update={"welcome": welcome})
    new = shop.of(assistant=Assistant(CATALOGUE, VOICE, policy))

    await keep_purchases(
        new.store, [ORDER, replace(ORDER, external_id="2")], policy, new.now, ("log",)
    )
    await new.gets_order(replace(ORDER, external_id="3"))
    await new.gets_order(replace(ORDER, customer="8", external_id="4", placed_at=NOW - 90 * DAY))

    rows = await candidates(new)
    assert [(row.question_id, row.reason, row.due_at) for row in rows] == [
        ("matters", "welcome", NOW),
        ("channel", "welcome", NOW + 7 * DAY),
    ]
    assert rows[0].about == {"purchase": "", "sku": "", "product": ""}
    assert await why(new) != ["nothing_to_ask"]
