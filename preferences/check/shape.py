"""Whether a page has the shape that it must have, and what the pages may name of one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from preferences.check.pages import Finding, Page

AS_QUESTIONS: Mapping[str, str] = {
    "missing": "Add it, as the questions beside this one have it",
    "extra_forbidden": "Remove it, or mend its name: question.schema.json lists them all",
    "value_error": "Complete it in every language",
    "string_type": "Put it in quotes: YAML takes yes, no, on, off and bare numbers for no words",
    "": "Write it as question.schema.json tells",
}
"""What to do about a fault of a question or a purpose, by its kind; any other under no name."""

AS_LIMITS: Mapping[str, str] = {
    "missing": "Add it; docs/choosing.md tells what it limits",
    "extra_forbidden": "Remove it, or mend its name",
    "value_error": "Mend it; the comment beside it tells what it is",
    "literal_error": "Take one of these, in quotes where YAML has another meaning for it",
    "": "Write it as the page that comes with Askfirst does",
}
"""The same for the pages of limits."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a page may name: questions with their variants, purposes, and gives if there is a page of them."""

    questions: Mapping[str, frozenset[str]]
    purposes: frozenset[str]
    gives: frozenset[str] | None


def valid[Entry: BaseModel](
    kind: type[Entry], page: Page, entry: object, remedies: Mapping[str, str], *under: str
) -> Entry | list[Finding]:
    """Give what stands there, or else everything that is wrong with its shape."""
    try:
        return kind.model_validate(entry)
    except ValidationError as errors:
        return [
            page.find(
                _what(error["loc"], error["msg"]),
                remedies.get(error["type"], remedies[""]),
                *under,
                *_place(error),
            )
            for error in errors.errors()
        ]


def _place(error: Any) -> Sequence[str | int]:
    """Give where it is; what is too much in a dictionary is named twice."""
    return [step for step in error["loc"] if step != "[key]"]


def _what(place: Sequence[str | int], message: str) -> str:
    where = ".".join(str(step) for step in place)
    message = message.removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
