import asyncio
from pathlib import Path

import pytest
from sqlmodel import delete, select

from preferences.__main__ import main
from preferences.policy import load_policy
from preferences.purchases import Line, Purchase
from preferences.store.engine import open_store
from preferences.store.purchases import keep_purchase
from preferences.store.tables import HabitRow
from tests.preferences.scenes import NOW
from tests.vaults import KEYS, VAULT


def test_what_orders_tell_is_counted_of_those_of_whom_it_was_not(
    monkeypatch: pytest.MonkeyPatch,
    store_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))

    async def buy() -> None:
        async with open_store(store_url, VAULT) as store:
            for customer in ("7", "8"):
                order = Purchase("web", customer, customer, NOW, (Line("hat", "Hat", 1),))
                await keep_purchase(store, order, load_policy(), NOW)
            async with store.begin() as session:
                [first, _] = (await session.exec(select(HabitRow.shopper_id))).all()
                await session.exec(delete(HabitRow).where(HabitRow.shopper_id == first))

    asyncio.run(buy())

    assert main(["recompute"]) == 0
    assert capsys.readouterr().out.endswith("was counted of 1 shoppers.\n")
    assert main(["recompute", "--every"]) == 0
    assert capsys.readouterr().out.endswith("was counted of 2 shoppers.\n")
