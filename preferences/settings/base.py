"""How a setting is read: its name in the environment, and lists."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "ASKFIRST_"
DOTENV = Path(".env")


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several words, with commas between them."""


class Group(BaseSettings):
    """Some settings that belong together. A description says what a value is for and in which unit."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",  # other programs keep their names in .env too; ours are checked when loaded
        frozen=True,
        hide_input_in_errors=True,
    )
