"""What is sealed opens only in its place, under its key; files and dumps tell nobody anything."""

import hmac
import json
import sqlite3
import subprocess
from base64 import b64encode
from pathlib import Path
from shutil import copyfile, which
from stat import S_IMODE

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from preferences.errors import SettingsError
from preferences.settings import load_settings
from preferences.store.engine import open_own_store, open_store
from preferences.store.migrate import migrate
from preferences.store.sealed import read_sealed
from preferences.store.shoppers import known_shopper
from preferences.store.tables import IdentityRow, MessageRow
from preferences.store.vault import Keys, SealError, Vault, exchange_keys, open_vault
from tests.preferences.scenes import NOW
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT

CANARY = "canary-7f3a@example.com"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "own-keys.json"
    file.write_text(Keys.generate().as_json())
    return file


def test_what_is_sealed_opens_in_its_place_alone(file: Path) -> None:
    vault = Vault(file)
    sealed = vault.seal("my words", "message.text", "talk/1")

    assert vault.open(sealed, "message.text", "talk/1") == "my words"
    assert sealed != vault.seal("my words", "message.text", "talk/1")
    for column, row in (("message.text", "talk/2"), ("own_words.text", "talk/1")):
        with pytest.raises(SealError, match="was changed or moved"):
            vault.open(sealed, column, row)


def test_the_hash_of_a_name_needs_the_key_and_is_of_its_kind(file: Path, tmp_path: Path) -> None:
    vault, other = Vault(file), tmp_path / "other.json"
    key_id, _, digest = vault.lookup("phone", "4711").partition(".")
    other.write_text(json.dumps(json.loads(file.read_text()) | _lookup_key(key_id, b"x" * 32)))

    assert digest == hmac.new(vault.keys.lookup[key_id], b"phone\n4711", "sha256").hexdigest()
    assert Vault(other).lookup("phone", "4711").partition(".")[2] != digest
    assert vault.lookup("customer", "4711") != vault.lookup("phone", "4711")


def _lookup_key(key_id: str, key: bytes) -> dict[str, dict[str, str]]:
    return {"lookup": {key_id: b64encode(key).decode()}}


@pytest.mark.parametrize("spoiled", ["", "AAAA", "not base64!"])
def test_what_was_changed_is_refused(file: Path, spoiled: str) -> None:
    vault = Vault(file)
    key = vault.seal("x", "a.b", "1").partition(".")[0]

    with pytest.raises(SealError, match=r"A value of a\.b was changed"):
        vault.open(f"{key}.{spoiled}", "a.b", "1")


async def test_two_values_that_changed_places_in_the_database_are_refused(shop: Shop) -> None:
    await shop.meets("4711")
    await shop.meets("4712")
    first, second = await shop.rows(IdentityRow)
    async with shop.store.begin() as session:
        for row, other in ((first, second), (second, first)):
            moving = update(IdentityRow).where(col(IdentityRow.id) == row.id)
            await session.exec(moving.values(sealed_value=other.sealed_value))

    for row in await shop.rows(IdentityRow):
        with pytest.raises(SealError, match=r"identity\.value was changed or moved"):
            read_sealed(VAULT, row, "value")


def test_a_key_that_is_missing_is_named_with_the_remedy(file: Path, tmp_path: Path) -> None:
    sealed = Vault(file).seal("x", "a.b", "1")
    other = tmp_path / "other.json"
    other.write_text(Keys.generate().as_json())

    with pytest.raises(SealError, match=r"The key '\w+' is missing from .*other.json; bring it"):
        Vault(other).open(sealed, "a.b", "1")


def test_keys_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "new")

    made = open_vault(settings).keys

    assert open_vault(settings).keys == made
    assert S_IMODE(settings.keys.stat().st_mode) == 0o600


def test_keys_that_cannot_be_written_stop_the_start(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    (tmp_path / "file").touch()
    settings = settings.model_copy(update={"data_dir": tmp_path / "file"})

    with pytest.raises(SettingsError, match="The keys cannot be written to"):
        open_vault(settings)


def test_a_named_file_is_never_made_up(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, keys_file=tmp_path / "nowhere.json")

    with pytest.raises(SettingsError, match="bring the file back"):
        open_vault(settings)
    assert not (tmp_path / "nowhere.json").exists()


@pytest.mark.parametrize(
    "page",
    [
        "no json",
        "[]",
        '{"data": {}}',
        '{"data": {}, "lookup": {}}',
        '{"data": {"a": "c2hvcnQ="}, "lookup": {"a": "c2hvcnQ="}}',
    ],
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, page: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(page)

    with pytest.raises(SettingsError, match="cannot be read"):
        Vault(file)


def test_new_keys_are_taken_up_while_it_runs_and_spoiled_ones_are_not(file: Path) -> None:
    vault = Vault(file)
    before, sealed = vault.lookup("email", "a@b.example"), vault.seal("x", "a.b", "1")

    exchange_keys(file, lambda keys: keys.with_new(data=True, lookup=True))

    assert vault.open(sealed, "a.b", "1") == "x"
    assert vault.lookups("email", "a@b.example")[1] == before
    assert vault.seal("x", "a.b", "1").partition(".")[0] != sealed.partition(".")[0]
    fresh = vault.reseal(sealed, "a.b", "1")
    file.write_text("spoiled")
    assert vault.open(fresh, "a.b", "1") == "x"
    file.unlink()
    assert vault.open(vault.seal("y", "a.b", "1"), "a.b", "1") == "y"


def test_a_file_keeps_its_readers_and_the_newest_keys(file: Path) -> None:
    file.chmod(0o640)

    exchange_keys(file, lambda keys: keys.with_new(data=True))
    keys = Keys.read(file)
    left = exchange_keys(file, lambda keys: keys.without([*keys.data, *keys.lookup]))

    assert S_IMODE(file.stat().st_mode) == 0o640
    assert len(keys.data) == 2
    assert list(left.data) == list(keys.data)[:1]
    assert left.lookup == keys.lookup
    assert json.loads(file.read_text()).keys() == {"data", "lookup"}


def test_keys_in_a_folder_that_is_gone_cannot_be_exchanged(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        exchange_keys(tmp_path / "nowhere" / "keys.json", lambda keys: keys)


async def test_neither_names_nor_words_are_in_the_files_of_sqlite(
    sqlite_template: Path, tmp_path: Path
) -> None:
    file = Path(copyfile(sqlite_template, tmp_path / "store.db"))
    async with open_store(f"sqlite:///{file}", VAULT) as store:
        await _say_the_canary(Shop(store))
        raw = _bytes(tmp_path)

    assert CANARY.encode() not in raw
    assert sqlite3.connect(file).execute("SELECT count(*) FROM message").fetchone()[0] >= 1


@pytest.mark.skipif(which("pg_dump") is None, reason="pg_dump is not on the path")
async def test_neither_names_nor_words_are_in_a_dump_of_postgresql(postgresql_url: str) -> None:
    async with open_store(postgresql_url, VAULT) as store:
        await _say_the_canary(Shop(store))

    dump = subprocess.run(  # noqa: ASYNC221
        [which("pg_dump") or "", postgresql_url], check=True, capture_output=True
    ).stdout

    assert b"COPY public.message" in dump
    assert CANARY.encode() not in dump


def _bytes(folder: Path) -> bytes:
    """Everything that the database keeps, its write-ahead log too."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def _say_the_canary(shop: Shop) -> None:
    talk = await shop.meets("4711")
    await shop.hears(talk, f"write to {CANARY}")
    async with shop.store.begin() as session:
        await known_shopper(session, "email", CANARY, assurance="claimed", proof="shopper", now=NOW)
    async with shop.store.begin(readonly=True) as session:
        rows = (await session.exec(select(MessageRow))).all()
    assert any(CANARY in (read_sealed(VAULT, row, "text") or "") for row in rows)


async def test_a_store_whose_keys_are_gone_does_not_start_and_gets_no_others(
    tmp_path: Path,
) -> None:
    settings = load_settings(data_dir=tmp_path)
    await migrate(settings)
    await migrate(settings)
    kept = settings.keys.read_text()
    async with open_store(settings.database, open_vault(settings)) as store:
        await Shop(store).meets("4711")
    settings.keys.unlink()

    with pytest.raises(SettingsError, match="bring that file back"):
        await migrate(settings)
    with pytest.raises(SettingsError, match="bring that file back"):
        async with open_own_store(settings):
            pytest.fail("it was opened")
    assert not settings.keys.exists()

    settings.keys.write_text(Keys.generate().as_json())
    with pytest.raises(SettingsError, match="was not sealed with the keys in"):
        await migrate(settings)

    settings.keys.write_text(kept)
    await migrate(settings)


async def test_a_store_that_holds_nothing_may_have_new_keys(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    await migrate(settings)
    settings.keys.unlink()

    await migrate(settings)

    assert settings.keys.exists()
