"""Which kinds of goods fall silent after a loss, as one visible page: `sensitive.yml`."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError
from preferences.lexicon.words import bare

NAMED = "{named}"
"""Where a sentence that lifts a silence names the kind of goods."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(_Part):
    """One kind of loss, and what is left alone after it."""

    of: Literal["person", "pet"]
    words: str = ""
    categories: tuple[str, ...] = Field(min_length=1)
    days: int = Field(ge=1)
    pause_days: int = Field(ge=1)

    @field_validator("words")
    @classmethod
    def _is_pattern(cls, words: str) -> str:
        return _readable(words)

    def tells(self, words: str) -> bool:
        """Tell whether the words name it; one without words of its own takes what is left."""
        return not self.words or _found(self.words, words)


class Sensitive(_Part):
    """The page."""

    version: int = Field(ge=1)
    events: Mapping[str, Event]
    again: tuple[str, ...]
    names: Mapping[str, str]

    @field_validator("again")
    @classmethod
    def _are_patterns(cls, again: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_readable(pattern) for pattern in again)

    @field_validator("names")
    @classmethod
    def _name_patterns(cls, names: Mapping[str, str]) -> Mapping[str, str]:
        return {name: _readable(words) for name, words in names.items()}

    def event(self, whose: str | None, text: str) -> Event | None:
        """Give what was told of, if the page knows it; `whose` is None where that is not clear."""
        words = bare(text)
        fitting = (
            event
            for event in self.events.values()
            if (whose == event.of or (whose is None and event.words)) and event.tells(words)
        )
        return next(fitting, None)

    def wanted_again(self, text: str) -> frozenset[str]:
        """Give the kinds of goods that the shopper wants to hear of again, every one of the loss."""
        words = bare(text)
        named = {
            name
            for name, names in self.names.items()
            if any(_found(one.replace(NAMED, names), words) for one in self.again)
        }
        losses = [event.categories for event in self.events.values()]
        return frozenset(
            category for categories in losses for category in categories if named & {*categories}
        )


def load_sensitive(folder: Path = HERE) -> Sensitive:
    """Read `sensitive.yml`.

    :raises CatalogueError: an event or a sentence is missing or cannot be read.
    """
    file = folder / "sensitive.yml"
    try:
        return Sensitive.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{file}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
        raise CatalogueError(message) from None


@cache
def sensitive_words() -> Sensitive:
    """Give the page that comes with the shop's questions, read once."""
    return load_sensitive()


def _found(pattern: str, words: str) -> bool:
    return re.search(rf"\b(?:{pattern})(?!\w)", words) is not None


def _readable(pattern: str) -> str:
    try:
        re.compile(pattern.replace(NAMED, ""))
    except re.error as error:
        message = f"cannot be searched for ({error})"
        raise ValueError(message) from None
    return pattern
