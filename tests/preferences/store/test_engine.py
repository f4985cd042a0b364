import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, StatementError

from preferences.errors import UnavailableError, UnmigratedError
from preferences.store.engine import Store, open_store
from preferences.store.tables import ShopperRow
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


@pytest.fixture
async def patience() -> AsyncIterator[None]:
    """The driver of SQLite ends its thread a moment after a file that it could not open."""
    yield
    await asyncio.sleep(0.1)


async def add(store: Store, name: str = "shopper", at: datetime = NOW) -> None:
    async with store.begin() as session:
        session.add(ShopperRow(id=name, head_id=name, created_at=at))


async def test_a_transaction_is_committed_at_its_end(store: Store) -> None:
    await add(store)

    assert [row.id for row in await Shop(store).rows(ShopperRow)] == ["shopper"]


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.begin() as session:
            session.add(ShopperRow(id="shopper", head_id="shopper", created_at=NOW))
            await session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert await Shop(store).rows(ShopperRow) == []


async def test_a_row_that_somebody_deletes_while_it_is_changed_is_a_reason_to_try_again(
    store: Store,
) -> None:
    async def change() -> None:
        async with store.begin() as session:
            row = await session.get_one(ShopperRow, "shopper")
            await session.exec(text("DELETE FROM shopper"))  # as a sweep does that runs beside
            row.created_at = NOW + timedelta(days=1)

    await add(store)
    with pytest.raises(UnavailableError, match="deleted meanwhile"):
        await change()

    assert [row.created_at for row in await Shop(store).rows(ShopperRow)] == [NOW]


async def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    async with store.begin() as session:
        session.add(ShopperRow(id="shopper", head_id="shopper", created_at=NOW))
        await session.flush()

        assert await asyncio.wait_for(Shop(store).rows(ShopperRow), 2) == []


async def test_writers_come_one_after_the_other(store: Store) -> None:
    await asyncio.gather(*(add(store, f"shopper-{n}") for n in range(10)))

    assert len(await Shop(store).rows(ShopperRow)) == 10


async def test_a_mistake_of_ours_is_no_outage(store: Store) -> None:
    await add(store)

    with pytest.raises(IntegrityError):
        await add(store)


async def test_a_wrong_statement_is_no_outage(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store, store.begin() as session:
        with pytest.raises(ProgrammingError):
            await session.exec(text("SELECT 1 +"))


async def test_a_store_of_an_older_version_says_how_its_tables_are_brought_up(store: Store) -> None:
    async with store.begin() as session:
        with pytest.raises(DBAPIError) as missing:
            await session.exec(text("SELECT of_a_later_version FROM shopper"))
        await session.rollback()

    with pytest.raises(UnmigratedError, match="alembic upgrade head"):
        async with store.begin():
            raise missing.value


async def test_a_time_comes_back_as_the_same_moment_in_utc(store: Store) -> None:
    madrid = timezone(timedelta(hours=2))

    await add(store, at=datetime(2026, 7, 1, 12, 30, 15, 250_000, tzinfo=madrid))

    (row,) = await Shop(store).rows(ShopperRow)
    assert row.created_at == datetime(2026, 7, 1, 10, 30, 15, 250_000, tzinfo=UTC)
    assert row.created_at.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="a naive time cannot be stored; give it a zone"):
        await add(store, at=NOW.replace(tzinfo=None))

    assert await Shop(store).rows(ShopperRow) == []


async def test_a_store_with_its_tables_is_ready(store: Store) -> None:
    await store.ping()


async def test_a_store_without_tables_says_how_they_are_made(bare_url: str) -> None:
    async with open_store(bare_url, VAULT) as store:
        with pytest.raises(UnmigratedError, match="make them by `alembic upgrade head`"):
            await store.ping()
        with pytest.raises(UnmigratedError, match="make them by `alembic upgrade head`"):
            await add(store)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nonexistent/folder/askfirst.db",
        "postgresql://postgres@127.0.0.1:1/askfirst",
        "postgresql://postgres@127.0.0.1:5432/there_is_no_such_database",
    ],
)
async def test_a_database_that_is_away_is_told_as_such(url: str) -> None:
    async with open_store(url, VAULT) as store:
        with pytest.raises(UnavailableError, match="try again in a moment"):
            await store.ping()
        with pytest.raises(UnavailableError):
            await add(store)


async def test_a_connection_that_breaks_in_the_middle_is_an_outage_and_then_over(
    postgresql_url: str,
) -> None:
    end = text("SELECT pg_terminate_backend(pg_backend_pid())")
    async with open_store(postgresql_url, VAULT) as store:
        with pytest.raises(UnavailableError):
            async with store.begin() as session:
                await session.exec(end)

        await add(store)
        assert len(await Shop(store).rows(ShopperRow)) == 1


async def test_a_database_that_has_no_room_for_us_now_is_an_outage(postgresql_url: str) -> None:
    full = text("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$")
    async with open_store(postgresql_url, VAULT) as store:
        with pytest.raises(UnavailableError):
            async with store.begin() as session:
                await session.exec(full)


async def test_what_is_acknowledged_survives_a_power_cut_on_sqlite(tmp_path: Path) -> None:
    async with (
        open_store(f"sqlite:///{tmp_path}/askfirst.db", VAULT) as store,
        store.begin(readonly=True) as session,
    ):
        pragmas = {
            name: (await session.exec(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
