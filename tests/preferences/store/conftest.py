from pathlib import Path

import pytest

from preferences.store.engine import Store
from tests.preferences.store.shop import Shop


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "postgresql":
        return request.getfixturevalue("empty_postgresql_url")
    return f"sqlite:///{tmp_path}/askfirst.db"
