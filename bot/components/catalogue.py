"""The question catalogue as training data, so that no intent or story is written per question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

ANSWER = "answer"
WITHOUT_EXAMPLES = {"confirm", "open"}


class CatalogueImporter(RasaFileImporter):
    """Rasa's own files, and one example of `answer` for every wording of every option.

    `questions` is the catalogue's folder, relative to the configuration file.
    """

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
        questions: str = "preferences/questions",
    ) -> None:
        """Take Rasa's three, and what `importers` in config.yml says."""
        super().__init__(config_file, domain_path, training_data_paths)
        self._questions = Path(config_file or ".").resolve().parent / questions

    @cached_method
    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """Merge the examples of the files with those of the catalogue."""
        return super().get_nlu_data(language).merge(TrainingData(list(self._examples())))

    def _examples(self) -> Iterator[Message]:
        if not self._questions.is_dir():
            reason = f"There is no question catalogue at {self._questions}."
            raise RasaException(reason)
        for file in sorted(self._questions.glob("*.yml")):
            yield from read_examples(yaml.safe_load(file.read_text(encoding="utf-8")), file.name)


def read_examples(question: Any, source: str) -> Iterator[Message]:
    """Yield a message for every distinct wording; raises RasaException naming the file.

    A confirm is answered by a yes or a no, which are acts of their own, and an open question by
    any words at all: neither has anything to learn.
    """
    try:
        if question.get("kind") in WITHOUT_EXAMPLES:
            return
        for option in question["options"]:
            for locale, text in dict.fromkeys(_wordings(option)):
                about = {"question": question["id"], "value": option["value"], "locale": locale}
                yield Message.build(text, ANSWER, example_metadata=about)
    except (AttributeError, KeyError, TypeError) as error:
        reason = f"{source} is not a question: {error!r}."
        raise RasaException(reason) from error


def _wordings(option: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for locale, label in option["label"].items():
        yield locale, str(label).strip()
    for field in ("synonyms", "examples"):
        for locale, texts in (option.get(field) or {}).items():
            yield from ((locale, str(text).strip()) for text in texts)
