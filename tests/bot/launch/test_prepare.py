"""What stands before any part works: the store as it was left, and every wish that it lacks."""

from pathlib import Path

from bot.launch.prepare import prepare
from preferences.settings import load_settings
from preferences.store.engine import open_own_store
from preferences.store.journal import Entry, Journal
from preferences.store.migrate import migrate
from preferences.store.naming import tell_names
from preferences.store.tables import SuppressionRow
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop


async def test_what_a_restored_backup_lacks_is_applied_before_any_part_works(
    tmp_path: Path,
) -> None:
    settings = load_settings(data_dir=tmp_path, demo=False)
    await migrate(settings)
    wish = {"id": "s", "scope": "all", "target": "", "source": "shopper", "reason": "stop"}
    async with open_own_store(settings) as store:
        shopper = await tell_names(store, [("customer", "1")], NOW)
    detail = {**wish, "expires_at": None}
    await Journal(settings.own_journal).write([Entry("suppression", NOW, shopper, detail)])

    await prepare(settings)

    async with open_own_store(settings) as store:
        [row] = await Shop(store).rows(SuppressionRow)
    assert (row.shopper_id, row.scope, row.reason) == (shopper, "all", "stop")
