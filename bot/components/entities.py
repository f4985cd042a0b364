"""Who a gift is for and for which day: known terms in the shopper's language, nothing guessed."""

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


def plain(word: str) -> str:
    """Spell a word as it is typed in a hurry: without accents."""
    letters = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in letters if not unicodedata.combining(c)))


class Reader:
    """The terms of one language, found in a sentence; the longest wins."""

    def __init__(self, language: str, terms: dict[str, dict[str, dict[str, list[str]]]]) -> None:
        """`terms` is kind → value → language → phrases."""
        self._pipeline: Language = spacy.blank(language)
        self._matcher = PhraseMatcher(self._pipeline.vocab, attr="LOWER")
        self._meaning: dict[str, tuple[str, str]] = {}
        for kind, values in terms.items():
            for value, phrases in values.items():
                self._learn(kind, value, phrases.get(language, []))

    def _learn(self, kind: str, value: str, phrases: list[str]) -> None:
        key = f"{kind}:{value}"
        self._meaning[key] = kind, value
        spellings = dict.fromkeys([*phrases, *map(plain, phrases)])
        self._matcher.add(key, [self._pipeline.make_doc(spelling) for spelling in spellings])

    def read(self, text: str) -> list[dict[str, Any]]:
        """List the entities in the order of the sentence."""
        doc: Doc = self._pipeline.make_doc(text)
        spans: list[Span] = filter_spans(self._matcher(doc, as_spans=True))
        return [self._entity(span) for span in spans]

    def _entity(self, span: Span) -> dict[str, Any]:
        kind, value = self._meaning[span.label_]
        return {
            "entity": kind,
            "value": value,
            "start": span.start_char,
            "end": span.end_char,
            "confidence_entity": 1.0,
        }


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class TermReader(GraphComponent, EntityExtractorMixin):
    """Adds `relation` and `occasion`, with names that are the same in every language."""

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
        """Read each message in its shopper's language."""
        for message in messages:
            locale = str((message.get("metadata") or {}).get("locale") or DEFAULT_LANGUAGE)
            reader = self._readers.get(locale[:2].lower(), self._readers[DEFAULT_LANGUAGE])
            found = self.add_extractor_name(reader.read(message.get(TEXT)))
            message.set(ENTITIES, message.get(ENTITIES, []) + found, add_to_output=True)
        return messages
