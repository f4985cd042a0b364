"""The questions and purposes of a shop: the one place that knows what may be asked, and how."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from preferences.errors import CatalogueError
from preferences.lexicon.options import Telling, own_wordings, telling_words
from preferences.texts import LOCALES

HERE = Path(__file__).parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML ten times as fast where the package was built with libyaml, as its wheels are."""

_LEAST_OPTIONS = 2


def _complete(texts: dict[str, str]) -> dict[str, str]:
    missing = [locale for locale in LOCALES if not texts.get(locale, "").strip()]
    if missing:
        message = f"has no words in {', '.join(missing)}"
        raise ValueError(message)
    return texts


Texts = Annotated[
    dict[str, str],
    AfterValidator(_complete),
    Field(json_schema_extra={"required": [*LOCALES], "propertyNames": {"enum": [*LOCALES]}}),
]
Sentences = Annotated[
    dict[str, list[str]], Field(json_schema_extra={"propertyNames": {"enum": [*LOCALES]}})
]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Subject = Literal["self", "gift", "household", "team"]
Kind = Literal["one_choice", "several", "pick_two", "open", "confirm"]
Tap = Literal["not_relevant", "already_sorted", "mute"]

WORDS = "words"
"""The value of an answer that is the shopper's own words and nothing else."""

GOOD_MOMENT = "good_moment"
"""The purpose for which it counts where a shopper is, and at which hours they answer; no question has it."""


class Option(_Entry):
    """One answer that a question knows: how it is shown, recognised, and met with warmth."""

    value: Name
    """What is stored."""
    subject: Subject | None = None
    """Whom an answer by this option is about, where it is not the question's own subject."""
    label: Texts
    """The button: at most 24 characters, 20 where a question shows no more than three."""
    reply: Texts
    """What is said when it is chosen: thanks, and what it changes."""
    give: Texts
    """What the shopper gets back for the answer."""
    leads_to: Literal["help", "rest"] | None = None
    """What follows: nothing is asked while a person may help, or the kind of goods rests for a time."""
    offered: bool = True
    """Whether it is a button; if not, it is understood when it is said."""
    synonyms: Sentences = {}
    """Other names of the option, of a word or two."""
    examples: Sentences = {}
    """How shoppers say it, in whole sentences. The model learns from them."""

    @property
    def wordings(self) -> tuple[str, ...]:
        """Its names, each twice because a name tells more, and its examples."""
        names = (*self.label.values(), *(name for told in self.synonyms.values() for name in told))
        return (*names, *names, *(text for told in self.examples.values() for text in told))


class Crm(_Entry):
    """Where an answer goes in a CRM."""

    attribute: Name
    """The attribute that takes the value."""
    values: dict[Name, str] = {}
    """The CRM's own words for values that it calls differently."""


class Question(_Entry):
    """One question, complete: nothing outside this entry has to know of it."""

    id: Name
    """The name of the file, and of the question for ever."""
    version: int = Field(ge=1)
    """One more whenever the words of the question or of its options change their meaning."""
    purpose: Name
    """What an answer is kept for: an entry of purposes.yml."""
    kind: Kind
    """One option, any number, up to two, the shopper's own words, or yes and no."""
    category: Name | None = None
    """The kind of goods that it is about; silenced together with them."""
    subject: Subject
    """Whom an answer is about."""
    sensitivity: Literal["ordinary", "delicate"]
    """A delicate one is never the first that a shopper is asked."""
    depth: int = Field(ge=1, le=3)
    """How well one has to know each other: 1 a stranger may ask, 3 only an acquaintance."""
    half_life_days: int = Field(ge=1)
    """After how long an answer is asked about again before it is relied on."""
    rotate: bool = False
    """Whether the first two options change places from shopper to shopper."""
    wording: Texts
    """The question itself; `{product|words if it is missing}` takes a fact."""
    variants: dict[Name, Texts] = {}
    """Other wordings of the question, for an experiment that has an arm of that name."""
    reason: Texts
    """The answer to "why do you ask?"."""
    use: Texts
    """What an answer changes for the shopper, in one sentence."""
    unclear: Texts
    """The question in other words, where the answer was not understood."""
    taps: list[Tap] = ["mute"]
    """What else is one tap away, behind "Rather not say": that it is not relevant, that it is taken
    care of already, that it is not to be asked again. Each holds for a time (policy.yml)."""
    options: list[Option] = []
    """The answers; a confirm has yes and no, an open one has none."""
    reply: Texts | None = None
    """The reply to several options at once, or to own words; `{answer|…}` holds them."""
    give: Texts
    """What the shopper gets back for several options at once, for own words, or all the same for not
    answering."""
    gives: Name | None = None
    """An entry of gives.yml that is given beside, whatever is answered, and also to who declines."""
    unwanted: Texts | None = None
    """The reply where an option is said to be not wanted; without it that is no answer."""
    details: dict[Name, dict[Name, Texts]] = {}
    """What else an answer may tell, with the values it knows; without any, whatever was said."""
    crm: Crm | None = None
    """Where an answer goes in a CRM."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        values = [option.value for option in self.options]
        if len(set(values)) != len(values):
            message = "options: two have the same value; give each its own"
        elif self.kind == "open" and values:
            message = "options: an open question has none; remove them or choose another kind"
        elif self.kind == "confirm" and values != ["yes", "no"]:
            message = "options: a confirm has yes and no, in this order"
        elif self.kind not in {"open", "confirm"} and len(values) < _LEAST_OPTIONS:
            message = f"options: {self.kind} needs at least {_LEAST_OPTIONS}"
        elif self.kind in {"several", "pick_two", "open"} and not self.reply:
            message = f"reply: {self.kind} needs it, for what no single option answers"
        else:
            return self
        raise ValueError(message)

    def option(self, value: str) -> Option:
        """Give the option of that value, which must be one of this question's."""
        return next(option for option in self.options if option.value == value)

    def chosen(self, value: str) -> tuple[Option, ...]:
        """Give the options that a stored value names; none where it is no choice of this one."""
        parts = value.split(",")
        found = tuple(option for option in self.options if option.value in parts)
        most = {"several": len(self.options), "pick_two": 2}.get(self.kind, 1)
        return found if len(found) == len(parts) <= most else ()

    def holds(self, value: str) -> bool:
        """Tell whether the value may be stored as an answer."""
        return value == WORDS if self.kind == "open" else bool(self.chosen(value))


class Give(_Entry):
    """What a shopper is given back: said at once, or promised until a day."""

    kind: Literal["tip", "help", "effect", "offer", "points", "thanks"]
    texts: Texts
    value: str = ""
    """What whoever keeps a promise needs to know: how many points, the code of an offer."""
    due_days: int | None = Field(default=None, ge=1)
    """Within how many days a promise has to be kept."""

    @model_validator(mode="after")
    def _is_due(self) -> Self:
        if self.is_promise != (self.due_days is not None):
            message = "due_days: offers and points need it, and nothing else has it"
            raise ValueError(message)
        return self

    @property
    def is_promise(self) -> bool:
        """Whether somebody has to do something for it."""
        return self.kind in {"offer", "points"}


class Purpose(_Entry):
    """What answers may be kept for, with the notice that asks for it."""

    version: int = Field(ge=1)
    data_categories: list[Name] = []
    """The kinds of data that are kept for it, as a register of processing names them."""
    valid_days: int = Field(default=730, ge=1)
    """After how long a permission ends by itself, and has to be asked for anew."""
    wording: Texts
    agree: Texts
    refuse: Texts
    reason: Texts


class Entrance(_Entry):
    """What brought somebody to the shop: the names it goes by, what it promised, what it makes askable."""

    campaigns: list[str] = Field(min_length=1)
    promise: Texts
    asks: list[Name] = []


class Catalogue(_Entry):
    """Every question and purpose, by id."""

    questions: Mapping[str, Question]
    purposes: Mapping[str, Purpose]
    gives: Mapping[str, Give] = {}
    entries: Mapping[str, Entrance] = {}

    @cached_property
    def campaigns(self) -> Mapping[str, str]:
        """Every name of a campaign, in small letters, with the entry that it is."""
        return {
            name.casefold(): entry for entry, one in self.entries.items() for name in one.campaigns
        }

    @cached_property
    def values(self) -> frozenset[tuple[str, str]]:
        """Every (question, value) that a model may name; `Question.holds` knows the joined ones."""
        options = {
            (question.id, option.value)
            for question in self.questions.values()
            for option in question.options
        }
        own = {(name, WORDS) for name, one in self.questions.items() if one.kind == "open"}
        return frozenset(options | own)

    @cached_property
    def worded(self) -> Mapping[str, Mapping[str, str]]:
        """The bare words that are one option's own wording and no other's, by question."""
        return {
            question.id: own_wordings(
                {option.value: option.wordings for option in question.options}
            )
            for question in self.questions.values()
        }

    @cached_property
    def telling(self) -> Mapping[str, Telling]:
        """The words that speak for one option alone, by question; a name counts as repeated."""
        return telling_words(
            {
                question.id: {option.value: option.wordings for option in question.options}
                for question in self.questions.values()
            }
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
    gives = _page(Give, folder / "gives.yml")
    for question in questions.values():
        if question.gives is not None and question.gives not in gives:
            message = f"questions/{question.id}.yml: {question.gives} is not in gives.yml."
            raise CatalogueError(message)
    entries = _page(Entrance, folder / "entries.yml")
    for name, entry in entries.items():
        for asked in entry.asks:
            if asked not in questions:
                message = f"entries.yml: {name}: there is no question {asked}."
                raise CatalogueError(message)
    return Catalogue(questions=questions, purposes=purposes, gives=gives, entries=entries)


def _page[Entry: BaseModel](kind: type[Entry], file: Path) -> dict[str, Entry]:
    """Read a page of entries; without it there are none."""
    page = read_yaml(file) if file.exists() else {}
    return {name: _checked(kind, file, entry, name) for name, entry in page.items()}


def read_yaml(file: Path) -> dict[str, Any]:
    """Read one YAML page that holds names at its top.

    :raises CatalogueError: the page is not YAML, or holds something else.
    """
    try:
        page = yaml.load(file.read_text(encoding="utf-8"), LOADER)  # noqa: S506 - a safe one
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
        message = ": ".join(part for part in (str(file), place, f"{what}.") if part)
        raise CatalogueError(message) from None
