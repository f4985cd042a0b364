import io
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlmodel import SQLModel, col, select

from preferences.errors import NotFoundError
from preferences.profile import ERASED
from preferences.store.changes import read_changes
from preferences.store.conversations import read_log, read_unanswered
from preferences.store.engine import Store, open_store
from preferences.store.erasure import erase, erase_shopper
from preferences.store.holdings import STAYS
from preferences.store.journal import Journal
from preferences.store.keys import issue_key
from preferences.store.links import unlink
from preferences.store.outbox import claim
from preferences.store.purchases import keep_aside
from preferences.store.sealed import read_text
from preferences.store.shoppers import add_name, remove_name
from preferences.store.tables import (
    ApiKeyRow,
    ConversationRow,
    IdentityRow,
    MessageRow,
    OutboxRow,
    ProductRow,
    QuarantineRow,
    ShopperRow,
    SuppressionRow,
    WebhookEndpointRow,
)
from tests.preferences.scenes import DAY, NOW, VOICE
from tests.preferences.store.lives import (
    CANARIES,
    CUSTOMER,
    EMAIL,
    Life,
    a_whole_life,
    held,
    sealed,
)
from tests.preferences.store.lives import person as person_of
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """A store with a journal, as a deployment has one."""
    async with open_store(store_url, VAULT, Journal(tmp_path / "journal.jsonl")) as opened:
        yield opened


@pytest.fixture
async def life(shop: Shop) -> Life:
    return await a_whole_life(shop)


def _seq(row: MessageRow) -> int:
    return row.seq


def files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def dump(url: str, folder: Path) -> bytes:
    """Everything that was written: the files of SQLite, or every row of PostgreSQL; the journal."""
    if url.startswith("sqlite"):
        return files(folder)
    connection = await asyncpg.connect(url)
    page = io.BytesIO()
    try:
        for table in SQLModel.metadata.sorted_tables:
            await connection.copy_from_table(table.name, output=page)
    finally:
        await connection.close()
    return page.getvalue() + files(folder)


async def test_a_deletion_leaves_nothing_of_the_person_in_any_raw_file(
    shop: Shop, life: Life, store_url: str, tmp_path: Path
) -> None:
    others = [await shop.meets(f"other-{number}") for number in range(30)]
    for talk in others:
        await shop.hears(talk, "hello", "greet")
    seals = await sealed(shop.store, await person_of(shop.store, life.head))
    before = await dump(store_url, tmp_path)

    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    after = await dump(store_url, tmp_path)
    for trace in [*CANARIES, *seals]:
        assert trace.encode() not in after
    # What is sought was there to be found.
    assert all(one.encode() in before for one in ["kanari", "Kanarigelbes Kleid", *seals])
    for talk in others:
        assert talk.id.encode() in after


async def test_a_deletion_in_a_chat_leaves_nothing_but_what_is_explained(
    shop: Shop, life: Life, store_url: str, tmp_path: Path
) -> None:
    seals = await sealed(shop.store, await person_of(shop.store, life.head))

    await shop.hears(life.talk, "yes")

    rows = await held(shop.store, await person_of(shop.store, life.head))
    assert {name for name, count in rows.items() if count} <= STAYS.keys()
    raw = await dump(store_url, tmp_path)
    for trace in [*CANARIES, *seals]:
        assert trace.encode() not in raw


async def test_the_wish_stays_with_each_of_who_was_one_person_and_nothing_names_them(
    shop: Shop, life: Life
) -> None:
    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    wishes = await shop.rows(SuppressionRow)
    assert {(row.shopper_id, row.scope, row.reason, row.expires_at) for row in wishes} == {
        (shopper, "all", ERASED, None) for shopper in life.shoppers
    }
    names = await shop.rows(IdentityRow)
    assert {row.kind for row in names} == {"customer", "email", "phone"}
    assert [row.sealed_value for row in names] == [None] * 3
    assert {(row.ledger_seq, row.ledger_hash) for row in await shop.rows(ShopperRow)} == {(0, "")}


async def test_who_is_told_apart_afterwards_stays_deleted(shop: Shop, life: Life) -> None:
    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    # What linked them is gone, so nobody can part them.
    with pytest.raises(NotFoundError):
        await unlink(shop.store, *life.shoppers, actor="shop", destinations=["log"], now=shop.now)


async def test_a_name_that_was_given_up_leaves_not_even_its_hash(shop: Shop, life: Life) -> None:
    async with shop.store.begin() as session:
        await remove_name(session, life.head, "email", EMAIL, why="changed", now=shop.now)

    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    assert {row.kind for row in await shop.rows(IdentityRow)} == {"customer", "phone"}


async def test_of_the_words_only_the_goodbye_of_the_assistant_stays(shop: Shop, life: Life) -> None:
    await shop.hears(life.talk, "yes")

    kept = sorted(await shop.rows(MessageRow), key=_seq)
    texts = [read_text(VAULT, row, "text") for row in kept]
    assert [(row.author, row.body) for row in kept] == [("shopper", {}), ("assistant", {})]
    assert texts == ["", VOICE.say("erased", "en")]
    for row in await shop.rows(ConversationRow):
        assert (row.open_ask_id, row.claimable_id, row.unclear) == (None, None, 0)


async def test_the_turn_of_a_deletion_may_be_taken_again(shop: Shop, life: Life) -> None:
    yes = await shop.gets(life.talk, "text", "yes")

    assert await shop.answers(yes) == await shop.answers(yes)


async def test_what_was_said_right_after_is_still_answered(shop: Shop, life: Life) -> None:
    yes = await shop.gets(life.talk, "text", "yes")
    again = await shop.gets(life.talk, "text", "yes")

    await shop.answers(yes)

    waiting = await read_unanswered(shop.store, life.talk.shopper)
    assert [received.message_id for received in waiting] == [again.message_id]
    assert await shop.answers(again)


async def test_every_crm_that_knew_them_is_told_first_and_by_every_id_it_knew(
    shop: Shop, life: Life
) -> None:
    async with shop.store.begin() as session:
        row = (await session.exec(select(OutboxRow))).first()
        row.payload_hash, row.last_error = "hash", "kanari"

    await erase_shopper(shop.store, life.head, ["another"], shop.now)

    rows = await shop.rows(OutboxRow)
    assert {(row.shopper_id, row.destination) for row in rows} == {
        (shopper, name) for shopper in life.shoppers for name in ("log", "another")
    }
    assert {(row.urgent, row.payload_hash, row.last_error) for row in rows} == {(True, None, None)}
    due = await claim(shop.store, "log", 10, shop.now + DAY)
    assert {one.shopper for one in due} == {*life.shoppers}


async def test_whoever_mirrors_the_store_learns_that_they_are_gone_and_nothing_else(
    shop: Shop, life: Life
) -> None:
    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    changes = await read_changes(shop.store, 0, 100)
    assert {(one.shopper, one.type, *one.detail) for one in changes} == {
        (shopper, "shopper.erased") for shopper in life.shoppers
    }


async def test_afterwards_nothing_the_shop_reports_is_kept_and_nothing_is_asked(
    shop: Shop, life: Life
) -> None:
    await shop.hears(life.talk, "yes")

    shop.waits(400 * DAY)
    kept = await shop.sells(CUSTOMER, "another-dress", "dress")
    back = await shop.meets(CUSTOMER)

    assert kept.shopper == back.shopper == life.talk.shopper
    assert not kept.candidate
    rows = await held(shop.store, await person_of(shop.store, life.head))
    assert (rows["purchase"], rows["purchase_line"], rows["candidate"]) == (0, 0, 0)
    replies = await shop.sees(back, "opened")
    assert not [reply for reply in replies if reply["ask"]]


async def test_others_keep_what_is_theirs(shop: Shop, life: Life) -> None:
    other, _ = await shop.asks_the_question("4712")
    await shop.hears(other, "a gift")
    theirs = await person_of(shop.store, other.shopper)
    before, log = await held(shop.store, theirs), await read_log(shop.store, other.id, 0)

    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    assert await held(shop.store, theirs) == before
    assert await read_log(shop.store, other.id, 0) == log


async def test_a_deletion_that_nobody_asked_for_in_the_chat_keeps_no_message(
    shop: Shop, life: Life
) -> None:
    async with shop.store.begin() as session:
        await erase(session, life.shoppers[1], NOW)

    assert await shop.rows(MessageRow) == []


async def test_who_is_not_known_cannot_be_deleted(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await erase_shopper(shop.store, "nobody", ["log"], NOW)


async def test_a_report_that_names_another_customer_or_none_stays(shop: Shop, life: Life) -> None:
    for number, body in enumerate(["{}", '{"customer": {"id": 4712}}']):
        await keep_aside(
            shop.store, source="s", topic="t", delivery=str(number), body=body, problem="p", now=NOW
        )

    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    assert {row.delivery_id for row in await shop.rows(QuarantineRow)} == {"0", "1"}


async def test_what_belongs_to_nobody_stays(shop: Shop, life: Life) -> None:
    await issue_key(shop.store, "crm", frozenset({"read"}), DAY, NOW)

    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    assert len(await shop.rows(ApiKeyRow)) == 1
    assert len(await shop.rows(WebhookEndpointRow)) == 1
    assert len(await shop.rows(ProductRow)) == 2


async def test_a_new_name_of_who_was_deleted_is_not_kept_from_them(shop: Shop, life: Life) -> None:
    await erase_shopper(shop.store, life.head, ["log"], shop.now)

    async with shop.store.begin() as session:
        await add_name(
            session, life.head, "email", EMAIL, assurance="claimed", proof="order", now=NOW
        )

    query = select(IdentityRow).where(col(IdentityRow.kind) == "email")
    async with shop.store.begin(readonly=True) as session:
        assert len((await session.exec(query)).all()) == 1
