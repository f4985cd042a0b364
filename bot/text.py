"""Makes what a stranger typed harmless without changing what it says."""

import re
import unicodedata

from preferences.errors import BadInputError

LONGEST = 1000
# Joiners and variation selectors carry meaning in emoji and in several scripts.
_KEPT = frozenset("\n\u200c\u200d")
_COMMAND = re.compile(r"^[\s/\u2044\u2215\uff0f\u200c\u200d]+")
_BLANKS = str.maketrans("\t\v\f\r\x85", "     ")


def clean(text: str) -> str:
    """Take out control and format characters, lone surrogates, and a leading slash.

    Rasa would take a text that begins with `/` for a command, so no text ever does.

    :raises BadInputError: nothing is left, or it is longer than 1,000 characters.
    """
    if len(text) > LONGEST:
        message = f"This message is longer than {LONGEST} characters; please say it in fewer words."
        raise BadInputError(message, field="text")
    kept = "".join(
        character
        for character in text.encode("utf-8", "ignore").decode().translate(_BLANKS)
        if character in _KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Co"}
    )
    cleaned = _COMMAND.sub("", kept).strip()
    if not cleaned:
        message = "This message is empty; please write a few words."
        raise BadInputError(message, field="text")
    return cleaned
