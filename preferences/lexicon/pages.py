"""The pages of the lexicon as patterns that are ready to be searched for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path
from re import Pattern
from typing import Any

from preferences.catalogue import read_yaml
from preferences.lexicon.words import bare

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Family:
    """Patterns that mean the same, each tried by itself.

    Joined into one pattern they are found six times slower: only for a single one does Python's
    engine leap to where it may begin.
    """

    patterns: tuple[Pattern[str], ...]

    def is_in(self, words: str) -> bool:
        """Whether one of them stands among the words."""
        return any(map(Pattern.search, self.patterns, repeat(words)))


@dataclass(frozen=True, slots=True)
class StopWords:
    """What ends it: alone, as a clause, mistyped, in a sentence; and what only looks like it."""

    whole: frozenset[str]
    clause: frozenset[str]
    polite: Pattern[str]
    typos: frozenset[str]
    not_typos: frozenset[str]
    within: Family
    unless: Pattern[str]


@dataclass(frozen=True, slots=True)
class GriefWords:
    """What tells of a death, what only sounds so, and whose it is."""

    within: Family
    unless: Pattern[str]
    pet: Pattern[str]
    despair: Pattern[str]


@dataclass(frozen=True, slots=True)
class ChannelWords:
    """How channels are named, and what turns the wish round; by the name of the page's entry."""

    channels: Mapping[str, Pattern[str]]
    longer: Mapping[str, Pattern[str]]
    purpose: Mapping[str, Pattern[str]]
    often: Mapping[str, Pattern[str]]
    cues: Mapping[str, Pattern[str]]


@dataclass(frozen=True, slots=True)
class ShortWords:
    """The act of an emoji, and of a message of few words."""

    emoji: Mapping[str, str]
    words: Mapping[str, str]


@cache
def stop_words() -> StopWords:
    """Read `stop.yml`."""
    page = _page("stop")
    return StopWords(
        whole=frozenset(bare(str(word)) for words in page["whole"].values() for word in words),
        clause=frozenset(page["clause"]),
        polite=_any(page["polite"]),
        typos=frozenset(page["typos"]),
        not_typos=frozenset(page["not_typos"]),
        within=_family(pattern for locale in page["within"].values() for pattern in locale),
        unless=_any(page["unless"]),
    )


@cache
def grief_words() -> GriefWords:
    """Read `grief.yml`, with its names put in."""
    page = _page("grief")
    within = [
        pattern.replace("{who}", "|".join(page["who"][locale]))
        for locale, patterns in page["within"].items()
        for pattern in patterns
    ]
    unless = _any(page["unless"].values())
    return GriefWords(_family(within), unless, _any([page["pet"]]), _any([page["despair"]]))


@cache
def channel_words() -> ChannelWords:
    """Read `channels.yml`."""
    page = _page("channels")
    return ChannelWords(
        channels=_each(page["channels"]),
        longer=_each(page["longer"]),
        purpose=_each(page["purpose"]),
        often=_each(page["often"]),
        cues=_each({name: entry for name, entry in page.items() if isinstance(entry, str)}),
    )


@cache
def short_words() -> ShortWords:
    """Read `short.yml`."""
    page = _page("short")
    return ShortWords(
        emoji={sign: act for act, signs in page["emoji"].items() for sign in signs},
        words={bare(str(word)): act for act, words in page["words"].items() for word in words},
    )


@cache
def turn_words() -> Mapping[str, Pattern[str]]:
    """Read how a yes and a no begin, of `short.yml`."""
    return _each(_page("short")["begins"])


@cache
def recipient_words() -> Mapping[str, Pattern[str]]:
    """Read `recipients.yml`."""
    return {value: _any([words.replace(" |", "|")]) for value, words in _page("recipients").items()}


def _page(name: str) -> dict[str, Any]:
    return read_yaml(_HERE / f"{name}.yml")


def _each(page: Mapping[str, str]) -> dict[str, Pattern[str]]:
    return {name: _any([pattern]) for name, pattern in page.items()}


def _family(patterns: Iterable[str]) -> Family:
    return Family(tuple(_any([pattern]) for pattern in patterns))


def _any(patterns: Iterable[str]) -> Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})(?!\w)" for pattern in patterns))
