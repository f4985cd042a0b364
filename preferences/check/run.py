"""Looks at a whole shop's texts, file by file, and tells what to mend."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from preferences.catalogue import HERE, Purpose, Question
from preferences.check.pages import Finding, Page, read_page
from preferences.check.questions import check_question
from preferences.check.talk import check_occasions, check_purpose
from preferences.texts import LOCALES

_PURPOSES = "purposes.yml"
_REMEDIES = {
    "missing": "Add it, as the questions beside this one have it",
    "extra_forbidden": "Remove it, or mend its name: question.schema.json lists them all",
    "value_error": "Complete it in every language",
}
_REMEDY = "Write it as question.schema.json tells"


def check(folder: Path = HERE) -> list[Finding]:
    """Look at `questions/*.yml`, `purposes.yml` and `wording/*.yml`; nothing found, all is well."""
    pages, findings = _read(_files(folder))
    purposes = {name for page in pages if page.file.name == _PURPOSES for name in page.data}
    for page in pages:
        findings += _about(page, purposes)
    return sorted(findings, key=lambda finding: (str(finding.file), finding.line))


def _files(folder: Path) -> list[Path]:
    wording = [folder / "wording" / f"{locale}.yml" for locale in LOCALES]
    return [*sorted((folder / "questions").glob("*.yml")), folder / _PURPOSES, *wording]


def _read(files: Sequence[Path]) -> tuple[list[Page], list[Finding]]:
    read = [read_page(file) for file in files]
    pages = [page for page in read if isinstance(page, Page)]
    return pages, [finding for finding in read if isinstance(finding, Finding)]


def _about(page: Page, purposes: set[str]) -> Iterator[Finding]:
    for name, line in page.twice():
        yield Finding(page.file, line, f"{name} stands twice", "Keep one; the first is not read")
    if page.file.parent.name == "wording":
        yield from _about_occasions(page)
    elif page.file.name == _PURPOSES:
        for name, entry in page.data.items():
            yield from _about_purpose(page, name, entry)
    else:
        yield from _about_question(page, purposes)


def _about_question(page: Page, purposes: set[str]) -> Iterator[Finding]:
    question = _valid(Question, page, page.data)
    if not isinstance(question, Question):
        yield from question
        return
    if question.purpose not in purposes:
        remedy = "Describe it in purposes.yml, or take one that stands there"
        yield page.find(f"the purpose {question.purpose} is not known", remedy, "purpose")
    yield from check_question(page, question)


def _about_purpose(page: Page, name: str, entry: object) -> Iterator[Finding]:
    purpose = _valid(Purpose, page, entry, name)
    if not isinstance(purpose, Purpose):
        yield from purpose
        return
    yield from check_purpose(page, name, purpose)


def _about_occasions(page: Page) -> Iterator[Finding]:
    broken = [
        page.find(
            f"{occasion} is no sentence", "Write it in quotes, or as a list of such", occasion
        )
        for occasion, said in page.data.items()
        if not all(isinstance(text, str) for text in (said if isinstance(said, list) else [said]))
    ]
    yield from broken or check_occasions(page, page.file.stem)


def _valid[Entry: BaseModel](
    kind: type[Entry], page: Page, entry: object, *under: str
) -> Entry | list[Finding]:
    try:
        return kind.model_validate(entry)
    except ValidationError as errors:
        return [
            page.find(
                _what(error["loc"], error["msg"]),
                _REMEDIES.get(error["type"], _REMEDY),
                *under,
                *error["loc"],
            )
            for error in errors.errors()
        ]


def _what(place: Sequence[str | int], message: str) -> str:
    where = ".".join(str(step) for step in place)
    message = message.removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
