import json
from datetime import UTC, datetime, timedelta

import pytest

from preferences.errors import SettingsError
from preferences.settings import Settings
from sync.connectors.log import open_connector
from tests.sync.deliveries import changed, delivery


async def test_a_line_says_when_which_version_and_the_whole_profile(settings: Settings) -> None:
    async with open_connector(settings) as log:
        await log.push([delivery("a", 7)])

    (line,) = (settings.data_dir / "crm.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert set(written) == {"at", "version", "profile"}
    assert written["version"] == 7
    assert written["profile"] == delivery("a").profile
    assert datetime.now(UTC) - datetime.fromisoformat(written["at"]) < timedelta(minutes=1)


async def test_the_file_is_the_owners_alone(settings: Settings) -> None:
    async with open_connector(settings):
        mode = (settings.data_dir / "crm.jsonl").stat().st_mode

    assert mode & 0o777 == 0o600


async def test_a_line_that_a_crash_cut_short_is_taken_back(settings: Settings) -> None:
    file = settings.data_dir / "crm.jsonl"
    async with open_connector(settings) as log:
        await log.push([delivery("a")])
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])

    async with open_connector(settings) as log:
        await log.push([changed("a", 2)])

    assert [json.loads(line)["version"] for line in file.read_text().splitlines()] == [1, 2]


async def test_what_others_wrote_into_the_file_is_left_alone(settings: Settings) -> None:
    file = settings.data_dir / "crm.jsonl"
    file.write_text("# mine\n[]\n{}\n")

    async with open_connector(settings) as log:
        await log.push([delivery("a")])

    assert file.read_text().startswith("# mine\n[]\n{}\n{")


async def test_only_the_end_of_a_long_file_is_read(settings: Settings) -> None:
    file = settings.data_dir / "crm.jsonl"
    async with open_connector(settings) as log:
        await log.push([delivery("old"), delivery("young")])
    old, young = file.read_text().splitlines(keepends=True)
    file.write_text(old + f"{'x' * 99}\n" * 11_000 + young)

    async with open_connector(settings) as log:
        await log.push([delivery("old"), delivery("young")])

    added = file.read_text().splitlines()[11_002:]
    assert [json.loads(line)["profile"]["shopper"] for line in added] == ["old"]


async def test_a_folder_that_cannot_be_used_stops_the_start_with_a_remedy(
    settings: Settings,
) -> None:
    (settings.data_dir / "crm.jsonl").mkdir()

    with pytest.raises(SettingsError, match="ASKFIRST_DATA_DIR"):
        async with open_connector(settings):
            pass
