import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import update
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.errors import NotFoundError
from preferences.settings import Settings
from preferences.store.anchors import anchor
from preferences.store.engine import Store, open_store
from preferences.store.erasure import erase_shopper
from preferences.store.journal import Journal
from preferences.store.receipts import receipt
from preferences.store.tables import ConsentRow, IdentityRow, ShopperRow
from preferences.store.verifying import verify
from tests.preferences.scenes import DAY, NOW, PURPOSE
from tests.preferences.store.lives import Life, a_whole_life
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


@pytest.fixture
async def store(store_url: str, tmp_path) -> Store:
    async with open_store(store_url, VAULT, Journal(tmp_path / "journal.jsonl")) as opened:
        yield opened


@pytest.fixture
async def life(shop: Shop) -> Life:
    return await a_whole_life(shop)


async def tamper(session: AsyncSession, table: str, assignment: str) -> None:
    """Change rows past the guards, as only somebody with the database's password can."""
    connection = await session.connection()
    if session.get_bind().dialect.name == "sqlite":
        await connection.execute(text(f"DROP TRIGGER {table}_fixed"))
        await connection.execute(text(f"UPDATE {table} SET {assignment}"))  # noqa: S608 - a test's own
        guard = f"BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'a ledger only grows'); END"
        await connection.execute(text(f"CREATE TRIGGER {table}_fixed {guard}"))
    else:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(f"UPDATE {table} SET {assignment}"))  # noqa: S608 - a test's own


async def findings(shop: Shop, life: Life) -> str:
    return "\n".join(str(finding) for finding in await verify(shop.store, life.head))


async def test_a_life_that_nobody_tampered_with_is_proved(shop: Shop, life: Life) -> None:
    await anchor(shop.store, NOW)

    assert await verify(shop.store, life.head) == []


async def test_who_was_erased_is_proved_too(shop: Shop, life: Life) -> None:
    await anchor(shop.store, NOW)
    await erase_shopper(shop.store, life.head, ["log"], NOW + DAY)

    assert await verify(shop.store, life.head) == []


async def test_who_is_not_known_cannot_be_checked(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await verify(shop.store, "nobody")


@pytest.mark.parametrize(
    ("table", "assignment", "told"),
    [
        ("consent_event", "state = 'given'", "was altered"),
        ("consent_event", "purpose = 'another'", "under no permission in force"),
        ("consent_event", "notice_sha256 = NULL", "was altered"),
        ("notice", "text = 'You agreed to everything'", "is not the text that was shown"),
        ("answer", "kind = 'imported', source = '', consent_id = NULL", "names no permission"),
        ("answer", "purpose = 'another'", "under no permission in force"),
        ("answer", "answered_at = '2020-01-01 00:00:00+00'", "under no permission in force"),
    ],
)
async def test_what_was_changed_past_the_store_is_found(
    shop: Shop, life: Life, table: str, assignment: str, told: str
) -> None:
    if "2020" in assignment and shop.store._engine.dialect.name == "sqlite":
        assignment = assignment.replace("+00", ".000000")
    async with shop.store.begin() as session:
        await tamper(session, table, assignment)

    assert told in await findings(shop, life)


async def test_a_text_that_is_not_there_any_more_is_found(shop: Shop, life: Life) -> None:
    moved = "sha256 = 'elsewhere' || sha256"
    database = shop.store._engine.url
    if database.get_backend_name() == "sqlite":  # whose own connections look after references
        with closing(sqlite3.connect(database.database)) as connection, connection:
            connection.execute("DROP TRIGGER notice_fixed")
            connection.execute(f"UPDATE notice SET {moved}")  # noqa: S608 - a test's own
    else:
        async with shop.store.begin() as session:
            await tamper(session, "notice", moved)

    assert "The text of a notice that was shown is missing." in await findings(shop, life)


async def test_an_imported_fact_needs_its_source_and_no_permission(shop: Shop, life: Life) -> None:
    async with shop.store.begin() as session:
        await tamper(session, "answer", "kind = 'imported', source = 'crm', consent_id = NULL")

    assert await verify(shop.store, life.head) == []


@pytest.mark.parametrize(
    "values", [{"state": "given"}, {"event_id": "another"}, {"valid_until": NOW}]
)
async def test_a_current_view_that_is_not_the_last_event_is_found(
    shop: Shop, life: Life, values: dict[str, Any]
) -> None:
    async with shop.store.begin() as session:
        if "event_id" in values:
            await session.delete(await session.get_one(ConsentRow, (life.head, PURPOSE)))
        else:
            await session.exec(update(ConsentRow).values(**values))

    assert "is not the last of its events" in await findings(shop, life)


async def test_a_ledger_that_was_cut_off_at_its_end_is_found(shop: Shop, life: Life) -> None:
    async with shop.store.begin() as session:
        await session.exec(update(ShopperRow).values(ledger_seq=99))

    assert "The consent ledger of" in await findings(shop, life)


async def test_a_ledger_that_was_written_anew_does_not_fit_its_anchor(
    shop: Shop, life: Life
) -> None:
    await shop.store.journal.write_ends([(life.head, 1, "another hash")], NOW)

    assert "not the one that the journal anchored" in await findings(shop, life)


async def test_a_journal_that_was_changed_is_found(shop: Shop, life: Life) -> None:
    await anchor(shop.store, NOW)
    file = shop.store.journal.file
    file.write_text(file.read_text().replace("withdrawn", "refused"))

    assert "The journal does not fit its own anchors" in await findings(shop, life)


async def test_a_sealed_value_that_was_moved_is_found(shop: Shop, life: Life) -> None:
    async with shop.store.begin() as session:
        await session.exec(update(IdentityRow).values(sealed_value="key.AAAA"))

    # A name that cannot be opened stops the search for whose it is, with the remedy.
    with pytest.raises(Exception, match="bring it back"):
        await verify(shop.store, life.head)


async def test_a_sealed_message_that_was_moved_is_found(shop: Shop, life: Life) -> None:
    async with shop.store.begin() as session:
        connection = await session.connection()
        await connection.execute(text("UPDATE message SET sealed_text = 'key.AAAA'"))

    assert "bring it back" in await findings(shop, life)


# Receipts


async def test_a_receipt_tells_what_was_agreed_to_in_which_words(shop: Shop) -> None:
    talk, _ = await shop.asks_the_question()

    page = await receipt(shop.store, talk.shopper, Settings(), shop.now)

    (record,) = page["records"]
    assert (page["pii_principal"], page["pii_controllers"]) == (talk.shopper, ["Corner Shop"])
    assert (record["purpose"], record["event"]["state"]) == (PURPOSE, "given")
    assert (record["event"]["method"], record["event"]["entity"]) == ("button", "shopper")
    assert record["notice"]["text"]
    assert record["notice"]["shown_at"] == "2026-11-22T12:00:00Z"
    assert record["recipients"] == ["log"]
    assert record["withdrawal_method"]
    assert record["retention_days"] == 396
    assert json.loads(json.dumps(page)) == page


async def test_after_a_withdrawal_the_receipt_says_so(shop: Shop, life: Life) -> None:
    page = await receipt(shop.store, life.shoppers[1], Settings(), shop.now)

    assert page["pii_principal"] == life.head
    (record,) = page["records"]
    assert (record["event"]["state"], record["notice"]) == ("withdrawn", None)


async def test_who_agreed_to_nothing_has_an_empty_receipt(shop: Shop) -> None:
    talk = await shop.meets("4711")

    assert (await receipt(shop.store, talk.shopper, Settings(), NOW))["records"] == []


async def test_nobody_has_no_receipt(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await receipt(shop.store, "nobody", Settings(), NOW)
