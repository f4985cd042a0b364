import sqlite3
from pathlib import Path

import pytest
from alembic import command
from sqlmodel import SQLModel

from preferences.errors import SettingsError
from preferences.settings import Settings
from preferences.store import tables
from preferences.store.engine import open_store
from preferences.store.migrate import alembic_config, migrate
from preferences.store.vault import open_vault
from tests.preferences.store.shop import Shop
from tests.vaults import VAULT


@pytest.fixture
def migrated_url(bare_url: str) -> str:
    command.upgrade(alembic_config(bare_url, VAULT), "head")
    return bare_url


def test_the_tables_are_what_the_migrations_make(migrated_url: str) -> None:
    command.check(alembic_config(migrated_url, VAULT))


def test_the_first_schema_goes_down_and_up_again(bare_url: str) -> None:
    config = alembic_config(bare_url, VAULT)
    command.upgrade(config, "0001")

    command.downgrade(config, "base")
    command.upgrade(config, "head")

    command.check(config)


def test_nothing_is_left_at_the_bottom(tmp_path: Path) -> None:
    file = tmp_path / "askfirst.db"
    config = alembic_config(f"sqlite:///{file}", VAULT)
    command.upgrade(config, "0001")

    command.downgrade(config, "base")

    with sqlite3.connect(file) as connection:
        left = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    assert left == [("alembic_version",)]
    assert tables
    assert SQLModel.metadata.tables


def test_there_is_no_way_back_from_what_was_sealed_and_the_remedy_is_told(
    migrated_url: str,
) -> None:
    config = alembic_config(migrated_url, VAULT)

    with pytest.raises(RuntimeError, match="restore the backup that was made before it"):
        command.downgrade(config, "0001")

    command.check(config)


async def test_a_new_store_is_made_and_migrating_again_is_harmless(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    await migrate(settings)
    vault = open_vault(settings)
    async with open_store(settings.database, vault) as store:
        await Shop(store).meets("4711")
    await migrate(settings)

    async with open_store(settings.database, vault) as store:
        await store.ping()
        assert len(await Shop(store).rows(tables.ShopperRow)) == 1


def test_alembic_alone_migrates_what_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    config = alembic_config("", VAULT)

    command.upgrade(config, "head")

    command.check(alembic_config(f"sqlite:///{tmp_path}/askfirst.db", VAULT))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nonexistent/folder/askfirst.db",
        "postgresql://postgres@127.0.0.1:1/askfirst",
        "postgresql://postgres@127.0.0.1:5432/there_is_no_such_database",
    ],
)
async def test_a_store_that_cannot_be_opened_stops_the_start_with_the_remedy(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        await migrate(Settings(database_url=url))

    assert str(raised.value).startswith("The preference store cannot be opened (")
    assert "ASKFIRST_DATABASE_URL" in str(raised.value)
    assert "\n" not in str(raised.value)
