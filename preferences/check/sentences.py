"""One sentence of the assistant, and what it may not hold: words that hurt, gaps left unfilled."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from preferences.catalogue import HERE, read_yaml
from preferences.check.pages import Finding, Page, Step
from preferences.texts import LOCALES

Role = Literal["asked", "label", "said"]

# Which roles a list of words holds for.
_WHERE: Mapping[str, frozenset[Role]] = {
    "asked": frozenset({"asked"}),
    "questions": frozenset({"asked", "label"}),
    "said": frozenset({"asked", "label", "said"}),
}
_PLACEHOLDER = re.compile(r"\{(\w+)(\|[^}]*)?\}")
# Signs of a field that was to be filled by another system: %%NAME%%, {{name}}, [NAME], <name>, *|FNAME|*.
_FOREIGN = re.compile(r"%%|\{\{|\}\}|\[[A-Z_ ]+\]|<\w+>|\*\|")
# A sum of money, or a part of a price, before its sign or behind it.
_SUM = re.compile(
    r"\d\s?(?:%|€|£|\$|EUR\b|USD\b|GBP\b|CHF\b|(?:euros?|dollars?|d[oó]lar(?:es)?|pounds?|cents?)\b)"
    r"|(?:€|£|\$|\b(?:EUR|USD|GBP|CHF))\s?\d",
    re.IGNORECASE,
)
_NAMES = frozenset({"name", "first_name", "firstname", "last_name", "nombre", "vorname"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with its place, its language, and what it is for."""

    page: Page
    place: tuple[Step, ...]
    locale: str
    role: Role
    text: str

    def find(self, what: str, remedy: str) -> Finding:
        """Make a finding about it."""
        where = ".".join(str(step) for step in self.place)
        return self.page.find(f"{where} {what}", remedy, *self.place)


@dataclass(frozen=True, slots=True)
class _Words:
    what: str
    remedy: str
    where: frozenset[Role]
    patterns: Mapping[str, re.Pattern[str]]


def check_sentence(sentence: Sentence, facts: frozenset[str] | None) -> Iterator[Finding]:
    """Look at one sentence; `facts` are those it may use, None where its code gives them."""
    yield from _banned(sentence)
    yield from _placeholders(sentence, facts)


def _banned(sentence: Sentence) -> Iterator[Finding]:
    for words in _lists():
        found = words.patterns[sentence.locale].search(sentence.text)
        if found and sentence.role in words.where:
            yield sentence.find(f"{words.what} (“{found.group()}”)", words.remedy)
    if sentence.role == "asked" and (found := _SUM.search(sentence.text)):
        remedy = "Ask for the shopper's sake alone; an offer is a give, after the answer"
        yield sentence.find(f"names a price in a question (“{found.group()}”)", remedy)


def _placeholders(sentence: Sentence, facts: frozenset[str] | None) -> Iterator[Finding]:
    rest = _PLACEHOLDER.sub("", sentence.text)
    if re.search("[{}]", rest) or _FOREIGN.search(rest):
        remedy = "Write {product|words if it is missing}, closed and with one brace at each end"
        yield sentence.find("has a gap that nothing fills", remedy)
    for name, instead in _PLACEHOLDER.findall(sentence.text):
        if name in _NAMES:
            remedy = "Leave the name out; it makes nothing personal"
            yield sentence.find(f"puts a name into a text ({{{name}}})", remedy)
        elif facts is not None and name not in facts:
            remedy = f"Use {', '.join(f'{{{fact}|…}}' for fact in sorted(facts))} or none"
            yield sentence.find(f"uses a fact that is not known here ({{{name}}})", remedy)
        elif facts is not None and name != "shop" and not instead.strip("| "):
            remedy = f"Write {{{name}|words if it is missing}}"
            yield sentence.find(f"has no words for when {{{name}}} is missing", remedy)


@cache
def _lists() -> tuple[_Words, ...]:
    page = read_yaml(HERE / "check" / "words.yml")
    return tuple(
        _Words(
            entry["what"],
            entry["remedy"],
            _WHERE[entry["where"]],
            {locale: pattern_of(entry[locale]) for locale in LOCALES},
        )
        for entry in page.values()
    )


def pattern_of(words: list[str]) -> re.Pattern[str]:
    """Give the pattern that finds any of these words; a * in one stands for any ending."""
    either = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in words)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
