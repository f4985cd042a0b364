"""What a shopper is given or offered: whether it says what it must, briefly, and can be kept."""

from collections.abc import Iterator

from preferences.catalogue import Give
from preferences.check.pages import Finding, Page
from preferences.check.sentences import Sentence, check_sentence
from preferences.check.shape import AS_LIMITS, Known, valid
from preferences.check.warmth import check_evenness
from preferences.referral import Referral
from preferences.texts import LOCALES

_SHOP = frozenset({"shop"})
_LINK = "{link}"
_EXAMPLE = "://shop.example/"
_MOST_WORDS = 20  # a sentence of more is not read


def check_gives(page: Page, _known: Known) -> Iterator[Finding]:
    """Look at every entry of the catalogue of gives."""
    for name, entry in page.data.items():
        give = valid(Give, page, entry, AS_LIMITS, name)
        if not isinstance(give, Give):
            yield from give
            continue
        texts = [
            Sentence(page, (name, "texts", locale), locale, "said", give.texts[locale])
            for locale in LOCALES
        ]
        for sentence in texts:
            yield from check_sentence(sentence, _SHOP)
        if give.is_promise and not give.value:
            remedy = "Write what whoever keeps the promise has to know: how many, or which code"
            yield page.find(f"{name} is promised and has no value", remedy, name)


def check_referral(page: Page, _known: Known) -> Iterator[Finding]:
    """Look at the terms of an invitation, and at what is shared."""
    referral = valid(Referral, page, page.data, AS_LIMITS)
    if not isinstance(referral, Referral):
        yield from referral
        return
    if referral.enabled and _EXAMPLE in referral.link:
        remedy = "Write the address of the shop's own page, or set enabled: false"
        yield page.find("friends are invited to an address that is an example", remedy, "link")
    for locale in LOCALES:
        yield from _terms(page, referral, locale)
        said = referral.message[locale]
        if said.count(_LINK) != 1:
            remedy = f"Write {_LINK} once, where the link is to stand"
            yield page.find(
                f"message.{locale} has no place for the link", remedy, "message", locale
            )
        shared = Sentence(page, ("message", locale), locale, "said", said.replace(_LINK, ""))
        yield from check_sentence(shared, frozenset())


def _terms(page: Page, referral: Referral, locale: str) -> Iterator[Finding]:
    terms = [
        Sentence(page, ("terms", locale, at), locale, "said", text)
        for at, text in enumerate(referral.terms[locale])
    ]
    for sentence in terms:
        yield from check_sentence(sentence, frozenset())
        if len(sentence.text.split()) > _MOST_WORDS:
            remedy = f"Say it in {_MOST_WORDS} words at most: it is read before anything is shared"
            yield sentence.find(f"has {len(sentence.text.split())} words", remedy)
    both, friend = terms[:2]
    yield from check_evenness([both, friend])
