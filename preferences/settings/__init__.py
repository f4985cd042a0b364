"""Every setting of every process, read from `ASKFIRST_*` in the environment or in `.env`."""

import os
from collections.abc import Mapping
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from preferences.errors import SettingsError
from preferences.settings.base import DOTENV, PREFIX
from preferences.settings.channels import ChannelSettings
from preferences.settings.crms import CrmSettings
from preferences.settings.gateway import GatewaySettings
from preferences.settings.generated import GENERATED, kept_secrets
from preferences.settings.platforms import PlatformSettings
from preferences.settings.rasa import RasaSettings
from preferences.settings.store import StoreSettings

__all__ = ["PREFIX", "Settings", "load_settings"]


class Settings(
    ChannelSettings, CrmSettings, PlatformSettings, RasaSettings, StoreSettings, GatewaySettings
):
    """One deployment of one shop."""


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, and complete it with secrets kept in the data folder.

    :raises SettingsError: a name is unknown, a value malformed, or the data folder unusable;
        the sentence names the variable.
    """
    _refuse_unknown(os.environ | dotenv_values(DOTENV))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    missing = [name for name in GENERATED if not getattr(settings, name).get_secret_value()]
    if not missing:
        return settings
    kept = kept_secrets(settings.data_dir)
    return settings.model_copy(update={name: SecretStr(kept[name]) for name in missing})


def _refuse_unknown(environment: Mapping[str, str | None]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            message = f"{name} is not a setting of Askfirst; .env.example names every one."
            raise SettingsError(message)


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    if not place:
        return f"{what}."
    name = place.upper() if place.lower().startswith(PREFIX.lower()) else PREFIX + place.upper()
    return f"{name}: {what[0].lower()}{what[1:]}; .env.example says what it is for."
