"""Reads what a shopper said in the light of what was asked."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from preferences.catalogue import Catalogue
from preferences.conversation import Ask

# Words that end it by themselves, whatever a model thinks of them (47 CFR 64.1200(a)(10), CTIA).
_STOP = frozenset(
    {
        *("stop", "stopall", "quit", "end", "revoke", "cancel", "unsubscribe", "optout"),
        *("opt out", "please stop", "stop please", "stop it", "stop this"),
        *("para", "basta", "baja", "parar", "cancelar", "por favor para"),
        *("stopp", "aufhören", "abmelden", "abbestellen", "bitte stopp", "bitte aufhören"),
    }
)
_START = frozenset({"start", "unstop"})
# Permission is only ever given by words that mean nothing else.
_YES = frozenset(
    {
        *("yes", "yes please", "yes you may", "yes thats fine", "yes of course", "sure"),
        *("of course", "yes sure", "yes i agree", "i agree", "yes ok", "yes okay", "yep", "yeah"),
        *("sí", "si", "sí puedes", "si puedes", "claro", "claro que sí", "por supuesto"),
        *("sí claro", "si claro", "sí por favor", "si por favor", "de acuerdo"),
        *("ja", "ja gern", "ja gerne", "ja bitte", "ja klar", "klar", "natürlich", "ja natürlich"),
        *("ja darfst du", "gern", "gerne", "einverstanden"),
    }
)
_MAYBE = 0.3
_SURE = 0.55
# Missing one of these hurts more than obeying it once too often.
_SURE_OF = {"stop": 0.4, "sensitive_event": 0.4, "handoff": 0.45, "decline": 0.45}


Polarity = Literal["wants", "does_not_want"]


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing the words may mean; `question` and `value` where the act is `answer`."""

    act: str
    confidence: float
    question: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the shopper wrote, and what the model makes of it, best guess first."""

    text: str
    guesses: tuple[Guess, ...] = ()
    entities: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, parsed: Mapping[str, Any]) -> Self:
        """Take the shopper's words, and the parse of them as Rasa gives it."""
        guesses = tuple(
            Guess(guess["name"], guess["confidence"], guess.get("question"), guess.get("value"))
            for guess in parsed.get("intent_ranking", [])
        )
        return cls(text, guesses, {e["entity"]: str(e["value"]) for e in parsed["entities"]})


@dataclass(frozen=True, slots=True)
class Statement:
    """One wish about one channel."""

    value: str
    polarity: Polarity


@dataclass(frozen=True, slots=True)
class Reading:
    """What is taken to be meant. `sure` is false where it should be asked again.

    For an answer `question` is the one it answers, open or not; `values` are all the options that
    `value` joins. `statements` are what else was said of channels in the same breath.
    """

    act: str
    confidence: float
    value: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    question: str | None = None
    values: tuple[str, ...] = ()
    polarity: Polarity | None = None
    purpose: str | None = None
    statements: tuple[Statement, ...] = ()
    alternatives: tuple[Guess, ...] = ()


def plain(text: str) -> str:
    """Give the words alone: lower case, no punctuation, no emoji, single blanks."""
    kept = (
        character if character.isalnum() or unicodedata.category(character) == "Mn" else " "
        for character in unicodedata.normalize(
            "NFKC", text.replace("'", "").replace("’", "")
        ).lower()
    )
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def read(heard: Heard, ask: Ask | None, catalogue: Catalogue) -> Reading:
    """Choose the meaning: words that leave no doubt first, then what fits the question asked."""
    words = plain(heard.text)
    certain = _certain(words, ask, catalogue)
    if certain is not None:
        return certain
    if not words:
        return Reading("unsure", 0.0, sure=False)
    guesses = [guess for guess in heard.guesses if _possible(guess, ask)]
    if not guesses:
        return Reading("out_of_scope", 0.0, sure=False)
    best = max(guesses, key=lambda guess: guess.confidence)
    detail = dict(heard.entities) if best.act == "answer" else {}
    if best.confidence < _MAYBE:
        return Reading("out_of_scope", best.confidence, sure=False)
    sure = best.confidence >= _SURE_OF.get(best.act, _SURE)
    return Reading(best.act, best.confidence, best.value, detail, sure)


def may_mean(heard: Heard, act: str) -> bool:
    """Whether the model leaves it possible that the words are this act."""
    return any(guess.act == act and guess.confidence >= _MAYBE for guess in heard.guesses)


def is_stop(text: str) -> bool:
    """Whether the words by themselves end it."""
    return plain(text) in _STOP


def gives_permission(heard: Heard, ask: Ask) -> bool:
    """Whether the words are a yes that nobody could take for anything else."""
    agree = {plain(choice.label) for choice in ask.choices if choice.act == "affirm"}
    return plain(heard.text) in _YES | agree


def _certain(words: str, ask: Ask | None, catalogue: Catalogue) -> Reading | None:
    if words in _STOP:
        return Reading("stop", 1.0)
    if words in _START:
        return Reading("start", 1.0)
    return None if ask is None else _chosen(words, ask, catalogue)


def _chosen(words: str, ask: Ask, catalogue: Catalogue) -> Reading | None:
    """Give what the words choose by themselves: a button's label or number, a plain yes."""
    for position, choice in enumerate(ask.choices, start=1):
        if words in {plain(choice.label), str(position)}:
            return Reading(choice.act or "answer", 1.0, choice.value)
    if ask.kind != "question":
        return Reading("affirm", 1.0) if words in _YES else None
    for option in catalogue.questions[ask.question].options:
        if words in {plain(label) for label in option.label.values()}:
            return Reading("answer", 1.0, option.value)
    return None


def _possible(guess: Guess, ask: Ask | None) -> bool:
    """An answer counts only for the question that is open; every other act counts always."""
    return guess.act != "answer" or (ask is not None and guess.question == ask.question)
