"""Reads what a shopper said in the light of what was asked."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from preferences.catalogue import Catalogue, Option, Question
from preferences.conversation import Ask, Choice
from preferences.lexicon.channels import Polarity, Statement, Wishes, details, wants_none, wishes
from preferences.lexicon.options import options_named
from preferences.lexicon.signals import (
    answered,
    grief,
    is_no_grief,
    is_no_stop,
    is_stop_word,
    recipient,
    short_act,
    stops,
    thanks_beside,
)
from preferences.lexicon.words import bare

_DOUBT = re.compile(r"\?|…|\.\.")
_START = frozenset({"start", "unstop"})
# Permission is only ever given by words that mean nothing else.
_YES = frozenset(
    {
        *("yes", "yes please", "yes you may", "yes thats fine", "yes of course", "sure"),
        *("of course", "yes sure", "yes i agree", "i agree", "yes ok", "yes okay", "yep", "yeah"),
        *("sí", "si", "sí puedes", "si puedes", "claro", "claro que sí", "por supuesto"),
        *("sí claro", "si claro", "sí por favor", "si por favor", "de acuerdo"),
        *("ja", "ja gern", "ja gerne", "ja bitte", "ja klar", "klar", "natürlich", "ja natürlich"),
        *("ja darfst du", "gern", "gerne", "einverstanden"),
    }
)
CHANNELS = "channel_preference"
RECIPIENT = "gift_or_self"
NOTHING: Mapping[str, str] = MappingProxyType({})
_CERTAIN = 0.97
_TWO = 2
_SHOWN = 5
# How much likelier than the model thinks, which knows nothing of the question. Found on sentences
# that it was not trained on.
_ASKED, _ANOTHER, _NAMED = 20.0, 0.15, 4.0
_OUTSIDE, _OUTSIDE_WHEN_ASKED = 1.95, 1.04
_STOP = 2.0  # whoever is not left alone minds more than whoever is asked whether they meant it
_GRIEF = 0.8  # where only the model hears it
# A yes that nothing called for is rather something else that begins like one.
_YES_TO_NOTHING = 0.6
# A thanks beside other words is mostly their polite end.
_THANKS_BESIDE = 0.25
# Where yes or no was asked, how much likelier both are, and the one that the words begin with.
_YES_OR_NO, _BEGUN = 2.0, 8.0
# What is only said to a question; and where nothing is open, how much less likely it is.
_TO_A_QUESTION = frozenset({"dont_know", "no_preference", "not_relevant"})
_TO_NOTHING = 0.3
# What a shopper may do instead of naming a channel, though one is named.
_TURNS_ASIDE = frozenset(
    {
        "ask_why",
        "ask_data",
        "erase_data",
        "complaint",
        "bot_challenge",
        "stop",
        "order_status",
        "correct_data",
    }
)
_MORE_THAN_ONE = frozenset({"several", "pick_two"})
_BOTH_SAY = 0.8
_MAYBE = 0.2
_MAY_STOP = 0.2  # where nothing is sure, this much of stopping is asked after rather than the rest
_SURE = 0.55
# Missing one of these hurts more than obeying it once too often.
_SURE_OF = {"stop": 0.57, "sensitive_event": 0.4, "handoff": 0.45, "decline": 0.45}


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing the words may mean; `question` and `value` where the act is `answer`."""

    act: str
    confidence: float
    question: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the shopper wrote, and what the model makes of it, best guess first."""

    text: str
    guesses: tuple[Guess, ...] = ()
    entities: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, parsed: Mapping[str, Any]) -> Self:
        """Take the shopper's words, and the parse of them as Rasa gives it."""
        guesses = tuple(
            Guess(guess["name"], guess["confidence"], guess.get("question"), guess.get("value"))
            for guess in parsed.get("intent_ranking", [])
        )
        return cls(text, guesses, {e["entity"]: str(e["value"]) for e in parsed["entities"]})


@dataclass(frozen=True, slots=True)
class Reading:
    """What is taken to be meant. `sure` is false where it should be asked again.

    For an answer `question` is the one it answers, open or not; `values` are all the options that
    `value` joins. `statements` are what else was said of channels in the same breath.
    """

    act: str
    confidence: float
    value: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    question: str | None = None
    values: tuple[str, ...] = ()
    polarity: Polarity | None = None
    purpose: str | None = None
    statements: tuple[Statement, ...] = ()
    alternatives: tuple[Guess, ...] = field(default=(), compare=False)


def plain(text: str) -> str:
    """Give the words alone: lower case, no punctuation, no emoji, single blanks."""
    kept = (
        character if character.isalnum() or unicodedata.category(character) == "Mn" else " "
        for character in unicodedata.normalize(
            "NFKC", text.replace("'", "").replace("’", "")
        ).lower()
    )
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def read(heard: Heard, ask: Ask | None, catalogue: Catalogue) -> Reading:
    """Choose the meaning: words that leave no doubt first, then what fits the question asked."""
    guesses = weighed(heard, ask, catalogue)
    certain = _certain(heard, ask, catalogue, guesses)
    reading = certain if certain is not None else _guessed(heard, guesses, catalogue)
    return replace(reading, alternatives=guesses[:_SHOWN])


def _certain(
    heard: Heard, ask: Ask | None, catalogue: Catalogue, guesses: tuple[Guess, ...]
) -> Reading | None:
    """Read what the words say by themselves, the wishes that must never be missed first."""
    text, words = heard.text, plain(heard.text)
    if is_stop_word(text):
        return Reading("stop", 1.0)
    if words in _START:
        return Reading("start", 1.0)
    return (
        (None if ask is None else _chosen(words, ask, catalogue))
        or _mourning(text)
        or _worded(heard, ask, catalogue)
        or _brief(text, words)
        or _about_channels(text, ask, catalogue, guesses)
        or _stopped(text)
    )


def _mourning(text: str) -> Reading | None:
    whose = grief(text)
    return None if whose is None else Reading("sensitive_event", _CERTAIN, detail={"kind": whose})


def _worded(heard: Heard, ask: Ask | None, catalogue: Catalogue) -> Reading | None:
    """Read words that the catalogue gives to one option of the open question, and to no other.

    What is said of channels may be turned round, so those are read by their words.
    """
    if ask is None or ask.kind != "question" or ask.question == CHANNELS:
        return None
    value = catalogue.worded[ask.question].get(bare(heard.text))
    if value is None:
        return None
    detail = _told_besides(heard, catalogue.questions[ask.question])
    return _answer(ask.question, value, _CERTAIN, detail)


def _brief(text: str, words: str) -> Reading | None:
    act = short_act(text)
    if act is not None:
        return Reading(act, _CERTAIN)
    return None if words else Reading("unsure", 0.0, sure=False)


def _stopped(text: str) -> Reading | None:
    return Reading("stop", _CERTAIN) if stops(text) else None


def _about_channels(
    text: str, ask: Ask | None, catalogue: Catalogue, guesses: tuple[Guess, ...]
) -> Reading | None:
    """Read a wish about channels, where the shop asks for them and the words are one."""
    said = wishes(text)
    if CHANNELS not in catalogue.questions:
        return None
    if ask is not None and ask.question == CHANNELS:
        return None if _is_another_act(guesses) else _named_channel(text, said)
    return _no_more(said) or _preferred(text, said, guesses)


def _named_channel(text: str, said: Wishes) -> Reading | None:
    if said.statements:
        return _channel(text, said)
    return _answer(CHANNELS, "none", _CERTAIN) if wants_none(text) and not stops(text) else None


def _no_more(said: Wishes) -> Reading | None:
    """Read the end of one channel, or of all of them."""
    liked, refused = said.of("wants"), said.of("does_not_want")
    if not refused or (liked and said.rather):
        return None
    if not liked and (said.all_of_them or len(refused) > _TWO):
        return Reading("stop", _CERTAIN)
    if said.disliked or (not said.again and (liked or not said.ordered)):
        return None
    return Reading(
        "stop_channel",
        _CERTAIN,
        refused[0],
        {"channel": refused[0]},
        polarity="does_not_want",
        statements=said.statements,
    )


def _preferred(text: str, said: Wishes, guesses: tuple[Guess, ...]) -> Reading | None:
    """Read one channel that is liked better than others, though nobody asked."""
    liked, refused = said.of("wants"), said.of("does_not_want")
    if not said.statements or (said.errand and not refused):
        return None
    preferred = (liked and said.rather) or (refused and said.disliked)
    return _channel(text, said) if preferred or _thinks_of_channels(guesses) else None


def _is_another_act(guesses: tuple[Guess, ...]) -> bool:
    """Whether the model is sure that the words are about something else than an answer."""
    best = guesses[0] if guesses else None
    return best is not None and best.act in _TURNS_ASIDE and best.confidence >= _SURE


def _thinks_of_channels(guesses: tuple[Guess, ...]) -> bool:
    best = guesses[0] if guesses else None
    return best is not None and best.question == CHANNELS and best.confidence >= _MAYBE


def _channel(text: str, said: Wishes) -> Reading:
    liked = said.of("wants")
    channels = liked or said.of("does_not_want")
    detail = details(text)
    return Reading(
        act="answer",
        confidence=_CERTAIN,
        value=channels[0],
        detail=detail,
        question=CHANNELS,
        values=channels[:1],
        polarity="wants" if liked else "does_not_want",
        purpose=detail.get("purpose"),
        statements=tuple(one for one in said.statements if one.value != channels[0]),
    )


def _guessed(heard: Heard, guesses: tuple[Guess, ...], catalogue: Catalogue) -> Reading:
    """Take the likeliest act; the options of one question are likely together."""
    acts: dict[tuple[str, str | None], float] = {}
    for guess in guesses:
        acts[guess.act, guess.question] = (
            acts.get((guess.act, guess.question), 0) + guess.confidence
        )
    if not acts:
        return Reading("out_of_scope", 0.0, sure=False)
    act, question = max(acts, key=lambda found: acts[found])
    best = next(g for g in guesses if (g.act, g.question) == (act, question))
    together = acts[act, question]
    if together < _MAYBE:
        return Reading("out_of_scope", together, sure=False)
    sure = best.confidence >= _SURE_OF.get(act, _SURE)
    stopping = acts.get(("stop", None), 0.0)
    if not sure and act != "stop" and stopping >= _MAY_STOP:
        return _of_one_channel(Reading("stop", stopping, sure=False), heard.text)
    if act != "answer" or best.value is None:
        return _of_one_channel(Reading(act, together, best.value, sure=sure), heard.text)
    detail = _told_besides(heard, catalogue.questions.get(question or ""))
    answer = _answer(question, best.value, best.confidence, detail, sure=sure)
    return _several(answer, heard.text, guesses, catalogue) or answer


def _told_besides(heard: Heard, question: Question | None) -> Mapping[str, str]:
    """Give what a question keeps of who and what was named; when it suits is never kept."""
    kept = heard.entities.keys() - {"time"}
    if question is not None and question.details:
        kept &= question.details.keys()
    return {name: heard.entities[name] for name in heard.entities if name in kept}


def _of_one_channel(reading: Reading, text: str) -> Reading:
    """Name the channels that shall end; to stop is to leave them, where they are all that is named."""
    if reading.act not in {"stop", "stop_channel"}:
        return reading
    said = wishes(text)
    left = said.of("does_not_want")
    if not left and reading.act == "stop_channel":
        left = said.of("wants")[:1]
    if not left or len(left) > _TWO or said.all_of_them:
        return reading
    return replace(
        reading,
        act="stop_channel",
        value=left[0],
        detail={"channel": left[0]},
        polarity="does_not_want",
        statements=tuple(Statement(channel, "does_not_want") for channel in left),
    )


def _several(
    answer: Reading, text: str, guesses: tuple[Guess, ...], catalogue: Catalogue
) -> Reading | None:
    """Read every option that the clauses name, where the question takes more than one.

    The model must think of each of them too; otherwise its own guess stands alone.
    """
    question = catalogue.questions.get(answer.question or "")
    if question is None or question.kind not in _MORE_THAN_ONE:
        return None
    named = options_named(text, catalogue.telling[question.id])
    thought = {guess.value: guess.confidence for guess in guesses if guess.question == question.id}
    if len(named) < _TWO or answer.value not in named or not set(named) <= set(thought):
        return None
    together = sum(thought[value] for value in named)
    sure = together >= _SURE
    # Both the words and the model say it.
    confidence = max(together, _BOTH_SAY) if sure else together
    return _answer(question.id, ",".join(named), confidence, answer.detail, sure=sure)


def _answer(
    question: str | None,
    value: str,
    confidence: float,
    detail: Mapping[str, str] = NOTHING,
    *,
    sure: bool = True,
) -> Reading:
    values = tuple(value.split(","))
    polarity: Polarity | None = "wants" if question == CHANNELS and value != "none" else None
    return Reading("answer", confidence, value, detail, sure, question, values, polarity)


def weighed(heard: Heard, ask: Ask | None, catalogue: Catalogue) -> tuple[Guess, ...]:
    """Weigh the guesses anew in the light of what was asked, best first.

    Words that answer the open question are likelier than answers to one that nobody put, and a
    sentence that only sounds like grief or stopping is not that.
    """
    weights = [
        guess.confidence * _likelihood(guess, heard, ask, catalogue) for guess in heard.guesses
    ]
    rest = max(0.0, 1 - sum(guess.confidence for guess in heard.guesses))
    total = sum(weights) + rest
    found = [
        Guess(guess.act, min(1.0, weight / total), guess.question, guess.value)
        for guess, weight in zip(heard.guesses, weights, strict=True)
        if weight
    ]
    return tuple(sorted(found, key=lambda guess: -guess.confidence))


def _likelihood(guess: Guess, heard: Heard, ask: Ask | None, catalogue: Catalogue) -> float:
    asked = ask.question if ask is not None and ask.kind == "question" else None
    match guess.act:
        case "sensitive_event":
            return 0.02 if is_no_grief(heard.text) else _GRIEF
        case "stop":
            return 0.05 if is_no_stop(heard.text) else _STOP
        case "out_of_scope":
            return _OUTSIDE if asked is None else _OUTSIDE_WHEN_ASKED
        case "answer":
            return _as_answer(guess, asked, heard, catalogue)
        case "affirm" | "deny" if (
            asked is not None and catalogue.questions[asked].kind == "confirm"
        ):
            return _YES_OR_NO * (_BEGUN if answered(heard.text) == guess.act else 1.0)
    return _in_place(guess.act, heard.text, ask)


def _as_answer(guess: Guess, asked: str | None, heard: Heard, catalogue: Catalogue) -> float:
    if asked is None:
        return _fits(guess, heard, catalogue) if guess.question == RECIPIENT else 1.0
    return _ASKED * _fits(guess, heard, catalogue) if guess.question == asked else _ANOTHER


def _in_place(act: str, text: str, ask: Ask | None) -> float:
    """Weigh down an act that nothing called for, or that is only a polite end."""
    if act == "thank" and thanks_beside(text):
        return _THANKS_BESIDE
    if act == "affirm" and (ask is None or ask.kind == "question"):
        return _YES_TO_NOTHING
    return _TO_NOTHING if ask is None and act in _TO_A_QUESTION else 1.0


def _fits(guess: Guess, heard: Heard, catalogue: Catalogue) -> float:
    """Words like "for me" speak for their option; somebody who was named, or a feast, for a gift."""
    if (guess.question, guess.value) not in catalogue.values:
        return 1.0
    option = catalogue.questions[guess.question or ""].option(guess.value or "")
    named = bool({"relation", "occasion"} & set(heard.entities))
    told = recipient(heard.text)
    if told is None:
        return _NAMED if named and option.subject == "gift" else 1.0
    told_alone = told == "household" or not named
    return _NAMED if told_alone and (guess.question, guess.value) == (RECIPIENT, told) else 1.0


def may_mean(heard: Heard, act: str) -> bool:
    """Whether the model leaves it possible that the words are this act."""
    return any(guess.act == act and guess.confidence >= _MAYBE for guess in heard.guesses)


def is_stop(text: str) -> bool:
    """Whether the words by themselves end it."""
    return is_stop_word(text)


def gives_permission(heard: Heard, ask: Ask) -> bool:
    """Whether the words are a yes that nobody could take for anything else: "yes?" may be a no."""
    if _DOUBT.search(heard.text):
        return False
    agree = {plain(choice.label) for choice in ask.choices if choice.act == "affirm"}
    return plain(heard.text) in _YES | agree


def _chosen(words: str, ask: Ask, catalogue: Catalogue) -> Reading | None:
    """Give what the words choose by themselves: a button's label or number, a plain yes."""
    for position, choice in enumerate(ask.choices, start=1):
        if words in {plain(choice.label), str(position)}:
            return _picked(choice, ask)
    if ask.kind != "question":
        return Reading("affirm", 1.0) if words in _YES else None
    for option in catalogue.questions[ask.question].options:
        if words in wordings(option):
            return _answer(ask.question, option.value, 1.0)
    return None


def _picked(choice: Choice, ask: Ask) -> Reading:
    if choice.value is None or choice.act is not None:
        return Reading(choice.act or "answer", 1.0, choice.value)
    return _answer(ask.question, choice.value, 1.0)


def wordings(option: Option) -> frozenset[str]:
    """Give the words that are this option and no other: its labels in every language."""
    return frozenset(plain(label) for label in option.label.values())
