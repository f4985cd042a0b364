"""Whether every text speaks as the shop does: how it addresses, greets, and what it leaves out."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from preferences.catalogue import Texts
from preferences.check.pages import Finding, Page, Step
from preferences.check.sentences import pattern_of
from preferences.check.shape import AS_LIMITS, valid
from preferences.texts import LOCALES

Words = Annotated[dict[Literal["en", "es", "de"], list[str]], Field(min_length=len(LOCALES))]

_OF_SHOPPERS = frozenset({"examples", "synonyms"})  # how shoppers speak is their own
_GREETINGS = frozenset({"hello", "hello_friend", "greeting", "greeting_between"})
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
# What only the other form of address says. A German capital at the beginning of a sentence tells nothing.
_OTHER_FORM: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "informal": {
        "es": re.compile(r"\b(ustedes|usted|dígame|escríbame)\b", re.IGNORECASE),
        "de": re.compile(r"\bIhnen\b|(?<=[\w,] )(?:Sie|Ihr|Ihre[mnrs]?)\b"),
    },
    "formal": {
        "es": re.compile(r"\b(tú|ti|te|tu|tus|contigo|dime|puedes|quieres)\b", re.IGNORECASE),
        "de": re.compile(r"\b(du|dir|dich|dein\w*)\b", re.IGNORECASE),
    },
}


class Manner(BaseModel):
    """How a shop speaks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Literal["informal", "formal"]
    emoji: bool
    greeting: Texts
    banned: Words


def check_manner(page: Page) -> Iterator[Finding]:
    """Look at the page that says how the shop speaks."""
    manner = valid(Manner, page, page.data, AS_LIMITS)
    if not isinstance(manner, Manner):
        yield from manner


def check_speaking(page: Page, manner: Manner) -> Iterator[Finding]:
    """Hold every text of a page to how the shop speaks."""
    banned = {locale: pattern_of(words) for locale, words in manner.banned.items() if words}
    for place, locale, text in _texts(page):
        where = ".".join(str(step) for step in place)
        other = _OTHER_FORM[manner.address].get(locale)
        if other is not None and (found := other.search(text)):
            what = f"{where} is not {manner.address} (“{found.group()}”)"
            yield page.find(what, "Address shoppers as manner.yml says, in every text", *place)
        if _EMOJI.search(text) and not manner.emoji:
            yield page.find(f"{where} holds a picture", "Say it in words, as the shop does", *place)
        if locale in banned and (found := banned[locale].search(text)):
            what = f"{where} says “{found.group()}”, which this shop does not"
            yield page.find(what, "Say it otherwise, or take it out of manner.yml", *place)
        greets = page.file.parent.name == "wording" and place[0] in _GREETINGS
        if greets and not text.lstrip("¡").startswith(manner.greeting[locale]):
            what = f"{where} does not greet with “{manner.greeting[locale]}”"
            yield page.find(what, "Greet as manner.yml says", *place)


def _texts(page: Page) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    locale = page.file.stem if page.file.parent.name == "wording" else None
    yield from _below(page.data, (), locale)


def _below(
    found: Any, place: tuple[Step, ...], locale: str | None
) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """Give every text with its place; what stands under a language is in it."""
    match found:
        case str() if locale is not None:
            yield place, locale, found
        case list():
            for at, inner in enumerate(found):
                yield from _below(inner, (*place, at), locale)
        case dict():
            for name, inner in found.items():
                if name not in _OF_SHOPPERS:
                    yield from _below(inner, (*place, name), name if name in LOCALES else locale)
