"""Reads wishes about channels clause by clause, with what turns each one round."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from preferences.lexicon.pages import ChannelWords, channel_words
from preferences.lexicon.words import bare, clauses

Polarity = Literal["wants", "does_not_want"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One wish about one channel."""

    value: str
    polarity: Polarity


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a message says of channels, and how: the first statement of a channel counts.

    `again` tells that something going on shall end, `rather` that one way is liked better,
    `ordered` that somebody is told not to, `disliked` that one is not, and `errand` that a channel
    only carries a thing.
    """

    statements: tuple[Statement, ...]
    again: bool
    rather: bool
    ordered: bool
    disliked: bool
    errand: bool
    all_of_them: bool

    def of(self, polarity: Polarity) -> tuple[str, ...]:
        """Give the channels of that polarity, in the order of the sentence."""
        return tuple(found.value for found in self.statements if found.polarity == polarity)


def wishes(text: str) -> Wishes:
    """Read every statement about a channel, and the cues around them."""
    known = channel_words()
    found: dict[str, Statement] = {}
    for clause in clauses(text):
        for statement in _statements(clause, known):
            found.setdefault(statement.value, statement)
    words = bare(text)
    cue = {name: bool(pattern.search(words)) for name, pattern in known.cues.items()}
    return Wishes(
        tuple(found.values()),
        cue["again"],
        cue["rather"],
        cue["imperative"],
        cue["dislike"],
        cue["errand"],
        cue["several"],
    )


def wants_none(text: str) -> bool:
    """Whether every channel is refused at once."""
    return bool(channel_words().cues["none"].search(bare(text)))


def details(text: str) -> dict[str, str]:
    """Give what the wish is for and how often, where it says so."""
    known, words = channel_words(), bare(text)
    found = {
        name: next((value for value, words_of in page.items() if words_of.search(words)), None)
        for name, page in (("purpose", known.purpose), ("often", known.often))
    }
    return {name: value for name, value in found.items() if value}


def _statements(clause: str, known: ChannelWords) -> list[Statement]:
    """A word of refusal counts for the channels after it, or where none follows, before it.

    It does so up to a word of contrast: "nicht WhatsApp, sondern E-Mail" wants the second.
    """
    channels, rest = _named(clause, known)
    found: list[Statement] = []
    for start, end in _sides(rest, [place for place, _ in channels], known):
        turns = _turns(rest, start, end, known)
        here = [(place, channel) for place, channel in channels if start <= place < end]
        turned_back = bool(turns) and not any(place > min(turns) for place, _ in here)
        found += [
            Statement(
                channel,
                "does_not_want" if turned_back or any(turn < place for turn in turns) else "wants",
            )
            for place, channel in here
        ]
    return found


def _sides(rest: str, places: list[int], known: ChannelWords) -> list[tuple[int, int]]:
    """Part a clause at each word of contrast that has channels on both sides."""
    ends = [match.start() for match in known.cues["contrast"].finditer(rest)]
    cuts = [0]
    for end in ends:
        if any(cuts[-1] <= place < end for place in places) and any(p > end for p in places):
            cuts.append(end)
    return list(pairwise([*cuts, len(rest)])) if places else []


def _turns(rest: str, start: int, end: int, known: ChannelWords) -> list[int]:
    """Give the places of what refuses between two places; "als" does only after "lieber"."""
    return [
        match.start()
        for match in known.cues["negation"].finditer(rest, start, end)
        if match[0] != "als" or known.cues["comparative"].search(rest, start, match.start())
    ]


def _named(clause: str, known: ChannelWords) -> tuple[list[tuple[int, str]], str]:
    """Give the channels with their places, and the clause with them blanked out."""
    found: list[tuple[int, str]] = []
    for page in (known.longer, known.channels):
        for channel, pattern in page.items():
            for match in pattern.finditer(clause):
                found.append((match.start(), channel))
                clause = clause[: match.start()] + "_" * len(match[0]) + clause[match.end() :]
    return sorted(found), clause
