from collections.abc import AsyncIterator

import pytest

from preferences.store.engine import Store
from sync.guard import open_guarded
from sync.posting import Poster
from tests.sync.webhooks.hook import Hook, hooked
from tests.sync.webhooks.world import ALLOWED, Clock, World


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as one:
        yield one


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    async with open_guarded(ALLOWED) as session:
        yield Poster(session)


@pytest.fixture
def world(store: Store, poster: Poster) -> World:
    return World(store, poster, Clock())
