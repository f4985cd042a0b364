import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from preferences.settings import Settings
from preferences.store.holdings import HELD, table_of
from preferences.store.orders import hold_order
from preferences.store.outbox import claim
from preferences.store.outcomes import Told, acknowledge
from preferences.store.profiles import read_profile
from preferences.store.purchases import keep_aside
from preferences.store.retention import Limits, sweep
from preferences.store.shoppers import remove_name
from preferences.store.tables import (
    AnswerRow,
    AskRow,
    ChangeRow,
    ConsentEventRow,
    ConversationRow,
    IdentityRow,
    MessageRow,
    NoticeRow,
    OutboxRow,
    OwnWordsRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
    RemovalRow,
    ShopperRow,
    SuppressionRow,
    WebhookDeliveryRow,
)
from preferences.store.types import UtcTime
from preferences.store.verifying import verify
from preferences.store.webhooks import add_endpoint
from tests.preferences.scenes import DAY, NOW
from tests.preferences.store.lives import CUSTOMER, EMAIL, a_whole_life
from tests.preferences.store.seeds import add_answer, add_consent, add_shopper
from tests.preferences.store.shop import Shop

LIMITS = Limits.of(Settings())
LOG = ["log"]

# Every column that tells the age of a row, with the limit that the row has.
AGES: dict[str, tuple[str, timedelta]] = {
    "own_words": ("at", timedelta(days=30)),
    "message": ("at", timedelta(days=30)),
    "tracker": ("updated_at", timedelta(days=30)),
    "dispatch": ("created_at", timedelta(days=30)),
    "surroundings": ("at", timedelta(days=1)),
    "promise": ("promised_at", timedelta(days=396)),
    "privacy_request": ("received_at", timedelta(days=396)),
    "answer": ("answered_at", timedelta(days=396)),
    "ask": ("asked_at", timedelta(days=396)),
    "decision": ("at", timedelta(days=396)),
    "purchase": ("placed_at", timedelta(days=1096)),
    "quarantine": ("received_at", timedelta(days=14)),
    "idempotency": ("at", timedelta(hours=24)),
    "webhook_delivery": ("created_at", timedelta(days=30)),
    "change": ("at", timedelta(days=90)),
    "suppression": ("lifted_at", timedelta(days=396)),
}

KEPT_ELSE: dict[str, str] = {
    "shopper": "as long as they are known; a stranger until nothing is left",
    "identity": "as long as it is in force, and shown below for how long after",
    "conversation": "as long as the shopper is known; of the erased shown below",
    "link": "as long as the shopper is known",
    "consent": "as long as the shopper is known: the proof of what was done",
    "consent_event": "as long as the shopper is known: the proof of what was done",
    "notice": "a text of the shop's",
    "candidate": "until it is over",
    "habit": "as long as an order it is worked out from",
    "outbox": "as long as the shopper is known: what a CRM holds",
    "purchase_note": "as long as its order, and shown below for how long without one",
    "referral": "as long as the shopper is known",
    "referral_code": "as long as the shopper is known",
}
"""Tables with a date that have no limit of days, each with what ends them instead."""


def test_every_table_of_a_person_with_a_date_has_a_limit_or_a_reason() -> None:
    dated = {
        table.__tablename__
        for table in HELD
        if any(isinstance(column.type, UtcTime) for column in table_of(table).columns)
    }

    assert dated == {*AGES, *KEPT_ELSE}


async def swept(shop: Shop, now: datetime) -> dict[str, int]:
    return dict(await sweep(shop.store, LIMITS, LOG, now))


async def ages(shop: Shop) -> dict[str, set[datetime]]:
    found = {}
    for table in HELD:
        if table.__tablename__ in AGES:
            column, _ = AGES[table.__tablename__]
            times = {getattr(row, column) for row in await shop.rows(table)}
            found[table.__tablename__] = times - {None}
    return found


async def told(shop: Shop) -> None:
    """The CRM has heard everything."""
    later = shop.now + 2000 * DAY
    due = await claim(shop.store, "log", 100, later)
    done = [Told(one.shopper, one.version, "hash") for one in due]
    await acknowledge(shop.store, "log", done, later)


async def test_what_is_fresh_stays(shop: Shop) -> None:
    life = await a_whole_life(shop)
    before = await ages(shop)

    # The question whose occasion was used is over, and goes.
    assert (await swept(shop, shop.now)).keys() <= {"candidate", "purchase"}

    assert await ages(shop) == before
    assert await verify(shop.store, life.head) == []


@pytest.mark.parametrize("table", sorted(AGES))
async def test_nothing_goes_before_its_limit_and_nothing_stays_after_it(
    shop: Shop, table: str
) -> None:
    await a_whole_life(shop)
    before = (await ages(shop))[table]
    oldest, newest = min(before), max(before)
    _, limit = AGES[table]
    second = timedelta(seconds=1)

    await swept(shop, oldest + limit - second)
    assert min((await ages(shop))[table]) == oldest

    await swept(shop, newest + limit + second)
    assert (await ages(shop))[table] & before == set()


async def test_what_a_disabled_webhook_waits_for_stays_as_long_as_changes_do(shop: Shop) -> None:
    endpoint, _ = await add_endpoint(shop.store, "https://crm.example/", (), shop.now)
    for state in ("waiting", "failed"):
        row = WebhookDeliveryRow(
            id=state, endpoint_id=endpoint.id, change_id=state, shopper_id="", position=1,
            type="preference.answered", state=state, next_attempt_at=shop.now, created_at=shop.now,
        )  # fmt: skip
        async with shop.store.begin() as session:
            session.add(row)

    await swept(shop, shop.now + 31 * DAY)
    assert [row.state for row in await shop.rows(WebhookDeliveryRow)] == ["waiting"]

    await swept(shop, shop.now + 91 * DAY)
    assert await shop.rows(WebhookDeliveryRow) == []


async def test_a_note_whose_order_never_came_goes_after_a_while_and_one_of_an_order_with_it(
    shop: Shop,
) -> None:
    await shop.sells("4711", "order-1", "hat")
    async with shop.store.begin() as session:
        session.add_all(
            PurchaseNoteRow(
                source="shopify",
                external_id=order,
                id="note",
                kind="delivered",
                at=shop.now,
                received_at=shop.now,
            )
            for order in ("order-1", "never came")
        )

    async def left() -> list[str]:
        return sorted(row.external_id for row in await shop.rows(PurchaseNoteRow))

    await swept(shop, shop.now + LIMITS.unread)
    assert await left() == ["never came", "order-1"]
    await swept(shop, shop.now + LIMITS.unread + timedelta(seconds=1))
    assert await left() == ["order-1"]
    await swept(shop, shop.now + LIMITS.orders + timedelta(seconds=1))
    assert await left() == []


async def test_what_proves_an_answer_outlives_it(shop: Shop) -> None:
    life = await a_whole_life(shop)
    for days in range(0, 396, 60):
        await swept(shop, shop.now + days * DAY)
        assert await verify(shop.store, life.head) == []
        assert await shop.rows(AnswerRow)

    await swept(shop, shop.now + 397 * DAY)

    assert await shop.rows(AnswerRow) == []
    assert await shop.rows(ConsentEventRow)
    assert await shop.rows(NoticeRow)
    assert await verify(shop.store, life.head) == []
    assert await shop.rows(RemovalRow) == []


async def test_crms_and_mirrors_are_told_when_an_answer_goes(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift", "answer", "gift")
    await told(shop)
    noted = {row.id for row in await shop.rows(ChangeRow)}

    await swept(shop, shop.now + 397 * DAY)

    due = await claim(shop.store, "log", 10, shop.now + 400 * DAY)
    assert [one.shopper for one in due] == [talk.shopper]
    (change,) = [row for row in await shop.rows(ChangeRow) if row.id not in noted]
    assert (change.shopper_id, change.type) == (talk.shopper, "preference.removed")
    assert change.detail == {"question": "gift_or_self"}
    assert (await read_profile(shop.store, talk.shopper)).answers == ()


async def test_a_question_that_nobody_answered_in_all_that_time_is_open_no_more(
    shop: Shop,
) -> None:
    talk, _ = await shop.asks_the_question()

    await swept(shop, shop.now + 397 * DAY)

    assert await shop.rows(AskRow) == []
    (row,) = [row for row in await shop.rows(ConversationRow) if row.id == talk.id]
    assert row.open_ask_id is None


UNWANTED = {"polarity": "does_not_want"}


async def answers(shop: Shop, *given: tuple[datetime, dict[str, Any]]) -> list[str]:
    """Give answers to one question in a row, sweep when the first two are old, and see what is left."""
    async with shop.store.begin() as session:
        await add_shopper(session, "a")
        await add_consent(session, "a", 1, "given")
        for number, (at, more) in enumerate(given, start=1):
            await add_answer(session, "a", number, **{"value": "sms", "answered_at": at} | more)
    await swept(shop, NOW + 1000 * DAY)
    return sorted(row.id.removeprefix("answer-a-") for row in await shop.rows(AnswerRow))


async def test_a_wish_not_to_be_offered_something_stays_for_as_long_as_it_holds(
    shop: Shop,
) -> None:
    assert await answers(shop, (NOW, {"detail": UNWANTED})) == ["1"]


async def test_a_wish_that_was_taken_back_goes_once_that_is_long_ago(shop: Shop) -> None:
    wanted = {"detail": {"polarity": "wants"}}
    given = [(NOW, {"detail": UNWANTED}), (NOW + DAY, wanted)]

    assert await answers(shop, *given) == []


@pytest.mark.parametrize(
    "other",
    [
        {"value": "email"},
        {"question_id": "another"},
        {"about": None},
        {"detail": {"purpose": "another"}},
    ],
)
async def test_an_answer_about_something_else_takes_no_wish_back(
    shop: Shop, other: dict[str, Any]
) -> None:
    assert await answers(shop, (NOW, {"detail": UNWANTED}), (NOW + DAY, other)) == ["1"]


async def test_a_wish_that_was_taken_back_lately_stays_for_its_history(shop: Shop) -> None:
    given = [(NOW, {"detail": UNWANTED}), (NOW + 900 * DAY, {})]

    assert await answers(shop, *given) == ["1", "2"]


async def test_a_name_that_was_given_up_goes_in_the_end(shop: Shop) -> None:
    life = await a_whole_life(shop)
    async with shop.store.begin() as session:
        await remove_name(session, life.head, "email", EMAIL, why="changed", now=shop.now)

    await swept(shop, shop.now + 396 * DAY)
    assert {row.kind for row in await shop.rows(IdentityRow)} == {"customer", "phone", "email"}

    await swept(shop, shop.now + 397 * DAY)
    assert {row.kind for row in await shop.rows(IdentityRow)} == {"customer", "phone"}


async def test_the_chat_of_who_was_forgotten_goes_after_its_goodbye(shop: Shop) -> None:
    life = await a_whole_life(shop)
    other = await shop.meets("4712")
    await shop.hears(life.talk, "yes")
    await told(shop)

    await swept(shop, shop.now + 29 * DAY)
    assert life.talk.id in {row.id for row in await shop.rows(ConversationRow)}

    await swept(shop, shop.now + 31 * DAY)
    assert [row.id for row in await shop.rows(ConversationRow)] == [other.id]
    # The wish stays.
    assert (await read_profile(shop.store, life.head)).erased
    assert (await shop.meets(CUSTOMER)).shopper == life.head


# Strangers


async def strangers(shop: Shop) -> set[str]:
    return {row.id for row in await shop.rows(ShopperRow)}


async def test_a_stranger_of_whom_nothing_is_left_goes_with_the_chat(shop: Shop) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "hello", "greet")
    await swept(shop, shop.now + 29 * DAY)
    assert await strangers(shop) == {talk.shopper}

    for days in (31, 397, 400):  # decisions about them are kept as long as those about others
        await swept(shop, shop.now + days * DAY)

    assert await strangers(shop) == set()
    assert await shop.rows(ConversationRow) == []


async def test_a_stranger_who_said_stop_is_left_alone_until_nobody_was_there_for_long(
    shop: Shop,
) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "stop")
    await told(shop)
    await swept(shop, shop.now + 300 * DAY)
    assert len(await shop.rows(SuppressionRow)) == 1

    await swept(shop, shop.now + 397 * DAY)
    await told(shop)
    await swept(shop, shop.now + 400 * DAY)

    for table in (ShopperRow, SuppressionRow, ConsentEventRow, OutboxRow, ConversationRow):
        assert await shop.rows(table) == []


async def test_a_stranger_a_crm_still_has_to_be_told_of_waits_for_that(shop: Shop) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "stop")

    await swept(shop, shop.now + 397 * DAY)

    assert await strangers(shop) == {talk.shopper}


async def test_mirrors_learn_that_a_stranger_they_knew_is_gone(shop: Shop) -> None:
    talk = await shop.meets()
    await shop.hears(talk, "stop")
    await told(shop)
    async with shop.store.begin() as session:  # noted late: it is not old yet
        for row in (await session.exec(select(ChangeRow))).all():
            row.at = shop.now + 390 * DAY
    assert await shop.rows(ChangeRow)

    await swept(shop, shop.now + 397 * DAY)

    assert [(row.shopper_id, row.type) for row in await shop.rows(ChangeRow)] == [
        (talk.shopper, "shopper.erased")
    ]


async def test_who_has_a_name_or_is_one_with_others_is_no_stranger(shop: Shop) -> None:
    life = await a_whole_life(shop)
    await told(shop)

    await swept(shop, shop.now + 5000 * DAY)

    assert await strangers(shop) == {*life.shoppers}


async def test_many_go_a_batch_at_a_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preferences.store.retention._BATCH", 2)
    monkeypatch.setattr("preferences.store.strangers._BATCH", 2)
    for number in range(5):
        await keep_aside(
            shop.store, source="s", topic="t", delivery=str(number), body="{}", problem="p",
            now=shop.now,
        )  # fmt: skip
        await shop.meets()

    gone = await swept(shop, shop.now + 31 * DAY)

    assert (gone["quarantine"], gone["shopper"]) == (5, 5)
    assert await shop.rows(QuarantineRow) == []


async def test_an_order_that_is_being_told_of_again_is_waited_for(shop: Shop) -> None:
    await shop.sells("4711", "old", "shirt")
    shop.waits(1200 * DAY)
    async with shop.store.begin() as session:
        held = await hold_order(session, ("shopify", "old"))
        assert held is not None
        sweeping = asyncio.create_task(swept(shop, shop.now))
        await asyncio.sleep(0.3)
        held.placed_at = shop.now
    assert "purchase" not in await sweeping

    (kept,) = await shop.rows(PurchaseRow)
    assert kept.placed_at == shop.now


async def test_a_reading_of_the_clock_long_ago_takes_nothing(shop: Shop) -> None:
    await a_whole_life(shop)

    assert (await swept(shop, NOW - 3000 * DAY)).keys() <= {"candidate", "purchase"}


async def test_the_limits_are_those_of_the_settings() -> None:
    settings = Settings(keep_messages_days=1, keep_words_days=2, keep_answers_days=3)

    limits = Limits.of(settings)

    assert (limits.messages, limits.words, limits.answers) == (DAY, 2 * DAY, 3 * DAY)


async def test_what_was_said_stays_for_as_long_as_its_own_limit_says(shop: Shop) -> None:
    life = await a_whole_life(shop)
    assert await shop.rows(OwnWordsRow)

    await swept(shop, shop.now + 31 * DAY)

    assert await shop.rows(OwnWordsRow) == []
    (answer,) = (await read_profile(shop.store, life.head)).answers or [None]
    assert answer is None  # withdrawn by the stop
    assert len(await shop.rows(AnswerRow)) == 1
    assert await shop.rows(MessageRow) == []
    assert await shop.rows(PurchaseRow)
