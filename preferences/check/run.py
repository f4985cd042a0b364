"""Looks at a whole shop's texts, file by file, and tells what to mend."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from preferences.catalogue import HERE, Purpose, Question
from preferences.check.gives import check_gives, check_referral
from preferences.check.limits import check_entries, check_policy, check_sensitive
from preferences.check.manner import Manner, check_manner, check_speaking
from preferences.check.pages import Finding, Page, read_page
from preferences.check.questions import check_question
from preferences.check.shape import AS_LIMITS, AS_QUESTIONS, Known, valid
from preferences.check.talk import check_occasions, check_purpose
from preferences.texts import LOCALES

_PURPOSES = "purposes.yml"
_MANNER = "manner.yml"
_LIMITS: Mapping[str, Callable[[Page, Known], Iterator[Finding]]] = {
    "entries.yml": check_entries,
    "gives.yml": check_gives,
    "referral.yml": check_referral,
    "policy.yml": check_policy,
    "sensitive.yml": check_sensitive,
    _MANNER: lambda page, _known: check_manner(page),
}


def check(folder: Path = HERE) -> list[Finding]:
    """Look at the questions, purposes and wording, and at what is given, limited and silenced.

    `entries.yml`, `gives.yml`, `referral.yml`, `policy.yml`, `sensitive.yml` and `manner.yml` are
    looked at where they are there.
    Nothing found, all is well.
    """
    pages, findings = _read(_files(folder))
    known = _known(pages)
    manner = _manner(pages)
    for page in pages:
        findings += _about(page, known)
        if manner is not None and page.file.name != _MANNER:
            findings += check_speaking(page, manner)
    return sorted(findings, key=lambda finding: (str(finding.file), finding.line))


def _files(folder: Path) -> list[Path]:
    wording = [folder / "wording" / f"{locale}.yml" for locale in LOCALES]
    limits = [folder / name for name in _LIMITS if (folder / name).exists()]
    questions = sorted((folder / "questions").glob("*.yml"))
    return [*questions, folder / _PURPOSES, *wording, *limits]


def _known(pages: Sequence[Page]) -> Known:
    """Give the names that one page may use of another."""
    questions = [page for page in pages if page.file.parent.name == "questions"]
    return Known(
        questions={
            page.file.stem: frozenset(page.data.get("variants") or ()) for page in questions
        },
        purposes=_names(pages, _PURPOSES) or frozenset(),
        gives=_names(pages, "gives.yml"),
    )


def _manner(pages: Sequence[Page]) -> Manner | None:
    """Give how the shop speaks; None where it does not say, or not rightly."""
    page = next((page for page in pages if page.file.name == _MANNER), None)
    found = None if page is None else valid(Manner, page, page.data, AS_LIMITS)
    return found if isinstance(found, Manner) else None


def _names(pages: Sequence[Page], file: str) -> frozenset[str] | None:
    return next((frozenset(page.data) for page in pages if page.file.name == file), None)


def _read(files: Sequence[Path]) -> tuple[list[Page], list[Finding]]:
    read = [read_page(file) for file in files]
    pages = [page for page in read if isinstance(page, Page)]
    return pages, [finding for finding in read if isinstance(finding, Finding)]


def _about(page: Page, known: Known) -> Iterator[Finding]:
    for name, line in page.twice():
        yield Finding(page.file, line, f"{name} stands twice", "Keep one; the first is not read")
    if page.file.parent.name == "wording":
        yield from _about_occasions(page)
    elif page.file.name == _PURPOSES:
        for name, entry in page.data.items():
            yield from _about_purpose(page, name, entry)
    elif page.file.parent.name == "questions":
        yield from _about_question(page, known)
    else:
        yield from _LIMITS[page.file.name](page, known)


def _about_question(page: Page, known: Known) -> Iterator[Finding]:
    question = valid(Question, page, page.data, AS_QUESTIONS)
    if not isinstance(question, Question):
        yield from question
        return
    if question.purpose not in known.purposes:
        remedy = "Describe it in purposes.yml, or take one that stands there"
        yield page.find(f"the purpose {question.purpose} is not known", remedy, "purpose")
    if question.gives is not None and question.gives not in (known.gives or ()):
        remedy = "Describe it in gives.yml, or take one that stands there"
        yield page.find(f"the give {question.gives} is not known", remedy, "gives")
    yield from check_question(page, question)


def _about_purpose(page: Page, name: str, entry: object) -> Iterator[Finding]:
    purpose = valid(Purpose, page, entry, AS_QUESTIONS, name)
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
