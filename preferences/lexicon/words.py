"""Words alone: what is left of a message when case, accents, punctuation and haste are taken away."""

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "’": None, "'": None, "´": None}
)
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_SHOUTED = re.compile(r"([^\W\d_])\1{2,}")
_SPELT = re.compile(r"[a-z]( [a-z]){2,}")
_CLAUSE = re.compile(r"[.,;:!?¡¿…\n()\"]+|\s[-–—]+\s")


@lru_cache(maxsize=64)
def bare(text: str) -> str:
    """Give lower-case words without accents, single blanks between; "STOOOPP!" becomes "stoopp"."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    kept = "".join(c for c in letters if not unicodedata.combining(c))
    words = " ".join(re.sub(r"[^a-z0-9+]+", " ", kept).split())
    return _DRAWN_OUT.sub(r"\1\1", words)


def unhurried(text: str) -> str:
    """Give the bare words with drawn-out letters once, and letters spelt apart together."""
    words = bare(_SHOUTED.sub(r"\1", text.lower()))
    return words.replace(" ", "") if _SPELT.fullmatch(words) else words


@lru_cache(maxsize=64)
def clauses(text: str) -> tuple[str, ...]:
    """Give the bare words of each part that punctuation sets off."""
    return tuple(words for part in _CLAUSE.split(text) if (words := bare(part)))


def is_slip(word: str, meant: str) -> bool:
    """Whether one letter missing, added, wrong or swapped with its neighbour makes it the other."""
    if word == meant:
        return True
    if len(word) == len(meant):
        wrong = [place for place, letter in enumerate(word) if letter != meant[place]]
        first, last = wrong[0], wrong[-1]
        swapped = last == first + 1 and word[first] + word[last] == meant[last] + meant[first]
        return len(wrong) == 1 or (len(wrong) == 2 and swapped)  # noqa: PLR2004 - a pair
    short, long = sorted((word, meant), key=len)
    return len(long) == len(short) + 1 and any(
        long[:place] + long[place + 1 :] == short for place in range(len(long))
    )


def signs(text: str) -> list[str]:
    """Give the emoji of a message that has no words, without skin and variation; else nothing."""
    if any(c.isalnum() for c in text):
        return []
    return [c for c in text if unicodedata.category(c) in {"So", "Sk"} and not "🏻" <= c <= "🏿"]
