"""Who and what is named, and when: known terms of every language, nothing guessed."""

from __future__ import annotations

import unicodedata
from hashlib import sha256
from pathlib import Path
from typing import Any

import spacy
import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

TERMS = Path(__file__).with_name("terms.yml")
DEFAULT_LANGUAGE = "en"
# Terms that are everyday words of another language: they count in a message of their own alone.
AT_HOME = frozenset(
    {"kind", "son", "sons", "pal", "prima", "chef", "chefs", "mate", "papas", "ma", "pops", "hase"}
    | {"reyes", "santo", "folks", "family", "graduation", "manager", "compromiso", "pedida", "geb"}
    | {"rate", "rata", "rat", "rats", "pez", "once", "hoy", "nun", "bald", "later", "maus", "pony"}
    | {"morgen", "mañana", "manana", "ende", "abend", "tarde", "noche", "sonntag", "birth", "vogel"}
)


def plain(word: str) -> str:
    """Spell a word as it is typed in a hurry: without accents."""
    letters = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in letters if not unicodedata.combining(c)))


class Reader:
    """The terms of one language, found in a sentence; of each kind the longest wins."""

    def __init__(self, language: str, terms: dict[str, dict[str, dict[str, list[str]]]]) -> None:
        """`terms` is kind → value → language → phrases."""
        self._pipeline: Language = spacy.blank(language)
        self._matchers = {
            kind: self._matcher(values, language)
            for kind, values in terms.items()
            if any(language in phrases for phrases in values.values())
        }

    def _matcher(self, values: dict[str, dict[str, list[str]]], language: str) -> PhraseMatcher:
        matcher = PhraseMatcher(self._pipeline.vocab, attr="LOWER")
        for value, phrases in values.items():
            own = phrases.get(language, [])
            spellings = dict.fromkeys([*own, *map(plain, own)])
            matcher.add(value, [self._pipeline.make_doc(spelling) for spelling in spellings])
        return matcher

    def read(self, text: str) -> list[dict[str, Any]]:
        """List the entities, kind by kind."""
        doc: Doc = self._pipeline.make_doc(text)
        return [
            entity(kind, span)
            for kind, matcher in self._matchers.items()
            for span in filter_spans(matcher(doc, as_spans=True))
        ]


def entity(kind: str, span: Span) -> dict[str, Any]:
    """Make the entry of a message's entities."""
    return {
        "entity": kind,
        "value": span.label_,
        "start": span.start_char,
        "end": span.end_char,
        "text": span.text,
        "confidence_entity": 1.0,
    }


def clear_of(found: list[dict[str, Any]], one: dict[str, Any]) -> bool:
    """Whether no term of its kind was found in its place already."""
    return all(
        other["entity"] != one["entity"]
        or other["end"] <= one["start"]
        or one["end"] <= other["start"]
        for other in found
    )


def is_within(term: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether it is a part of a longer term: a mother's day is no mother."""
    longer = other["end"] - other["start"] > term["end"] - term["start"]
    return longer and other["start"] <= term["start"] and term["end"] <= other["end"]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class TermReader(GraphComponent, EntityExtractorMixin):
    """Adds `relation`, `occasion`, `species` and `time`, named the same in every language."""

    def __init__(self, terms: dict[str, dict[str, dict[str, list[str]]]]) -> None:
        """One reader for each language that any term is known in."""
        every = [phrases for values in terms.values() for phrases in values.values()]
        languages = dict.fromkeys(language for phrases in every for language in phrases)
        self._readers = {language: Reader(language, terms) for language in languages}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TermReader:
        """Read the terms beside this module."""
        return cls(yaml.safe_load(TERMS.read_text(encoding="utf-8")))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Tell other terms apart."""
        return sha256(TERMS.read_bytes()).hexdigest()

    def process(self, messages: list[Message]) -> list[Message]:
        """Read each message in its shopper's language first, then in the others."""
        for message in messages:
            locale = str((message.get("metadata") or {}).get("locale") or DEFAULT_LANGUAGE)
            found = self.add_extractor_name(self.read(message.get(TEXT), locale[:2].lower()))
            message.set(ENTITIES, message.get(ENTITIES, []) + found, add_to_output=True)
        return messages

    def read(self, text: str, language: str) -> list[dict[str, Any]]:
        """List the entities in the order of the sentence; the own language has the first word."""
        own = language if language in self._readers else DEFAULT_LANGUAGE
        found = self._readers[own].read(text)
        for other in self._readers.keys() - {own}:
            found += [
                term
                for term in self._readers[other].read(text)
                if term["text"].lower() not in AT_HOME and clear_of(found, term)
            ]
        kept = [term for term in found if not any(is_within(term, other) for other in found)]
        for term in kept:
            del term["text"]
        return sorted(kept, key=lambda term: (term["start"], term["entity"]))
