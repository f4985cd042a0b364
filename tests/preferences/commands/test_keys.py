import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.store.engine import open_store
from preferences.store.keys import ApiKey, check_key
from tests.vaults import KEYS, VAULT


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, store_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))


def keys(*words: str) -> int:
    return main(["keys", *words])


def checked(store_url: str, key: str) -> ApiKey | None:
    async def check() -> ApiKey | None:
        async with open_store(store_url, VAULT) as store:
            return await check_key(store, key, datetime.now(UTC))

    return asyncio.run(check())


def test_a_key_is_issued_listed_and_revoked(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("issue", "--label", "the CRM", "--scopes", "read, sync") == 0
    key = capsys.readouterr().out.strip()
    known = checked(store_url, key)
    assert known is not None
    assert known.scopes == {"read", "sync"}

    assert keys("list") == 0
    line = capsys.readouterr().out
    assert "in force" in line
    assert line.rstrip().endswith("read,sync  the CRM")
    assert key not in line

    assert keys("revoke", line.split()[0]) == 0
    assert checked(store_url, key) is None
    capsys.readouterr()
    keys("list")
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("issue", "--label", "x", "--scopes", "everything"), "No scope is called everything"),
        (("issue", "--label", "x", "--scopes", ","), "A key needs a scope"),
        (("issue", "--label", "x", "--scopes", "read", "--days", "0"), "days"),
        (("issue", "--label", "x", "--scopes", "read", "--days", "99999999999"), "days"),
        (("revoke", "nobody"), "no key of that id"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(*words) == 2
    assert says in capsys.readouterr().err
