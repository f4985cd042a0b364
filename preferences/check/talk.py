"""What the assistant says outside of questions: the notices, and the sentences for each occasion."""

import re
from collections.abc import Iterator, Mapping

from preferences.catalogue import Purpose
from preferences.check.options import BUTTON
from preferences.check.pages import Finding, Page
from preferences.check.sentences import Sentence, check_sentence
from preferences.check.warmth import check_evenness, check_thanks
from preferences.texts import LOCALES

_LONGEST_NOTICE = 300
_LONGEST_SHOP = "a shop with a rather long name"
_SHOP = frozenset({"shop"})
_AUTOMATED = {"en": "automat", "es": "automátic", "de": "automat"}
# What shoppers hear in each other's place; none may be met more coldly than another.
_REFUSALS = frozenset(
    {"declined", "skipped", "dont_know", "no_preference", "not_relevant", "already_sorted", "muted"}
)
_PERMISSION = frozenset({"consent_given", "consent_refused"})
_BUTTONS = (
    "decline_label",
    "erase_yes",
    "erase_no",
    "claim_yes",
    "claim_no",
    "yes_label",
    "no_label",
    "done_label",
    "mute_label",
    "not_relevant_label",
    "already_sorted_label",
    "tip_not_relevant_label",
    "tips_mute_label",
    "invite_yes",
    "invite_no",
)
_INTRODUCING = ("title", "hello", "hello_again", "hello_friend", "bot")

# A title holds the shop's name, these words, and no other.
_ROLE = frozenset(
    {
        *("shop", "assistant", "automated", "automatic", "the", "of", "from", "at"),
        *("asistente", "automático", "automática", "de", "del", "la", "el"),
        *("assistent", "assistentin", "automatisch", "automatischer", "automatische", "von", "der"),
    }
)
_WORD = re.compile(r"\w+")
# Who says "I am" and goes on with a capital says a name; in German only what is no article does.
_A_NAME = {
    "en": re.compile(r"\bI(?: am|'m|’m) [A-Z]|\b[Mm]y name is\b"),
    "es": re.compile(r"\b[Ss]oy [A-ZÁÉÍÓÚÑ]|\b[Mm]e llamo\b|\b[Mm]i nombre es\b"),
    "de": re.compile(r"\b[Ii]ch bin [A-ZÄÖÜ]|\b[Ii]ch heiße\b|\b[Mm]ein Name ist\b"),
}

type Occasions = Mapping[str, str | list[str]]


def check_purpose(page: Page, name: str, purpose: Purpose) -> Iterator[Finding]:
    """Look at one notice that asks for permission."""
    for locale in LOCALES:
        notice, place = purpose.wording[locale], (name, "wording", locale)
        if len(notice.replace("{shop}", _LONGEST_SHOP)) > _LONGEST_NOTICE:
            remedy = f"Say it in {_LONGEST_NOTICE} characters at most, the shop's name included"
            yield page.find(f"the notice has {len(notice)} characters", remedy, *place)
        if "stop" not in notice.lower():
            remedy = "Add how to take it back: just write “stop”"
            yield page.find("the notice does not say how permission ends", remedy, *place)
        for choice in ("agree", "refuse"):
            yield from _button(page, getattr(purpose, choice)[locale], name, choice, locale)
        choices = [
            Sentence(page, (name, choice, locale), locale, "said", getattr(purpose, choice)[locale])
            for choice in ("agree", "refuse")
        ]
        yield from check_evenness(choices)
        for part in ("wording", "reason", "agree", "refuse"):
            text = getattr(purpose, part)[locale]
            sentence = Sentence(page, (name, part, locale), locale, "asked", text)
            yield from check_sentence(sentence, _SHOP)


def check_occasions(page: Page, locale: str) -> Iterator[Finding]:
    """Look at everything that is said in one language."""
    said = list(_said(page, locale))
    for occasion, text, sentence in said:
        yield from check_sentence(sentence, None)
        if occasion in _BUTTONS:
            yield from _button(page, text, *sentence.place)
        if occasion in _INTRODUCING:
            yield from _introduction(sentence, occasion)
    for group in (_REFUSALS, _PERMISSION):
        alike = [sentence for occasion, _, sentence in said if occasion in group]
        yield from check_thanks(alike, first=False)
        yield from check_evenness(alike)


def _introduction(sentence: Sentence, occasion: str) -> Iterator[Finding]:
    """A program says that it is one, and goes by the shop's name: never by a person's."""
    locale, text = sentence.locale, sentence.text
    if _AUTOMATED[locale] not in text.lower():
        remedy = "Say that it is automated; a person is never pretended"
        yield sentence.find("does not say what is speaking", remedy)
    others = [] if occasion != "title" else sorted({*_WORD.findall(text.lower())} - _ROLE)
    if others or _A_NAME[locale].search(text):
        remedy = "Write {shop}, and that it is an automated assistant; a name pretends a person"
        yield sentence.find(f"may give a name ({', '.join(others) or 'I am …'})", remedy)


def _said(page: Page, locale: str) -> Iterator[tuple[str, str, Sentence]]:
    occasions: Occasions = page.data
    for occasion, said in occasions.items():
        for at, text in enumerate(said if isinstance(said, list) else [said]):
            place = (occasion, at) if isinstance(said, list) else (occasion,)
            yield occasion, text, Sentence(page, place, locale, "said", text)


def _button(page: Page, label: str, *place: str | int) -> Iterator[Finding]:
    if len(label) > BUTTON:
        what = f"button “{label}” has {len(label)} characters"
        yield page.find(what, f"Say it in {BUTTON} at most, or channels cut it off", *place)
