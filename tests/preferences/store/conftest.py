import pytest

from preferences.store.engine import Store
from tests.preferences.store.shop import Shop


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)
