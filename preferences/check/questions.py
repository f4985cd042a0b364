"""What a question must be before it may be asked."""

import re
from collections.abc import Callable, Iterator

from preferences.catalogue import Question
from preferences.check.options import (
    check_buttons,
    check_crm,
    check_examples,
    check_labels,
    check_languages,
)
from preferences.check.pages import Finding, Page
from preferences.check.sentences import Role, Sentence, check_sentence
from preferences.check.warmth import check_evenness, check_thanks
from preferences.texts import LOCALES, placeholders
from preferences.understanding import plain

_LONGEST_WORDING = 200
# Who asks says what it is good for to whom they ask, and that nothing is lost by not answering.
_WHAT_FOR = {
    "en": re.compile(r"(so that|to|for)\b[^:?]+[:,]", re.IGNORECASE),
    "es": re.compile(r"(para|así)\b[^:¿]+[:,]", re.IGNORECASE),
    "de": re.compile(r"(damit|um|für)\b[^:?]+[:,]", re.IGNORECASE),
}
_TO_THE_SHOPPER = {
    "en": re.compile(r"\b(you|yours?)\b", re.IGNORECASE),
    "es": re.compile(r"\b(tú|ti|te|tus?|tuy[oa]s?|contigo|usted|le|sus?)\b", re.IGNORECASE),
    "de": re.compile(r"\b(du|dir|dich|dein\w*|Sie|Ihnen|Ihr\w*)\b"),
}
_OTHERWISE = {
    "en": re.compile(
        r"\bif not\b|\bif you (say|do not)\b|\botherwise\b|\bnothing\b", re.IGNORECASE
    ),
    "es": re.compile(r"\bsi no\b|\bnada\b|\bde lo contrario\b", re.IGNORECASE),
    "de": re.compile(r"\bsonst\b|\bwenn nicht\b|\bandernfalls\b|\bnichts\b", re.IGNORECASE),
}
_FACTS = frozenset({"shop", "product", "old_answer"})
_ANSWER = frozenset({"shop", "answer"})
_NO_FACTS = frozenset({"shop"})
# Every text of a question by its name: what it is for, and the facts it may use.
_TEXTS: dict[str, tuple[Role, frozenset[str]]] = {
    "wording": ("asked", _FACTS),
    "unclear": ("asked", _FACTS),
    "reason": ("asked", _FACTS),
    "use": ("said", _NO_FACTS),
    "reply": ("said", _ANSWER),
    "give": ("said", _NO_FACTS),
    "unwanted": ("said", _ANSWER),
}
_OF_OPTION: dict[str, tuple[Role, frozenset[str]]] = {
    "label": ("label", frozenset()),
    "reply": ("said", _NO_FACTS),
    "give": ("said", _NO_FACTS),
}


def check_question(page: Page, question: Question) -> Iterator[Finding]:
    """Look at one question from every side."""
    for rule in _RULES:
        yield from rule(page, question)


def _texts(page: Page, question: Question) -> Iterator[Finding]:
    for sentence, facts in _sentences(page, question):
        yield from check_sentence(sentence, facts)


def _sentences(page: Page, question: Question) -> Iterator[tuple[Sentence, frozenset[str]]]:
    for name, (role, facts) in _TEXTS.items():
        for locale, text in (getattr(question, name) or {}).items():
            yield Sentence(page, (name, locale), locale, role, text), facts
    for position, option in enumerate(question.options):
        for name, (role, facts) in _OF_OPTION.items():
            for locale, text in getattr(option, name).items():
                place = ("options", position, name, locale)
                yield Sentence(page, place, locale, role, text), facts


def _name(page: Page, question: Question) -> Iterator[Finding]:
    if question.id != page.file.stem:
        yield page.find(f"the id is {question.id}", f"Name the file {question.id}.yml", "id")


def _same_facts(page: Page, question: Question) -> Iterator[Finding]:
    for name in _TEXTS:
        texts = getattr(question, name) or {}
        wanted = {locale: placeholders(text) for locale, text in texts.items()}
        for locale, facts in wanted.items():
            if facts != wanted[LOCALES[0]]:
                remedy = f"Use the same placeholders as in {LOCALES[0]}"
                yield page.find(f"{name} wants other facts than elsewhere", remedy, name, locale)


def _one_question(page: Page, question: Question) -> Iterator[Finding]:
    """Asking is for the wording alone, and once; nothing else puts a second question."""
    for name in ("wording", "unclear"):
        for locale, text in getattr(question, name).items():
            if text.count("?") != 1:
                what = f"{name} asks {text.count('?')} questions"
                yield page.find(what, "Ask exactly one question", name, locale)
    for sentence, _ in _sentences(page, question):
        if sentence.role == "said" and "?" in sentence.text:
            yield sentence.find("asks a question", "Say it as a statement; one question a turn")


def _short(page: Page, question: Question) -> Iterator[Finding]:
    for locale, text in question.wording.items():
        if len(text) > _LONGEST_WORDING:
            what = f"wording has {len(text)} characters"
            remedy = f"Say it in {_LONGEST_WORDING} at most"
            yield page.find(what, remedy, "wording", locale)


def _different(page: Page, question: Question) -> Iterator[Finding]:
    """A use is what changes, a reason is why: saying it twice explains nothing."""
    for locale in LOCALES:
        if plain(question.use[locale]) == plain(question.reason[locale]):
            remedy = "Tell why you ask in the reason, and what an answer changes in the use"
            yield page.find("use and reason are the same", remedy, "use", locale)


def _helps(page: Page, question: Question) -> Iterator[Finding]:
    """The answer to "why do you ask?" helps the shopper to decide: about the goods, and about answering."""
    for locale in LOCALES:
        _, _, then = question.reason[locale].partition(". ")
        if not _TO_THE_SHOPPER[locale].search(then):
            remedy = "After why you ask, tell what an answer makes easier to choose: “for you”"
            yield page.find(f"reason.{locale} does not say how it helps", remedy, "reason", locale)
        if not _OTHERWISE[locale].search(then):
            remedy = "Add what not answering changes: “if not, I change nothing”"
            what = f"reason.{locale} does not say what happens without an answer"
            yield page.find(what, remedy, "reason", locale)


def _what_for(page: Page, question: Question) -> Iterator[Finding]:
    """The first line, in one sentence, has what the answer is for and what the shopper has of it."""
    for locale in LOCALES:
        if not _WHAT_FOR[locale].match(question.wording[locale]):
            remedy = "Begin with what an answer is for: “So that our tips fit you: …”"
            what = f"wording.{locale} does not begin with what it is for"
            yield page.find(what, remedy, "wording", locale)


def _delicate(page: Page, question: Question) -> Iterator[Finding]:
    if question.sensitivity == "delicate" and not question.rotate:
        remedy = "Add rotate: true, so that no answer looks like the expected one"
        yield page.find("is delicate and its options do not rotate", remedy, "sensitivity")


def _warmth(page: Page, question: Question) -> Iterator[Finding]:
    for locale in LOCALES:
        replies = _of_options(page, question, "reply", locale)
        yield from check_evenness(replies)
        yield from check_evenness(_of_options(page, question, "give", locale))
        more = [
            Sentence(page, (name, locale), locale, "said", texts[locale])
            for name, texts in (("reply", question.reply), ("unwanted", question.unwanted))
            if texts
        ]
        yield from check_thanks([*replies, *more])


def _of_options(page: Page, question: Question, name: str, locale: str) -> list[Sentence]:
    return [
        Sentence(page, ("options", at, name, locale), locale, "said", getattr(option, name)[locale])
        for at, option in enumerate(question.options)
    ]


_RULES: tuple[Callable[[Page, Question], Iterator[Finding]], ...] = (
    *(_name, _texts, _same_facts, _one_question, _short, _different, _helps, _delicate, _warmth),
    _what_for,
    *(check_buttons, check_labels, check_examples, check_languages, check_crm),
)
