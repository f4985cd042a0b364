"""The question catalogue as training data, so that no intent or story is written per question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.importers.utils import training_data_from_paths
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

ANSWER = "answer"
ABOUT = dict.fromkeys(("question", "value", "locale"))
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
        """Take the examples of the files and those of the catalogue."""
        files = [Path(file) for file in self._nlu_files]
        acts = (message for file in files for message in read_acts(file, language or "en"))
        return TrainingData([*acts, *self._examples()])

    def _examples(self) -> Iterator[Message]:
        if not self._questions.is_dir():
            reason = f"There is no question catalogue at {self._questions}."
            raise RasaException(reason)
        for file in sorted(self._questions.glob("*.yml")):
            yield from read_examples(read_yaml(file), file.name)


def read_yaml(file: Path) -> Any:
    """Read a file with libyaml; raises RasaException naming it."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except yaml.YAMLError as error:
        reason = f"{file.name} is not YAML: {error}."
        raise RasaException(reason) from error


def read_acts(file: Path, language: str) -> Iterator[Message]:
    """Yield the messages of a file: a list of acts with a line for each example.

    The `metadata` of an `answer` name the question, the value and the locale of all its examples;
    raises RasaException where one of them is no string.
    Rasa's own reader is slow (10 s for what takes one here), for it keeps every comment's place and
    looks for entities in the text. It reads the files that hold anything else.
    """
    content = read_yaml(file)
    entries = content.get("nlu") if isinstance(content, dict) else None
    if not entries or not all(map(_is_plain, entries)):
        data: TrainingData = training_data_from_paths([str(file)], language)
        yield from data.training_examples
        return
    for entry in entries:
        about = entry.get("metadata")
        _expect_words(about, file.name)
        for line in filter(str.strip, entry["examples"].splitlines()):
            text = line.strip().removeprefix("- ").strip()
            yield Message.build(text, entry["intent"], example_metadata=about)


def _expect_words(about: dict[str, Any] | None, source: str) -> None:
    """Refuse an unquoted yes or no, which YAML reads as true or false, before minutes of training."""
    for name, value in (about or {}).items():
        if not isinstance(value, str):
            reason = f"{source}: the metadata's {name} is read as {value!r}; put it in quotes."
            raise RasaException(reason)


def _is_plain(entry: Any) -> bool:
    if entry.keys() - {"metadata"} != {"intent", "examples"}:
        return False
    names_an_option = entry.get("metadata", ABOUT).keys() == ABOUT.keys()
    return isinstance(entry["examples"], str) and names_an_option


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
