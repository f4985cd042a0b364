from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile

import pytest

from preferences.store.engine import Store, open_store
from preferences.store.vault import Keys, Vault
from tests.preferences.store.shop import Shop


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


@pytest.fixture
async def elsewhere(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of another deployment, with keys of its own."""
    keys = tmp_path / "other-keys.json"
    keys.write_text(Keys.generate().as_json())
    file = copyfile(sqlite_template, tmp_path / "elsewhere.db")
    async with open_store(f"sqlite:///{file}", Vault(keys)) as opened:
        yield opened
