import asyncio
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from preferences.errors import UnavailableError
from preferences.store.engine import Store, open_store
from preferences.store.shoppers import new_shopper
from preferences.store.sqlite import connect_sqlite
from preferences.store.tables import ShopperRow
from tests.vaults import VAULT


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "askfirst.db"
    copy.write_bytes(sqlite_template.read_bytes())
    return copy


async def write(store: Store) -> None:
    async with store.begin() as session:
        (await session.exec(select(ShopperRow))).all()
        await new_shopper(session, datetime.now(UTC))


async def test_a_writer_cancelled_at_any_moment_keeps_nobody_out(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", VAULT) as store:
        kept = []  # a traceback that somebody holds must not hold the lock
        for moment in range(120):
            writing = asyncio.create_task(write(store))
            await asyncio.sleep(moment * 0.00002)
            writing.cancel()
            try:
                await writing
            except asyncio.CancelledError as error:
                kept.append(error)
            with sqlite3.connect(file, timeout=0) as other:
                other.execute("BEGIN IMMEDIATE")
            other.close()

    assert kept


async def test_writers_of_a_process_are_let_in_as_they_came_and_none_waits_for_ever(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def write_down(number: int) -> None:
        async with store.begin() as session:
            await new_shopper(session, datetime.now(UTC))
            written.append(number)

    async with open_store(f"sqlite:///{file}", VAULT) as store:
        async with store.begin():
            waiting = [asyncio.create_task(write_down(number)) for number in range(20)]
            await asyncio.sleep(0.02)
            waiting[7].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        monkeypatch.setattr("preferences.store.sqlite._LOCK_SECONDS", 0.01)
        async with store.begin():
            with pytest.raises(UnavailableError):
                await write_down(99)
        await write_down(20)

    assert written == [number for number in range(21) if number != 7]


async def test_a_call_is_over_before_its_cancellation_is_felt(file: Path) -> None:
    connection = await connect_sqlite(str(file))
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly() -> None:
        time.sleep(0.2)
        loop.call_soon_threadsafe(over.set)

    calling = asyncio.create_task(connection._execute(slowly))
    for _ in range(3):  # the second and third do not cut it short either
        await asyncio.sleep(0.02)
        calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await asyncio.sleep(0)

    assert over.is_set()
    await connection.close()


async def test_an_opening_that_is_cancelled_leaves_nothing_open(file: Path) -> None:
    before = threading.active_count()
    for moment in range(30):
        opening = asyncio.create_task(connect_sqlite(str(file)))
        await asyncio.sleep(moment * 0.00005)
        if not opening.cancel():
            await opening.result().close()
        await asyncio.wait({opening})
    async with asyncio.timeout(5):
        while threading.active_count() > before:  # noqa: ASYNC110  (threads tell nobody)
            await asyncio.sleep(0.01)
