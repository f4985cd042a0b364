import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from preferences.errors import SettingsError
from preferences.profile import Profile
from preferences.settings import Settings
from sync.connectors.log import open_connector
from sync.delivery import Delivery
from sync.errors import DestinationUnavailableError
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


def erased(shopper: str, version: int) -> Delivery:
    return Delivery.of(Profile(shopper, {}, (), {}, (), erased=True), version)


def linked(shopper: str, head: str) -> Delivery:
    return Delivery.of(Profile(shopper, {}, (), {}, (), erased=False, linked_to=head), 2)


def written(settings: Settings) -> list[tuple[str, int]]:
    lines = (settings.data_dir / "crm.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return [(line["profile"]["shopper"], line["version"]) for line in said]


async def test_of_who_had_everything_deleted_only_the_line_that_says_so_stays(
    settings: Settings,
) -> None:
    file = settings.data_dir / "crm.jsonl"
    async with open_connector(settings) as log:
        await log.push([delivery("a"), delivery("other"), delivery("b"), delivery("c")])
        await log.push([changed("a", 2), linked("b", "a"), linked("c", "other")])
        file.chmod(0o640)
        with file.open("a") as opened:
            opened.write("# mine\n")

        await log.push([erased("a", 3)])
        await log.push([delivery("young")])

    assert written(settings) == [("other", 1), ("c", 1), ("c", 2), ("a", 3), ("young", 1)]
    assert "# mine\n" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in settings.data_dir.iterdir()] == ["crm.jsonl"]


async def test_a_line_that_a_crash_cut_short_goes_with_a_deletion(settings: Settings) -> None:
    file = settings.data_dir / "crm.jsonl"
    async with open_connector(settings) as log:
        await log.push([delivery("a")])
        whole = file.read_bytes()
        file.write_bytes(whole + whole[: len(whole) // 2])  # by another worker

        await log.push([erased("a", 2)])

    assert written(settings) == [("a", 2)]
    assert file.read_bytes().count(b"\n") == 1


async def test_who_waited_while_the_file_was_replaced_writes_to_the_new_one(
    settings: Settings,
) -> None:
    async with open_connector(settings) as one, open_connector(settings) as other:
        for number in range(20):
            await one.push([delivery("a", number)])
            await asyncio.gather(
                one.push([erased("a", number)]), other.push([delivery(f"b{number}")])
            )

    assert set(written(settings)) >= {(f"b{number}", 1) for number in range(20)}
    assert [version for shopper, version in written(settings) if shopper == "a"] == [19]


async def test_without_room_for_a_new_file_the_old_one_stays(settings: Settings) -> None:
    async with open_connector(settings) as log:
        await log.push([delivery("a")])
        (settings.data_dir / "crm.jsonl.draft").mkdir()

        with pytest.raises(DestinationUnavailableError):
            await log.push([erased("a", 2)])

    assert written(settings) == [("a", 1)]


async def test_a_folder_that_cannot_be_used_stops_the_start_with_a_remedy(
    settings: Settings,
) -> None:
    (settings.data_dir / "crm.jsonl").mkdir()

    with pytest.raises(SettingsError, match="ASKFIRST_DATA_DIR"):
        async with open_connector(settings):
            pass
