"""Whether every answer is met alike: the same thanks, about the same length, the same tone."""

import re
from collections.abc import Iterator, Sequence

from preferences.check.pages import Finding
from preferences.check.sentences import Sentence

_THANKS = {
    "en": re.compile(r"\bthank(s| you)\b", re.IGNORECASE),
    "es": re.compile(r"\bgracias\b", re.IGNORECASE),
    "de": re.compile(r"\bdank\w*\b", re.IGNORECASE),
}
_WORD = {"en": "Thank you", "es": "Gracias", "de": "Danke"}
# Beyond this an answer looks more welcome than another one.
_LONGEST = 3
# Pictures and signs that raise a voice: !, ¡, hearts, faces and the like.
_LOUD = re.compile("[!¡\u2600-\u27bf\U0001f300-\U0001faff]")


def check_thanks(sentences: Sequence[Sentence], *, first: bool = True) -> Iterator[Finding]:
    """Look for the thanks in each, `first` of all or anywhere."""
    for sentence in sentences:
        thanks = _THANKS[sentence.locale].search(sentence.text)
        if thanks is None or (first and thanks.start() > 0):
            where = "does not begin with" if first else "has no word of"
            remedy = f"Write “{_WORD[sentence.locale]}” as the others do"
            yield sentence.find(f"{where} thanks", remedy)


def check_evenness(sentences: Sequence[Sentence]) -> Iterator[Finding]:
    """Compare texts that shoppers get in each other's place, in one language."""
    lengths = [len(sentence.text) for sentence in sentences]
    for sentence in sentences:
        if len(sentence.text) > _LONGEST * min(lengths):
            what = f"is {len(sentence.text)} characters where another has {min(lengths)}"
            yield sentence.find(what, "Give each answer as many words as the others")
    loud = [sentence for sentence in sentences if _LOUD.search(sentence.text)]
    if len(loud) < len(sentences):
        for sentence in loud:
            remedy = "Use the same tone for every answer"
            yield sentence.find("is louder than the others (an exclamation or a picture)", remedy)
