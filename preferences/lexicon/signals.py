"""Finds in a message what must not be missed: a wish to stop, a death, despair."""

from preferences.lexicon.pages import grief_words, short_words, stop_words
from preferences.lexicon.words import bare, is_slip, signs

_FEW = 3  # words that one slip may hide the keyword among


def stops(text: str) -> bool:
    """Whether the words by themselves end it, alone or in a sentence."""
    found = stop_words()
    words = bare(text)
    if is_stop_word(text):
        return True
    return bool(found.within.search(words)) and not found.unless.search(words)


def is_stop_word(text: str) -> bool:
    """Whether the message is a word of stopping, politely or mistyped, and nothing else."""
    found = stop_words()
    words = bare(text)
    rest = " ".join(found.polite.sub(" ", words).split())
    if words in found.whole or rest in found.whole:
        return True
    alone = rest.split()
    return (
        len(alone) == 1
        and len(words.split()) <= _FEW
        and alone[0] not in found.not_typos
        and any(is_slip(alone[0], keyword) for keyword in found.typos)
    )


def is_no_stop(text: str) -> bool:
    """Whether a word of stopping stands in a sentence about something else."""
    return bool(stop_words().unless.search(bare(text))) and not is_stop_word(text)


def grief(text: str) -> str | None:
    """Tell whose death or what distress is spoken of: `person`, `pet`, `despair`, or nothing."""
    found = grief_words()
    words = bare(text)
    if found.despair.search(words):
        return "despair"
    if found.unless.search(words) or not found.within.search(words):
        return None
    return "pet" if found.pet.search(words) else "person"


def is_no_grief(text: str) -> bool:
    """Whether the words only sound like a death."""
    return bool(grief_words().unless.search(bare(text)))


def short_act(text: str) -> str | None:
    """Give the act of a message that is only emoji, or too short for a model."""
    found = short_words()
    shown = signs(text)
    if shown:
        acts = {found.emoji.get(sign) for sign in shown} - {None}
        return acts.pop() if len(acts) == 1 else None
    return found.words.get(bare(text))
