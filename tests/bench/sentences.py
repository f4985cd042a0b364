"""Sentences that nobody has said before, so that no cache helps either side."""

from collections.abc import Iterator
from itertools import count, product

_THINGS = (
    "dress", "shirt", "teapot", "lamp", "pan", "coat", "sweater", "train", "boots", "bed",
    "scarf", "vase", "mirror", "kettle", "chair", "basket", "blanket", "clock", "apron", "tray",
)  # fmt: skip
_KINDS = (
    "blue", "small", "woollen", "second", "striped", "heavy", "new", "plain", "green", "round",
    "red", "wooden", "soft", "broad", "light", "square", "grey", "yellow", "narrow", "tall",
)  # fmt: skip
_DAYS = ("today", "yesterday", "on Monday", "last week", "this morning", "in spring", "at noon")

# What shoppers say around a question: greetings, thanks, orders, things that are none of its
# business, answers. Nothing that calls for a person, after which the assistant is silent.
SHOPPER = (
    "hello there, I only came for the {kind} {thing} {day}",
    "thanks a lot for sending the {kind} {thing} {day}",
    "where is my order of the {kind} {thing} from {day}?",
    "the {kind} {thing} was a present for my sister {day}",
    "does the {kind} {thing} fit into a hatbox {day}?",
    "what can you do for me about the {kind} {thing} {day}?",
    "I bought the {kind} {thing} for myself {day}",
    "are you a machine that sells the {kind} {thing} {day}?",
)
# The same for the moods that the plain project knows, sentences as long as ours.
MOOD = (
    "hello there, it is me with the {kind} {thing} {day}",
    "I am very sad about the {kind} {thing} {day}",
    "yes, the {kind} {thing} did help me {day}",
    "I feel great with the {kind} {thing} from {day}",
    "no, not really, not even the {kind} {thing} {day}",
    "are you a bot or a {kind} {thing} from {day}?",
    "I am so unhappy that the {kind} {thing} broke {day}",
    "goodbye, I will see you and the {kind} {thing} {day}",
)


def distinct(templates: tuple[str, ...]) -> Iterator[str]:
    """Give sentence after sentence, never one twice; the templates take turns."""
    fillings = product(_DAYS, _KINDS, _THINGS)
    for number, template in zip(count(), _for_ever(templates)):
        if number % len(templates) == 0:
            day, kind, thing = next(fillings)
        yield template.format(day=day, kind=kind, thing=thing)


def _for_ever(templates: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield from templates
