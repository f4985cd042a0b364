"""Simulated shoppers: what kind of buyer each is, what they like, and whom they buy for."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from preferences.simulation.shelf import KINDS, Kind, fits, sizes

_SHARES_A_HOME = 0.1  # of the orders; who buys more for a household has one
_ELSEWHERE = 0.2  # shoppers who have parcels sent to work as well


@dataclass(frozen=True, slots=True)
class Archetype:
    """How a kind of buyer shops and talks, in orders a year and in shares between 0 and 1.

    `tastes` is how many kinds of goods they like; `gifts` and `household` the share of their
    orders that is for somebody else; `answers`, `skips` and `declines` what they do with a
    question, the rest is left without an answer.
    """

    name: str
    share: float
    orders: tuple[int, int]
    tastes: tuple[int, int]
    gifts: float
    household: float
    permits: float
    answers: float
    skips: float
    declines: float
    changes: bool = False


ARCHETYPES = (
    Archetype("steady", 0.30, (12, 30), (2, 4), 0.05, 0.02, 0.6, 0.6, 0.1, 0.1),
    Archetype("broad", 0.20, (12, 36), (8, 14), 0.05, 0.03, 0.6, 0.5, 0.2, 0.1),
    Archetype("household", 0.15, (15, 40), (3, 6), 0.05, 0.45, 0.7, 0.6, 0.1, 0.1),
    Archetype("giver", 0.15, (10, 24), (3, 6), 0.30, 0.03, 0.7, 0.7, 0.1, 0.05),
    Archetype("changing", 0.10, (12, 30), (2, 4), 0.05, 0.02, 0.5, 0.5, 0.15, 0.15, changes=True),
    Archetype("few", 0.10, (1, 5), (2, 4), 0.10, 0.02, 0.4, 0.4, 0.2, 0.2),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody that things are bought for; `sizes` is theirs in each kind of goods that has sizes."""

    audience: str
    tastes: tuple[Kind, ...]
    sizes: Mapping[str, str]
    address: str
    tier: float


@dataclass(frozen=True, slots=True)
class Shopper:
    """A simulated shopper; `later` is their taste after `turning`, the day on which it changes."""

    name: str
    archetype: Archetype
    self: Person
    later: tuple[Kind, ...]
    turning: int
    household: tuple[Person, ...]
    friends: tuple[Person, ...]
    marks_gifts: float
    sends_gifts: float
    second_address: str


def draw_shopper(seed: int, number: int, days: int) -> tuple[Shopper, Random]:
    """Draw a shopper and the dice of their life: the same for a seed and a number, always."""
    dice = Random(f"{seed}:{number}")
    archetype = dice.choices(ARCHETYPES, [kind.share for kind in ARCHETYPES])[0]
    name, audience = f"{seed}-{number}", dice.choice(("men", "women"))
    home = f"{name}-home"
    tier = dice.lognormvariate(0, 0.3)
    tastes = _tastes(audience, dice.randint(*archetype.tastes), dice)
    later = _tastes(dice.choice(("men", "women")), len(tastes), dice) if archetype.changes else ()
    members = dice.randint(1, 3) if archetype.household > _SHARES_A_HOME else 1
    shopper = Shopper(
        name=name,
        archetype=archetype,
        self=_person(audience, tastes, home, tier, dice),
        later=later,
        turning=dice.randint(days // 3, 2 * days // 3),
        household=tuple(_somebody(home, tier, dice) for _ in range(members)),
        friends=tuple(_somebody(f"{name}-{n}", tier, dice) for n in range(dice.randint(2, 5))),
        marks_gifts=dice.uniform(0.1, 0.6),
        sends_gifts=dice.uniform(0.1, 0.5),
        second_address=f"{name}-work" if dice.random() < _ELSEWHERE else "",
    )
    return shopper, dice


def _somebody(address: str, tier: float, dice: Random) -> Person:
    audience = dice.choice(("men", "women", "children"))
    return _person(audience, _tastes(audience, 5, dice), address, tier, dice)


def _person(
    audience: str, tastes: tuple[Kind, ...], address: str, tier: float, dice: Random
) -> Person:
    place = dice.random()
    own = {}
    for kind in KINDS:
        known = sizes(kind, audience)
        if known:
            own[kind.name] = known[int(place * len(known))]
    return Person(audience, tastes, MappingProxyType(own), address, tier)


def _tastes(audience: str, count: int, dice: Random) -> tuple[Kind, ...]:
    able = [kind for kind in KINDS if fits(kind, audience)]
    return tuple(dice.sample(able, min(count, len(able))))
