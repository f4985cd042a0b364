"""A backup that was brought back lacks newer wishes: they are there before anything is told."""

import asyncio
from pathlib import Path

from preferences.store.engine import open_store
from preferences.store.journal import Entry, Journal
from preferences.store.naming import tell_names
from preferences.store.tables import OutboxRow, SuppressionRow
from sync.service import _wait_for
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


async def test_the_worker_applies_what_a_restored_backup_lacks_before_it_begins(
    store_url: str, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    async with open_store(store_url, VAULT, journal) as store:
        shopper = await tell_names(store, [("customer", "1")], NOW)
        wish = {"id": "s", "scope": "all", "target": "", "source": "shopper", "reason": "stop"}
        detail = {**wish, "expires_at": None}
        await journal.write([Entry("suppression", NOW, shopper, detail)])

        await _wait_for(store, ["log"], asyncio.Event())

        [row] = await Shop(store).rows(SuppressionRow)
        assert (row.shopper_id, row.scope, row.reason) == (shopper, "all", "stop")
        assert [row.urgent for row in await Shop(store).rows(OutboxRow)] == [True]
