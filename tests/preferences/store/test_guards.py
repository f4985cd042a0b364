# ruff: noqa: S608  (the names are ours, and SQL of any kind is what is tested)

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from preferences.store.engine import Store
from preferences.store.guards import FIXED, LEDGERS
from preferences.store.tables import DecisionRow, LinkRow, RemovalRow
from tests.preferences.store.seeds import START, add_shopper_who_answered

EVERY = (*LEDGERS, *FIXED)
REFUSED = "a ledger only grows"


@pytest.fixture
async def ledgers(store: Store) -> Store:
    """A store where every ledger holds a row of s-1, and some one of s-2."""
    async with store.begin() as session:
        for shopper in ("s-1", "s-2"):
            await add_shopper_who_answered(session, shopper)
        session.add(
            DecisionRow(
                id="d-1",
                shopper_id="s-1",
                conversation_id="talk-s-1",
                trigger="opened",
                reasons=[],
                policy_version=1,
                at=START,
            )
        )
        session.add(
            LinkRow(
                id="l-1",
                shopper_id="s-1",
                head_id="s-2",
                state="linked",
                proof="code",
                actor="shopper",
                at=START,
            )
        )
    return store


async def run(session: AsyncSession, sql: str) -> int:
    return int((await session.exec(text(sql))).rowcount)


async def refused(store: Store, *statements: str) -> bool:
    """Whether the last of these statements is refused, by this guard and nothing else."""
    async with store.begin() as session:
        for statement in statements[:-1]:
            await run(session, statement)
        try:
            await run(session, statements[-1])
        except DBAPIError as error:
            return REFUSED in str(error.orig)
        finally:
            await session.rollback()
    return False


def key(table: str) -> str:
    return "sha256" if table == "notice" else "id"


def test_everything_that_proves_something_is_guarded() -> None:
    assert {*EVERY} == {"answer", "consent_event", "decision", "link", "notice"}


@pytest.mark.parametrize("table", EVERY)
async def test_no_row_of_a_ledger_is_ever_changed(ledgers: Store, table: str) -> None:
    column = key(table)

    assert await refused(ledgers, f"UPDATE {table} SET {column} = {column}")
    assert await refused(ledgers, f"UPDATE {table} SET {column} = 'other' WHERE {column} <> ''")


@pytest.mark.parametrize("table", LEDGERS)
async def test_not_even_of_a_shopper_who_is_being_removed(ledgers: Store, table: str) -> None:
    opening = "INSERT INTO removal (shopper_id) VALUES ('s-1')"

    assert await refused(ledgers, opening, f"UPDATE {table} SET id = id WHERE shopper_id = 's-1'")


@pytest.mark.parametrize("table", EVERY)
async def test_no_row_of_a_ledger_is_removed(ledgers: Store, table: str) -> None:
    assert await refused(ledgers, f"DELETE FROM {table}")
    assert await refused(ledgers, f"WITH all_of AS (SELECT 1) DELETE FROM {table}")


@pytest.mark.parametrize("table", EVERY)
async def test_a_row_is_not_put_over_another(ledgers: Store, table: str) -> None:
    """`INSERT OR REPLACE` on SQLite, an upsert on PostgreSQL."""
    async with ledgers.begin(readonly=True) as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        columns = (await session.exec(text(f"SELECT * FROM {table} LIMIT 1"))).keys()
    names = ", ".join(f'"{name}"' for name in columns)
    over = f"INTO {table} ({names}) SELECT {names} FROM {table} WHERE true"
    column = key(table)
    changing = f"ON CONFLICT ({column}) DO UPDATE SET {column} = EXCLUDED.{column}"

    assert await refused(
        ledgers, f"INSERT OR REPLACE {over}" if is_sqlite else f"INSERT {over} {changing}"
    )


async def test_an_event_does_not_take_the_place_of_another_in_its_chain(ledgers: Store) -> None:
    """On PostgreSQL there is no statement that would."""
    async with ledgers.begin(readonly=True) as session:
        if session.get_bind().dialect.name != "sqlite":
            return
        columns = list((await session.exec(text("SELECT * FROM consent_event LIMIT 1"))).keys())
    told = [f"'new-{name}'" if name in {"id", "idempotency_key"} else name for name in columns]
    names = ", ".join(columns)

    assert await refused(
        ledgers,
        f"INSERT OR REPLACE INTO consent_event ({names}) SELECT {', '.join(told)} "
        "FROM consent_event WHERE shopper_id = 's-1'",
    )


@pytest.mark.parametrize("table", EVERY)
async def test_a_ledger_is_not_emptied_at_once(ledgers: Store, table: str) -> None:
    async with ledgers.begin(readonly=True) as session:
        if session.get_bind().dialect.name == "sqlite":
            return  # it has no TRUNCATE

    assert await refused(ledgers, f"TRUNCATE {table} CASCADE")


async def test_a_removal_opens_the_ledgers_of_its_shopper_alone(ledgers: Store) -> None:
    gone = {}
    async with ledgers.begin() as session:
        session.add(RemovalRow(shopper_id="s-1"))
        await session.flush()
        await run(session, "DELETE FROM own_words WHERE shopper_id = 's-1'")
        await run(session, "DELETE FROM consent WHERE shopper_id = 's-1'")
        for table in LEDGERS:
            gone[table] = await run(session, f"DELETE FROM {table} WHERE shopper_id = 's-1'")
        await run(session, "DELETE FROM removal")

    assert gone == dict.fromkeys(LEDGERS, 1)
    opening = "INSERT INTO removal (shopper_id) VALUES ('s-1')"
    for table in ("answer", "consent_event"):
        assert await refused(ledgers, opening, f"DELETE FROM {table} WHERE shopper_id = 's-2'")


async def test_a_text_that_was_shown_stays_whoever_is_removed(ledgers: Store) -> None:
    opening = "INSERT INTO removal (shopper_id) VALUES ('s-1'), ('s-2')"

    assert await refused(ledgers, opening, "DELETE FROM notice")
