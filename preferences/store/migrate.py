"""Brings the store's schema to the newest revision."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from preferences.errors import SettingsError
from preferences.settings import Settings
from preferences.store.engine import open_store, own_vault
from preferences.store.key_check import check_keys
from preferences.store.vault import Vault

_SCRIPTS = Path(__file__).parent / "migrations"


def alembic_config(url: str, vault: Vault) -> Config:
    """Give Alembic's configuration for a store URL (`sqlite:////file`, `postgresql://...`)."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["url"] = url
    config.attributes["vault"] = vault
    return config


async def migrate(settings: Settings) -> None:
    """Create or upgrade the schema; harmless when it is already the newest.

    :raises SettingsError: the database cannot be reached or written, or its keys are not those that
        it was sealed with; the sentence says what to do.
    """
    try:
        vault = await own_vault(settings)
        config = alembic_config(settings.database, vault)
        await asyncio.to_thread(command.upgrade, config, "head")
        async with open_store(settings.database, vault) as store:
            await check_keys(store)
    except (DBAPIError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        message = (
            f"The preference store cannot be opened ({reason}); "
            "start the database, make its folder writable, or mend ASKFIRST_DATABASE_URL."
        )
        raise SettingsError(message) from None
