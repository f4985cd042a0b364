from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from preferences.settings import Settings
from tests.sync.receiver import SECRET, Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as listening:
        yield listening


@pytest.fixture
def settings(receiver: Receiver, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=tmp_path,
        destinations=("log", "webhook"),
        webhook_url=receiver.url,
        webhook_secret=SecretStr(SECRET),
        webhook_allow=("127.0.0.0/8",),
    )
