"""What the options of a question must be: short enough to show, apart enough to tell apart."""

from collections.abc import Iterator
from itertools import chain

from preferences.catalogue import Option, Question
from preferences.check.pages import Finding, Page, Step
from preferences.texts import LOCALES
from preferences.understanding import plain

BUTTON = 20  # WhatsApp's reply button and Messenger's quick reply
_ROW = 24  # a row of WhatsApp's list
_MOST_BUTTONS = 3  # beyond this a channel makes a list of them
_MOST_ROWS = 10
_LEAST_EXAMPLES = 3


def check_buttons(page: Page, question: Question) -> Iterator[Finding]:
    """Look whether every channel can show the options as they are."""
    offered = [option for option in question.options if option.offered]
    most = BUTTON if len(offered) <= _MOST_BUTTONS else _ROW
    rows = _MOST_ROWS - len(question.taps) - 1  # one is the way out
    if len(offered) > rows:
        remedy = f"Offer {rows}, and let the others be understood with offered: false"
        yield page.find(f"offers {len(offered)} options", remedy, "options")
    for position, option in enumerate(question.options):
        for locale, label in option.label.items():
            if option.offered and len(label) > most:
                what = f"label “{label}” has {len(label)} characters"
                remedy = f"Say it in {most} at most, or channels cut it off"
                yield page.find(what, remedy, "options", position, "label", locale)


def check_labels(page: Page, question: Question) -> Iterator[Finding]:
    """Look whether no two options look the same."""
    for locale in LOCALES:
        seen: set[str] = set()
        for position, option in enumerate(question.options):
            label = plain(option.label[locale])
            if label in seen:
                remedy = "Give each option a label of its own"
                place = ("options", position, "label", locale)
                yield page.find(f"label “{option.label[locale]}” stands twice", remedy, *place)
            seen.add(label)


def check_examples(page: Page, question: Question) -> Iterator[Finding]:
    """Look at what the model learns from: enough of it, and nothing that stands for two options."""
    if question.kind == "confirm":
        return
    for locale in LOCALES:
        owner: dict[str, str] = {}
        for position, option in enumerate(question.options):
            if option.offered and len(option.examples.get(locale, [])) < _LEAST_EXAMPLES:
                what = f"option {option.value} has too few examples in {locale}"
                remedy = f"Write {_LEAST_EXAMPLES} at least, a dozen if you can, as shoppers speak"
                yield page.find(what, remedy, "options", position, "examples", locale)
            for place, words in _sayings(option, locale):
                other = owner.setdefault(plain(words), option.value)
                if other != option.value:
                    what = f"“{words}” is an example of {other} too"
                    yield page.find(what, "Keep it in one of them", "options", position, *place)


def _sayings(option: Option, locale: str) -> Iterator[tuple[tuple[Step, ...], str]]:
    yield ("label", locale), option.label[locale]
    for name, all_sayings in (("synonyms", option.synonyms), ("examples", option.examples)):
        for at, words in enumerate(all_sayings.get(locale, [])):
            yield (name, locale, at), words


def check_languages(page: Page, question: Question) -> Iterator[Finding]:
    """Look whether every saying is in a language that is spoken."""
    for position, option in enumerate(question.options):
        sayings = chain(
            ((("synonyms", locale)) for locale in option.synonyms),
            ((("examples", locale)) for locale in option.examples),
        )
        for name, locale in sayings:
            if locale not in LOCALES:
                remedy = f"Write one of {', '.join(LOCALES)}"
                place = ("options", position, name, locale)
                yield page.find(f"{locale} is no language that is spoken here", remedy, *place)


def check_crm(page: Page, question: Question) -> Iterator[Finding]:
    """Look whether the CRM's words stand for options of this question."""
    known = {option.value for option in question.options}
    for value in question.crm.values if question.crm else {}:
        if value not in known:
            remedy = f"Name one of {', '.join(sorted(known))}"
            yield page.find(
                f"{value} is no option of this question", remedy, "crm", "values", value
            )
