"""Takes out of a shopper's own words what leads to a person, before they leave for a CRM or a file."""

import re

_PATTERNS = {
    "link": r"(?:https?://|www\.)\S+",
    "email": r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+\.\w+",
    "name": r"(?<![\w.])@\w[\w.]*\w",  # as people are called on Instagram and its like
    "number": r"\+?\d(?:[\s./()-]*\d){4,}",  # a phone, a card, an order, a day of birth, a postcode
}
_ANY = re.compile(
    "|".join(f"(?P<{what}>{pattern})" for what, pattern in _PATTERNS.items()), re.IGNORECASE
)


def redacted(words: str) -> str:
    """Give words with what was taken out named in brackets: `call [number]`.

    Numbers of four digits and fewer stay: sizes, prices and years. So does a name that is written
    out, as in "for Kim": no pattern tells it from any other word.
    """
    return _ANY.sub(lambda found: f"[{found.lastgroup}]", words)
