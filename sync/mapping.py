"""What of a profile goes into which field of a CRM, and on what terms: one YAML page each."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from preferences.catalogue import Catalogue, Question, read_yaml
from preferences.errors import CatalogueError, SettingsError
from sync.capabilities import FieldShape, FieldType
from sync.paths import ANSWER, CONSENT, PROMISE, REFERRAL, Path
from sync.transforms import Transform

HERE = File(__file__).parent / "mappings"
_EVERY = "*"

type WhenNull = Literal["overwrite", "fill_empty", "never"]


class Line(BaseModel):
    """One line of a mapping: an attribute, and the field that takes it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )

    from_: Annotated[str, Field(alias="from", pattern=r"^[a-z_*]+(\.[a-z0-9_*]+)*$")]
    """The attribute: shopper, erased, linked_to, identities.KIND, answers.QUESTION.PART,
    consents.PURPOSE.PART, suppressions.all or suppressions.SCOPE.TARGET, promises.owed,
    promises.GIVE.PART, referral.PART. A star is every question, purpose or give."""
    to: Annotated[str, Field(min_length=1)]
    """The CRM's name of the field; {attribute} is the question's own name for CRMs, the purpose or
    the give."""
    label: str = ""
    """What people read above the field, where it is created."""
    type: FieldType = "text"
    """What the field holds, where it is created. The options of a choice are the question's."""
    transform: Transform = "as_is"
    """How the value is written."""
    values: Mapping[str, str | bool | int] = {}
    """The CRM's own words for values that it calls differently, before those of the question."""
    when_null: WhenNull = "overwrite"
    """Where we know nothing (more): `overwrite` empties what we wrote, `never` leaves it there,
    `fill_empty` writes once, where the CRM holds nothing. What a shopper took back is emptied in
    any case."""
    direction: Literal["push", "pull", "both"] = "push"
    """Whether the CRM is told, asked, or both."""
    conflict: Literal["shopper", "crm"] = "shopper"
    """Who wins where the CRM holds something that we did not write."""
    purpose: str = ""
    """The permission without which it is not sent; an answer takes its question's own."""


class MappingPage(BaseModel):
    """The page of a destination."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: str
    """The CRM's own field, unique, that holds the shopper's id; empty only for a file without it."""
    only_named: bool = False
    """Whether nobody is told of who has no name: neither signed in nor known by an order or a
    channel. They are told of once they have one."""
    fields: list[Line]
    """Every field."""

    @model_validator(mode="after")
    def _leaves_the_key_alone(self) -> Self:
        if any(line.to == self.key for line in self.fields):
            message = f"fields: {self.key} is the key and takes nothing else"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Rule:
    """One attribute and one field, with nothing left open. `question` is none or that of an answer."""

    path: Path
    to: str
    line: Line
    purpose: str = ""
    question: str = ""
    values: Mapping[str, str | bool | int] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def pushed(self) -> bool:
        """Whether the CRM is told."""
        return self.line.direction != "pull"

    @property
    def pulled(self) -> bool:
        """Whether the CRM is asked."""
        return self.line.direction != "push"

    @property
    def shape(self) -> FieldShape:
        """The field as it should be in the CRM."""
        label = self.line.label or self.to.replace("_", " ").capitalize()
        return FieldShape(self.to, self.line.type, label, self.options)


@dataclass(frozen=True, slots=True)
class CrmMapping:
    """A page worked out for a catalogue: one rule for each field, in the page's order.

    Those that push are kept by what they hang on too: most shoppers answered few of the questions.
    """

    destination: str
    key: str
    rules: tuple[Rule, ...]
    only_named: bool = False
    by_field: Mapping[str, Rule] = field(init=False)
    by_question: Mapping[str, Sequence[Rule]] = field(init=False)
    by_purpose: Mapping[str, Sequence[Rule]] = field(init=False)

    def __post_init__(self) -> None:
        pushed = [rule for rule in self.rules if rule.pushed]
        object.__setattr__(self, "by_field", {rule.to: rule for rule in pushed})
        for name, key in (("by_question", "question"), ("by_purpose", "purpose")):
            groups = defaultdict[str, list[Rule]](list)
            for rule in pushed:
                groups[getattr(rule, key)].append(rule)
            object.__setattr__(self, name, dict(groups))

    @property
    def shapes(self) -> tuple[FieldShape, ...]:
        """The fields that the CRM should have, the key first."""
        key = FieldShape(self.key, "text", "Askfirst shopper", unique=True)
        return (key, *(rule.shape for rule in self.rules))


def load_mapping(
    destination: str, catalogue: Catalogue, folder: File | None = None
) -> CrmMapping | None:
    """Read the page of a destination, the shop's own before the one that is shipped.

    None where there is none: the destination is told the profile as the preference API has it.

    :raises SettingsError: names the file, the place in it and what to mend.
    """
    files = [place / f"{destination}.yml" for place in (folder, HERE) if place]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        return None
    try:
        page = MappingPage.model_validate(read_yaml(file))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        message = f"{file}: {place + ': ' if place else ''}{what}."
        raise SettingsError(message) from None
    except CatalogueError as error:
        raise SettingsError(str(error)) from None
    rules = dict[str, Rule]()
    for number, line in enumerate(page.fields):
        try:
            # A later line that names one question takes the place of what a star gave it.
            rules |= {rule.to: rule for rule in _rules(line, catalogue)}
        except ValueError as error:
            message = f"{file}: fields.{number}: {error}."
            raise SettingsError(message) from None
    return CrmMapping(destination, page.key, tuple(rules.values()), page.only_named)


def schema() -> str:
    """Give the JSON Schema of a page, as mapping.schema.json holds it."""
    page = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **MappingPage.model_json_schema(),
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _rules(line: Line, catalogue: Catalogue) -> Iterator[Rule]:
    """Work out a line.

    :raises ValueError: the catalogue or the profile has nothing of that name.
    """
    if line.purpose and line.purpose not in catalogue.purposes:
        message = f"there is no purpose {line.purpose}"
        raise ValueError(message)
    match tuple(line.from_.split(".")):
        case ("shopper" | "erased" | "linked_to",) as path:
            yield Rule(path, line.to, line, values=line.values)
        case ("identities", _) | ("suppressions", "all") | ("suppressions", _, _) as path:
            yield Rule(path, line.to, line, line.purpose, values=line.values)
        case ("promises", "owed") as path:
            yield Rule(path, line.to, line, line.purpose, values=line.values)
        case ("referral", what) as path if what in REFERRAL:
            yield Rule(path, line.to, line, line.purpose, values=line.values)
        case ("promises", give, what) if what in PROMISE:
            for name in _chosen(give, catalogue.gives, "give"):
                to = line.to.replace("{attribute}", name)
                yield Rule(("promises", name, what), to, line, line.purpose, values=line.values)
        case ("consents", purpose, what) if what in CONSENT:
            for name in _chosen(purpose, catalogue.purposes, "purpose"):
                to = line.to.replace("{attribute}", name)
                yield Rule(("consents", name, what), to, line, line.purpose, values=line.values)
        case ("answers", question, *what) if _is_answer(what):
            for name in _chosen(question, catalogue.questions, "question"):
                yield _answer(line, (name, *what), catalogue.questions[name])
        case _:
            message = f"from: {line.from_} is nothing that a profile has"
            raise ValueError(message)


def _chosen(name: str, known: Mapping[str, Any], what: str) -> list[str]:
    if name == _EVERY:
        return [*known]
    if name not in known:
        message = f"from: there is no {what} {name}"
        raise ValueError(message)
    return [name]


def _is_answer(what: list[str]) -> bool:
    match what:
        case [part]:
            return part in ANSWER
        case ["detail", _]:
            return True
    return False


def _answer(line: Line, path: Path, question: Question) -> Rule:
    attribute, own = question.id, dict[str, str | bool | int]()
    if question.crm is not None:
        attribute, own = question.crm.attribute, {**question.crm.values}
    values = (own | {**line.values}) if path[1:] == ("value",) else line.values
    told = [values.get(option.value, option.value) for option in question.options]
    named = path[1:] == ("value",) and line.type in {"choice", "choices"}
    options = tuple(dict.fromkeys(str(one) for one in told)) if named else ()
    to = line.to.replace("{attribute}", attribute)
    if named and not options:  # an open question has none: its field takes any text
        line = line.model_copy(update={"type": "text"})
    purpose = line.purpose or question.purpose
    return Rule(("answers", *path), to, line, purpose, question.id, values, options)
