"""A page that asks of a CRM what it cannot do is refused with the line to write instead."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.delivery import Delivery, Result, Taken
from sync.fitting import check_fit
from sync.service import serve
from tests.sync.memory import MemoryCrm, TellingCrm
from tests.sync.pages import mapping

MAIL = {"from": "identities.email", "to": "email"}
CHANNEL = {"from": "answers.channel_preference.value", "to": "channel"}


class BlindCrm:
    """One that can be told and no more."""

    batch_size = 10

    async def push(self, batch: Sequence[Delivery]) -> Sequence[Result]:
        return [Taken() for _ in batch]


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"when_null": "fill_empty"}, "write `when_null: overwrite` or `never`"),
        ({"conflict": "crm"}, "no `conflict: crm`"),
    ],
)
def test_what_is_kept_there_asks_for_a_crm_that_can_be_read(
    tmp_path: Path, asked: dict[str, Any], remedy: str
) -> None:
    page = mapping(tmp_path, MAIL | asked, CHANNEL)

    with pytest.raises(SettingsError, match=f"mapping of crm: email would be .*{remedy}"):
        check_fit(BlindCrm(), page)
    check_fit(MemoryCrm(), page)


@pytest.mark.parametrize("direction", ["pull", "both"])
def test_what_is_pulled_asks_for_a_crm_that_tells_its_changes(
    tmp_path: Path, direction: str
) -> None:
    page = mapping(tmp_path, MAIL, CHANNEL | {"direction": direction})

    with pytest.raises(SettingsError, match=r"channel would never be asked.*`direction: push`"):
        check_fit(MemoryCrm(), page)
    check_fit(TellingCrm(), page)


def test_a_crm_needs_a_key(tmp_path: Path) -> None:
    page = replace(mapping(tmp_path, MAIL), key="")

    with pytest.raises(SettingsError, match="The mapping of crm: a CRM needs a key"):
        check_fit(MemoryCrm(), page)


async def test_the_worker_does_not_begin_with_such_a_page(tmp_path: Path) -> None:
    mapping(tmp_path, MAIL | {"when_null": "fill_empty"}, name="log")
    settings = Settings(
        _env_file=None, data_dir=tmp_path, destinations=("log",), mappings_dir=tmp_path
    )

    with pytest.raises(SettingsError, match="The mapping of log: email"):
        await serve(settings, asyncio.Event())
