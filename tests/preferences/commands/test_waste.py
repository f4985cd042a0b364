import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.catalogue import load_catalogue
from preferences.store.elsewhere import AskedElsewhere, note_ask
from preferences.store.engine import open_store
from preferences.store.shoppers import known_shopper
from tests.vaults import KEYS, VAULT

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, store_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))


def asked(url: str, *asks: tuple[str, str | None, int]) -> None:
    async def note() -> None:
        async with open_store(url, VAULT) as store:
            async with store.begin() as session:
                by = {"assurance": "claimed", "proof": "order", "now": NOW}
                shopper = await known_shopper(session, "customer", "7", **by)
            for number, (question, outcome, days) in enumerate(asks):
                at = NOW - timedelta(days=days)
                told = AskedElsewhere(question, "mail", str(number), at, outcome)
                await note_ask(store, shopper, told, load_catalogue(), (), NOW)

    asyncio.run(note())


def test_what_is_asked_for_nothing_is_named(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(
        store_url,
        ("still_right", "answered", 1),
        ("how_was_it", "answered", 1),
        ("gift_or_self", "answered", 1),
        ("matters_most", "ignored", 1),
        ("size_fit", "ignored", 100),
    )

    assert main(["waste"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Mend or remove: matters_most, still_right"
    [told] = [line for line in lines if "still_right" in line and "nowhere" in line]
    assert "used nowhere" in told
    assert [line for line in lines if "matters_most" in line and "nobody answered" in line]


def test_a_shop_that_uses_what_it_asks_has_none(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(store_url, ("gift_or_self", "answered", 1))

    assert main(["waste"]) == 0
    assert "Mend" not in capsys.readouterr().out
