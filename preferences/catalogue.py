"""The questions and purposes of a shop: the one place that knows what may be asked, and how."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from preferences.errors import CatalogueError
from preferences.texts import LOCALES

HERE = Path(__file__).parent


def _complete(texts: dict[str, str]) -> dict[str, str]:
    missing = [locale for locale in LOCALES if not texts.get(locale, "").strip()]
    if missing:
        message = f"has no words in {', '.join(missing)}"
        raise ValueError(message)
    return texts


Texts = Annotated[dict[str, str], AfterValidator(_complete)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Subject = Literal["self", "gift", "household", "team"]


class Option(_Entry):
    """One answer that a question knows: how it is shown, recognised, and met with warmth.

    `subject` is whom an answer by this option is about, where it is not the question's own.
    """

    value: str
    subject: Subject | None = None
    label: Texts
    reply: Texts
    give: Texts
    offered: bool = True
    examples: dict[str, list[str]] = {}


class Question(_Entry):
    """One question, complete: nothing outside this entry has to know of it."""

    id: str
    version: int = Field(ge=1)
    purpose: str
    kind: Literal["one_choice"]
    subject: Subject
    sensitivity: Literal["ordinary", "delicate"]
    depth: int = Field(ge=1, le=3)
    half_life_days: int = Field(ge=1)
    rotate: bool = False
    wording: Texts
    reason: Texts
    use: Texts
    unclear: Texts
    options: list[Option] = Field(min_length=2)

    def option(self, value: str) -> Option:
        """Give the option of that value, which must be one of this question's."""
        return next(option for option in self.options if option.value == value)


class Purpose(_Entry):
    """What answers may be kept for, with the notice that asks for it."""

    version: int = Field(ge=1)
    wording: Texts
    agree: Texts
    refuse: Texts
    reason: Texts


class Catalogue(_Entry):
    """Every question and purpose, by id."""

    questions: Mapping[str, Question]
    purposes: Mapping[str, Purpose]

    @cached_property
    def values(self) -> frozenset[tuple[str, str]]:
        """Every (question, value) that an answer may hold."""
        return frozenset(
            (question.id, option.value)
            for question in self.questions.values()
            for option in question.options
        )


def load_catalogue(folder: Path = HERE) -> Catalogue:
    """Read `questions/*.yml` and `purposes.yml`.

    :raises CatalogueError: names the file, the place in it and what to mend.
    """
    questions: dict[str, Question] = {}
    for file in sorted((folder / "questions").glob("*.yml")):
        question = _checked(Question, file, read_yaml(file))
        if question.id != file.stem:
            message = f"{file}: the id is {question.id}; name the file {question.id}.yml."
            raise CatalogueError(message)
        questions[question.id] = question
    file = folder / "purposes.yml"
    purposes = {
        name: _checked(Purpose, file, entry, name) for name, entry in read_yaml(file).items()
    }
    for question in questions.values():
        if question.purpose not in purposes:
            message = (
                f"questions/{question.id}.yml: purpose {question.purpose} is not in purposes.yml."
            )
            raise CatalogueError(message)
    return Catalogue(questions=questions, purposes=purposes)


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one YAML page that holds names at its top.

    :raises CatalogueError: the page is not YAML, or holds something else.
    """
    try:
        page = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{file}: cannot be read as YAML ({error})."
        raise CatalogueError(message) from None
    if not isinstance(page, dict):
        message = f"{file}: must hold names and values, as the pages beside it do."
        raise CatalogueError(message)
    return page


def _checked[Entry: BaseModel](kind: type[Entry], file: Path, page: object, *under: str) -> Entry:
    try:
        return kind.model_validate(page)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (*under, *first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        message = f"{file}: {place}: {what}."
        raise CatalogueError(message) from None
