import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from preferences.errors import UnavailableError
from preferences.store import listening
from preferences.store.engine import Store, open_store
from preferences.store.listening import listen
from preferences.store.outbox import mark
from preferences.store.tables import ShopperRow
from tests.preferences.store.test_outbox import marked
from tests.vaults import VAULT


async def test_a_commit_rings_and_a_rollback_does_not(postgresql_url: str) -> None:
    rings = asyncio.Queue[None]()
    ears = asyncio.create_task(listen(postgresql_url, lambda: rings.put_nowait(None)))
    try:
        await asyncio.wait_for(rings.get(), 5)  # it hears from now on
        async with open_store(postgresql_url, VAULT) as store:
            with pytest.raises(RuntimeError):
                await _marked_in_vain(store)
            await asyncio.sleep(0.2)
            assert rings.empty()
            await marked(store, "a", "b")
            await asyncio.wait_for(rings.get(), 5)
            assert rings.empty()
    finally:
        ears.cancel()
        await asyncio.wait({ears})


async def _marked_in_vain(store: Store) -> None:
    now = datetime.now(UTC)
    async with store.begin() as session:
        session.add(ShopperRow(id="x", head_id="x", created_at=now))
        await session.flush()
        await mark(session, "x", ["log"], now, urgent=False)
        raise RuntimeError


async def test_a_lost_connection_is_told(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ALIVE", 0.05)  # it looks for itself meanwhile
    heard = asyncio.Event()
    ears = asyncio.create_task(listen(postgresql_url, heard.set))
    await asyncio.wait_for(heard.wait(), 5)
    await asyncio.sleep(0.2)
    other = await asyncpg.connect(postgresql_url)
    try:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await other.close()

    with pytest.raises(UnavailableError, match="looked at often"):
        await asyncio.wait_for(ears, 5)


async def test_a_database_that_is_away_is_told() -> None:
    with pytest.raises(UnavailableError):
        await listen("postgresql://nobody@127.0.0.1:1/none", lambda: None)
