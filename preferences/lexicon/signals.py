"""Finds in a message what must not be missed: a wish to stop, a death, despair."""

import re
from functools import lru_cache
from re import Pattern

from preferences.lexicon.pages import (
    StopWords,
    grief_words,
    recipient_words,
    short_words,
    stop_words,
    turn_words,
)
from preferences.lexicon.words import bare, clauses, is_slip, signs, unhurried

_FEW = 3  # words that one slip may hide the keyword among
# Of a film or a book, more often than somebody's own words.
_TITLE = re.compile(r"[\"“„«][^\"“”»]*[\"“”»]")
_LONG = 8  # letters of a word that no other everyday word is one slip away from


def stops(text: str) -> bool:
    """Whether the words by themselves end it, alone or in a sentence."""
    found = stop_words()
    words = bare(text)
    if is_stop_word(text):
        return True
    if found.unless.search(words):
        return False
    return found.within.is_in(words) or any(
        clause in found.clause or _is_ended(_without(found.polite, clause), found)
        for clause in clauses(text)
    )


def _is_ended(clause: str, found: StopWords) -> bool:
    """Whether a clause without its politeness is a word of stopping, or a long one mistyped."""
    return clause in found.clause or (
        len(clause) >= _LONG
        and clause not in found.not_typos
        and any(is_slip(clause, keyword) for keyword in found.typos if len(keyword) >= _LONG)
    )


def is_stop_word(text: str) -> bool:
    """Whether the message is a word of stopping, politely or mistyped, and nothing else."""
    found = stop_words()
    words = bare(text)
    rest = _without(found.polite, words)
    if not found.whole.isdisjoint({words, rest, _without(found.polite, unhurried(text))}):
        return True
    alone = rest.split()
    return (
        len(alone) == 1
        and len(words.split()) <= _FEW
        and alone[0] not in found.not_typos
        and any(is_slip(alone[0], keyword) for keyword in found.typos)
    )


def _without(polite: Pattern[str], words: str) -> str:
    return " ".join(polite.sub(" ", words).split())


def is_no_stop(text: str) -> bool:
    """Whether a word of stopping stands in a sentence about something else."""
    return bool(stop_words().unless.search(bare(text))) and not is_stop_word(text)


def grief(text: str) -> str | None:
    """Tell whose death or what distress is spoken of: `person`, `pet`, `despair`, or nothing."""
    found = grief_words()
    words = bare(text)
    if found.despair.search(words):
        return "despair"
    if not _mourns(text):
        return None
    return "pet" if found.pet.search(words) else "person"


def is_no_grief(text: str) -> bool:
    """Whether the words only sound like a death."""
    return bool(grief_words().unless.search(bare(text))) and not _mourns(text)


def _mourns(text: str) -> bool:
    """Whether the whole, or a clause by itself, is of a death: "not the shoes, my mum died"."""
    found = grief_words()
    return any(
        found.within.is_in(words) and not found.unless.search(words)
        for words in (bare(text), *clauses(_TITLE.sub(" ", text)))
    )


def short_act(text: str) -> str | None:
    """Give the act of a message that is only emoji, or too short for a model."""
    found = short_words()
    shown = signs(text)
    if shown:
        acts = {found.emoji.get(sign) for sign in shown} - {None}
        return acts.pop() if len(acts) == 1 else None
    return found.words.get(bare(text))


def thanks_beside(text: str) -> bool:
    """Whether one clause is a thanks and nothing else, and another says something."""
    thanks = [short_words().words.get(clause) == "thank" for clause in clauses(text)]
    return any(thanks) and not all(thanks)


@lru_cache(maxsize=64)  # asked once for each guess
def recipient(text: str) -> str | None:
    """Give the option that words like "for me" speak for, where they speak for one."""
    parts = clauses(text)
    for value, words in recipient_words().items():
        if any(words.search(part) for part in parts):
            return value
    return None


def answered(text: str) -> str | None:
    """Tell whether a message begins with a yes or a no: `affirm`, `deny`, or nothing."""
    words = bare(text)
    return next((act for act, begin in turn_words().items() if begin.match(words)), None)
