"""Sentences in the languages that are spoken, with placeholders that can never stay unfilled."""

import re
from collections.abc import Mapping

LOCALES = ("en", "es", "de")

_PLACEHOLDER = re.compile(r"\{(\w+)(?:\|([^}]*))?\}")


def placeholders(text: str) -> frozenset[str]:
    """Give the names of the facts that a text takes."""
    return frozenset(name for name, _ in _PLACEHOLDER.findall(text))


def fill(text: str, facts: Mapping[str, str]) -> str:
    """Put facts into `{name}` or `{name|words if it is missing}`.

    :raises KeyError: a fact is missing or empty and the text has no words instead.
    """

    def fact(match: re.Match[str]) -> str:
        name, instead = match.groups()
        found = facts.get(name) or instead
        if not found:
            raise KeyError(name)
        return found

    return _PLACEHOLDER.sub(fact, text)
