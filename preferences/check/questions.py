"""What a question must be before it may be asked."""

from collections.abc import Callable, Iterator
from itertools import chain

from preferences.catalogue import Option, Question
from preferences.check.pages import Finding, Page, Step
from preferences.check.sentences import Role, Sentence, check_sentence, placeholders
from preferences.check.warmth import check_evenness, check_thanks
from preferences.texts import LOCALES
from preferences.understanding import plain

BUTTON = 20  # WhatsApp's reply button and Messenger's quick reply
_ROW = 24  # a row of WhatsApp's list
_MOST_BUTTONS = 3  # beyond this a channel makes a list of them
_MOST_ROWS = 9  # of ten, one is the way out
_LONGEST_WORDING = 200
_LEAST_EXAMPLES = 3
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


def _delicate(page: Page, question: Question) -> Iterator[Finding]:
    if question.sensitivity == "delicate" and not question.rotate:
        remedy = "Add rotate: true, so that no answer looks like the expected one"
        yield page.find("is delicate and its options do not rotate", remedy, "sensitivity")


def _buttons(page: Page, question: Question) -> Iterator[Finding]:
    offered = [option for option in question.options if option.offered]
    most = BUTTON if len(offered) <= _MOST_BUTTONS else _ROW
    if len(offered) > _MOST_ROWS:
        remedy = f"Offer {_MOST_ROWS}, and let the others be understood with offered: false"
        yield page.find(f"offers {len(offered)} options", remedy, "options")
    for position, option in enumerate(question.options):
        for locale, label in option.label.items():
            if option.offered and len(label) > most:
                what = f"label “{label}” has {len(label)} characters"
                remedy = f"Say it in {most} at most, or channels cut it off"
                yield page.find(what, remedy, "options", position, "label", locale)


def _labels_differ(page: Page, question: Question) -> Iterator[Finding]:
    for locale in LOCALES:
        seen: set[str] = set()
        for position, option in enumerate(question.options):
            label = plain(option.label[locale])
            if label in seen:
                remedy = "Give each option a label of its own"
                place = ("options", position, "label", locale)
                yield page.find(f"label “{option.label[locale]}” stands twice", remedy, *place)
            seen.add(label)


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


def _examples(page: Page, question: Question) -> Iterator[Finding]:
    """What the model learns from: enough of it, and nothing that stands for two options."""
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


def _known_languages(page: Page, question: Question) -> Iterator[Finding]:
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


def _crm(page: Page, question: Question) -> Iterator[Finding]:
    known = {option.value for option in question.options}
    for value in question.crm.values if question.crm else {}:
        if value not in known:
            remedy = f"Name one of {', '.join(sorted(known))}"
            yield page.find(
                f"{value} is no option of this question", remedy, "crm", "values", value
            )


_RULES: tuple[Callable[[Page, Question], Iterator[Finding]], ...] = (
    *(_name, _texts, _same_facts, _one_question, _short, _different, _delicate, _buttons),
    *(_labels_differ, _warmth, _examples, _known_languages, _crm),
)
