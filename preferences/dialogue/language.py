"""Hears which language a shopper wants or writes: by counting small words, and rather not than wrong."""

from preferences.understanding import plain

_NAMES = {
    "en": frozenset({"english", "inglés", "ingles", "englisch"}),
    "es": frozenset({"spanish", "español", "espanol", "castellano", "spanisch"}),
    "de": frozenset({"german", "deutsch", "alemán", "aleman"}),
}
# A language is asked for with one of these, or all but alone: "a German cake" is about a cake.
_WISH = frozenset(
    {
        *("in", "please", "speak", "switch", "continue", "prefer", "write"),
        *("en", "habla", "hablas", "hablar", "podemos", "prefiero", "favor", "seguir"),
        *("auf", "bitte", "sprichst", "sprechen", "sprich", "lieber", "weiter"),
    }
)
_LONGEST_WISH = 7
_ALONE = 2
# Small words that one of the three languages has and the others have not.
_SMALL_WORDS = {
    "en": frozenset(
        {
            *("the", "and", "is", "it", "my", "you", "your", "for", "with", "this", "that", "of"),
            *(
                "was",
                "are",
                "have",
                "would",
                "please",
                "to",
                "not",
                "but",
                "i",
                "im",
                "its",
                "dont",
            ),
            *("what", "do", "how", "we", "she", "they"),
        }
    ),
    "es": frozenset(
        {
            *(
                "el",
                "la",
                "los",
                "las",
                "un",
                "una",
                "que",
                "qué",
                "es",
                "mi",
                "para",
                "por",
                "con",
            ),
            *(
                "yo",
                "muy",
                "pero",
                "está",
                "tengo",
                "quiero",
                "del",
                "lo",
                "se",
                "me",
                "como",
                "de",
            ),
            *("cómo", "sí", "y", "ha", "te", "tu", "gracias", "puedes"),
        }
    ),
    "de": frozenset(
        {
            *(
                "der",
                "die",
                "das",
                "und",
                "ist",
                "ich",
                "nicht",
                "ein",
                "eine",
                "für",
                "mit",
                "mir",
            ),
            *(
                "mich",
                "mein",
                "meine",
                "meinen",
                "meiner",
                "du",
                "sie",
                "wir",
                "aber",
                "auch",
                "es",
            ),
            *("habe", "bitte", "zu", "den", "dem", "von", "wie", "kannst", "möchte"),
        }
    ),
}
_LEAST = 3


def wanted(text: str) -> str | None:
    """Give the language that is asked for by its name, if one and no other is."""
    words = set(plain(text).split())
    named = [locale for locale, names in _NAMES.items() if words & names]
    if len(named) != 1 or len(words) > _LONGEST_WISH:
        return None
    return named[0] if words & _WISH or len(words) <= _ALONE else None


def written(text: str, now: str) -> str | None:
    """Give the language the words are plainly in, where it is another than `now`."""
    words = plain(text).split()
    counts = {
        locale: sum(word in small for word in words) for locale, small in _SMALL_WORDS.items()
    }
    best = max(counts, key=lambda locale: counts[locale])
    others = sum(count for locale, count in counts.items() if locale != best)
    plainly = counts[best] >= _LEAST and counts[best] > 2 * others and not counts[now]
    return best if plainly and best != now else None
