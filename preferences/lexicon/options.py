"""Finds the options of a question that a sentence names, clause by clause."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from preferences.lexicon.words import bare, clauses

_JOINED = re.compile(
    r"\b(?:and|or|plus|as well as|also|y|e|o|u|tambien|ademas|und|oder|sowie|auch)\b"
)
_TURNED = re.compile(
    r"\b(?:not?|nor|never|without|except|doesnt|dont|isnt|arent|nicht|kein\w*|ohne|egal"
    r"|ni|sin|nunca|tampoco|unsure|maybe|perhaps|quiza\w*|vielleicht)\b"
)
_SHORTEST = 3  # letters of a word that tells anything
_OFTEN, _RARELY = 2, 6  # uses for one option, and how many times more than for all the others
_MOST = 6  # questions that a word may occur in: "what" and "more" are in nearly all of them

Wordings = Mapping[str, Iterable[str]]  # what an option is called or said like, by its value
Telling = Mapping[str, frozenset[str]]  # the words that speak for an option alone, by its value


def telling_words(questions: Mapping[str, Wordings]) -> Mapping[str, Telling]:
    """Give the words that speak for one option of a question alone, and that it repeats."""
    uses = {
        name: {value: _words(texts) for value, texts in wordings.items()}
        for name, wordings in questions.items()
    }
    spread = Counter(word for options in uses.values() for word in sum(options.values(), Counter()))
    return {name: _telling(options, spread) for name, options in uses.items()}


def _words(texts: Iterable[str]) -> Counter[str]:
    return Counter(
        word for text in texts for word in set(bare(text).split()) if len(word) >= _SHORTEST
    )


def _telling(options: Mapping[str, Counter[str]], spread: Counter[str]) -> Telling:
    every = sum(options.values(), Counter[str]())
    return {
        value: frozenset(
            word
            for word, count in own.items()
            if count >= _OFTEN
            and count >= _RARELY * (every[word] - count)
            and spread[word] <= _MOST
        )
        for value, own in options.items()
    }


def own_wordings(wordings: Wordings) -> Mapping[str, str]:
    """Give the option of every bare wording that is one option's alone."""
    found: dict[str, set[str]] = {}
    for value, texts in wordings.items():
        for text in texts:
            found.setdefault(bare(text), set()).add(value)
    return {words: values.pop() for words, values in found.items() if words and len(values) == 1}


def options_named(text: str, telling: Telling) -> tuple[str, ...]:
    """Give each option that a clause names alone and plainly, in the order of `telling`.

    A clause that names two, denies or doubts tells nothing.
    """
    named: set[str] = set()
    for clause in clauses(text):
        for part in _JOINED.split(clause):
            found = [value for value, words in telling.items() if words & set(part.split())]
            if len(found) == 1 and not _TURNED.search(part):
                named.update(found)
    return tuple(value for value in telling if value in named)
