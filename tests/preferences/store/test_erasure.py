from collections.abc import Iterable

import pytest
from sqlalchemy import Column, Table
from sqlmodel import SQLModel, select

from preferences.store.conversations import Conversation, read_log, read_unanswered
from preferences.store.erasure import erase
from preferences.store.keys import issue_key
from preferences.store.outbox import claim
from preferences.store.purchases import keep_aside
from preferences.store.tables import (
    ApiKeyRow,
    ConversationRow,
    MessageRow,
    OutboxRow,
    ProductRow,
    PurchaseRow,
    QuarantineRow,
    SuppressionRow,
    TrackerRow,
)
from tests.preferences.scenes import DAY, NOW, VOICE
from tests.preferences.store.shop import Shop

# What belongs to no shopper: everything else has to name whom its rows are of.
OF_NOBODY = {"product", "quarantine", "api_key"}
STAYS = {"shopper", "identity", "conversation", "message", "suppression", "outbox"}


async def rows_of(shop: Shop, talks: list[Conversation]) -> dict[str, int]:
    """How many rows of a shopper each table holds, found by the names of its columns."""
    shopper, spoken = talks[0].shopper, [talk.id for talk in talks]
    bought = select(PurchaseRow.id).where(PurchaseRow.shopper_id == shopper)
    held = {}
    async with shop.store.begin(readonly=True) as session:
        whose = {
            "shopper_id": [shopper],
            "conversation_id": spoken,
            "sender_id": spoken,
            "purchase_id": (await session.exec(bought)).all(),
        }
        for table in SQLModel.metadata.sorted_tables:
            if table.name not in OF_NOBODY:
                column = _owner(table, whose)
                rows = select(column).where(column.in_(whose.get(column.name, [shopper])))
                held[table.name] = len((await session.exec(rows)).all())
    return held


def _owner(table: Table, whose: Iterable[str]) -> Column[str]:
    for name in ("id",) if table.name == "shopper" else whose:
        if name in table.c:
            return table.c[name]
    pytest.fail(f"tell in this test whose rows the table {table.name} holds, and erase them")


@pytest.fixture
async def life(shop: Shop) -> list[Conversation]:
    """A shopper of whom every table holds something, who is asked whether to delete it all."""
    talk, _ = await shop.asks_the_question()
    await shop.hears(talk, "a gift")
    phone = await shop.meets("4711", "whatsapp")
    await shop.hears(phone, "hello, it is me", "greet")
    async with shop.store.begin() as session:
        session.add(TrackerRow(sender_id=talk.id, events="[]", updated_at=NOW))
    await shop.hears(talk, "stop")
    await shop.hears(talk, "start")
    await shop.hears(talk, "forget me", "erase_data")
    return [talk, phone]


async def test_before_a_deletion_every_table_holds_something_of_the_shopper(
    shop: Shop, life: list[Conversation]
) -> None:
    assert {name for name, rows in (await rows_of(shop, life)).items() if not rows} == set()


async def test_a_deletion_leaves_no_row_but_the_wish_to_be_left_alone_and_its_proof(
    shop: Shop, life: list[Conversation]
) -> None:
    await shop.hears(life[0], "yes")

    held = await rows_of(shop, life)
    assert {name for name, rows in held.items() if rows} == STAYS
    (wish,) = await shop.rows(SuppressionRow)
    assert (wish.scope, wish.reason, wish.expires_at) == ("all", "shopper_erased", None)


async def test_of_the_words_only_the_goodbye_of_the_assistant_stays(
    shop: Shop, life: list[Conversation]
) -> None:
    await shop.hears(life[0], "yes")

    kept = await shop.rows(MessageRow)
    assert [(row.author, row.text, row.body) for row in sorted(kept, key=lambda row: row.seq)] == [
        ("shopper", "", {}),
        ("assistant", VOICE.say("erased", "en"), {}),
    ]
    for row in await shop.rows(ConversationRow):
        assert (row.open_ask_id, row.unclear) == (None, 0)


async def test_the_turn_of_a_deletion_may_be_taken_again(
    shop: Shop, life: list[Conversation]
) -> None:
    yes = await shop.gets(life[0], "text", "yes")

    assert await shop.answers(yes) == await shop.answers(yes)


async def test_what_was_said_right_after_is_still_answered(
    shop: Shop, life: list[Conversation]
) -> None:
    talk, phone = life
    yes = await shop.gets(talk, "text", "yes")
    again = await shop.gets(talk, "text", "yes")
    there = await shop.gets(phone, "text", "hello?")

    await shop.answers(yes)

    waiting = await read_unanswered(shop.store, talk.shopper)
    assert {received.message_id for received in waiting} == {again.message_id, there.message_id}
    assert await shop.answers(again)


async def test_the_crms_are_told_of_it_first(shop: Shop, life: list[Conversation]) -> None:
    await shop.hears(life[0], "yes")

    assert [row.urgent for row in await shop.rows(OutboxRow)] == [True]
    assert [due.shopper for due in await claim(shop.store, "log", 10, NOW)] == [life[0].shopper]


async def test_afterwards_nothing_the_shop_reports_is_kept_and_nothing_is_asked(
    shop: Shop, life: list[Conversation]
) -> None:
    await shop.hears(life[0], "yes")

    shop.waits(400 * DAY)
    kept = await shop.sells("4711", "another-dress", "dress")
    back = await shop.meets("4711")

    assert kept.shopper == back.shopper == life[0].shopper
    assert not kept.candidate
    held = await rows_of(shop, [*life, back])
    assert (held["purchase"], held["purchase_line"], held["candidate"]) == (0, 0, 0)
    replies = await shop.sees(back, "opened")
    assert not [reply for reply in replies if reply["ask"]]


async def test_others_keep_what_is_theirs(shop: Shop, life: list[Conversation]) -> None:
    other, _ = await shop.asks_the_question("4712")
    await shop.hears(other, "a gift")
    before = await rows_of(shop, [other])
    log = await read_log(shop.store, other.id, 0)

    await shop.hears(life[0], "yes")

    assert await rows_of(shop, [other]) == before
    assert await read_log(shop.store, other.id, 0) == log


async def test_a_deletion_that_nobody_asked_for_in_the_chat_keeps_no_message(
    shop: Shop, life: list[Conversation]
) -> None:
    async with shop.store.begin() as session:
        await erase(session, life[0].shopper, NOW)

    held = await rows_of(shop, life)
    assert {name for name, rows in held.items() if rows} == STAYS - {"message"}


async def test_what_belongs_to_nobody_stays(shop: Shop, life: list[Conversation]) -> None:
    await issue_key(shop.store, "crm", frozenset({"read"}), DAY, NOW)
    await keep_aside(
        shop.store, source="s", topic="t", delivery="d", body="{}", problem="p", now=NOW
    )

    await shop.hears(life[0], "yes")

    assert len(await shop.rows(ApiKeyRow)) == 1
    assert len(await shop.rows(QuarantineRow)) == 1
    assert len(await shop.rows(ProductRow)) == 2
