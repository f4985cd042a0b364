"""What the ledgers have to say, worked out the slow way, from plain lists and dicts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

FORBIDS = frozenset({"refused", "withdrawn", "objected", "expired"})


@dataclass
class Said:
    """An act on a purpose, as the shopper did it."""

    shopper: str
    purpose: str
    state: str
    at: datetime
    until: datetime | None
    key: str


@dataclass
class Fact:
    """An answer (`consent` names its act) or something that the shop brought along."""

    shopper: str
    purpose: str
    at: datetime
    fresh_until: datetime
    consent: str | None = None

    @property
    def declared(self) -> bool:
        return self.consent is not None


@dataclass
class Naive:
    """All that was ever done to a few shoppers."""

    shoppers: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    acts: dict[str, Said] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    wishes: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)

    def heads(self) -> dict[str, str]:
        """Join everybody once more, one pair after the other."""
        heads = {shopper: shopper for shopper in self.shoppers}
        for to, other in self.pairs:
            new, old = heads[to], heads[other]
            for shopper, head in heads.items():
                if head == old:
                    heads[shopper] = new
        return heads

    def person(self, shopper: str) -> set[str]:
        heads = self.heads()
        return {one for one, head in heads.items() if head == heads[shopper]}

    def is_erased(self, shopper: str) -> bool:
        return bool(self.person(shopper) & self.erased)

    def story(self, members: Iterable[str], purpose: str) -> list[tuple[str, Said]]:
        """The acts of a person on a purpose, in order; at one moment the one that forbids is last.

        Nobody says `expired`: where another of the person's shoppers had the last word, that word
        holds, and the note that an older permission ran out is none of theirs.
        """
        mine = [
            (name, act)
            for name, act in self.acts.items()
            if act.shopper in members and act.purpose == purpose and act.state != "requested"
        ]
        told = list[tuple[str, Said]]()
        for name, act in sorted(mine, key=lambda one: (one[1].at, one[1].state in FORBIDS)):
            if act.state != "expired" or not told or told[-1][1].shopper == act.shopper:
                told.append((name, act))
        return told

    def state(self, shopper: str, purpose: str, now: datetime) -> str | None:
        """The last word, which is `expired` once its time is over."""
        story = self.story(self.person(shopper), purpose)
        if not story:
            return None
        last = story[-1][1]
        over = last.until is not None and last.until <= now
        return "expired" if last.state == "given" and over else last.state

    def stands(self, act: str, now: datetime) -> bool:
        """Whether a permission was neither taken back nor ran out since it was given."""
        given = self.acts[act]
        story = self.story(self.person(given.shopper), given.purpose)
        names = [name for name, _ in story]
        until = given.until
        for _, later in story[names.index(act) + 1 :]:
            if later.state in FORBIDS or (until is not None and until <= later.at):
                return False
            until = later.until
        return until is None or now < until

    def usable(self, members: set[str], now: datetime) -> set[str]:
        """The facts of a person that may be used now, fresh or not."""
        return {
            name
            for name, fact in self.facts.items()
            if fact.shopper in members and self._may_be_used(fact, members, now)
        }

    def _may_be_used(self, fact: Fact, members: set[str], now: datetime) -> bool:
        if fact.consent is not None:  # of another, where two were taken for one: not theirs
            return self.acts[fact.consent].shopper in members and self.stands(fact.consent, now)
        story = self.story(members, fact.purpose)
        if not story or not self.stands(story[-1][0], now) or story[-1][1].state != "given":
            return False
        standing = [
            act.at for name, act in story if act.state == "given" and self.stands(name, now)
        ]
        ends = [act.at for _, act in story if act.state in FORBIDS]
        ends += [
            act.until
            for _, act in story
            if act.state == "given" and act.until is not None and act.until <= min(standing)
        ]
        return all(end < fact.at for end in ends)

    def forget(self, members: set[str]) -> None:
        """Leave nothing of a person but who they are, and that they want to be left alone."""
        self.acts = {name: act for name, act in self.acts.items() if act.shopper not in members}
        self.facts = {
            name: fact
            for name, fact in self.facts.items()
            if fact.shopper not in members and (not fact.declared or fact.consent in self.acts)
        }
        self.erased |= members
