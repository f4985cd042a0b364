"""What befalls a simulated shopper within a year besides buying: returns, complaints, a loss, praise."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Fate = Literal["return", "complaint", "loss", "praise", "poll"]
Channel = Literal["web", "whatsapp", "mail", "desk"]

# Of the orders.
_RETURNED = 0.08
_COMPLAINED = 0.03
_PRAISED = 0.04  # a review, or a rating in another system
_LOSS = 0.02  # of the shoppers: who has a pet and loses it within the year
_AFTER_AN_ORDER: tuple[tuple[Fate, float], ...] = (
    ("return", _RETURNED),
    ("complaint", _COMPLAINED),
    ("praise", _PRAISED),
)
_LATER = (3, 14)  # days after the order
_POLLS = (0, 4)  # times in a year that a mail poll or an agent would ask something

_VISITS: tuple[tuple[Channel, int], ...] = (("web", 70), ("whatsapp", 30))
_ELSEWHERE: tuple[tuple[Channel, int], ...] = (("mail", 70), ("desk", 30))


@dataclass(frozen=True, slots=True)
class Befalls:
    """Something that happens on a day."""

    day: int
    fate: Fate


def draw_fates(order_days: Sequence[int], days: int, dice: Random) -> list[Befalls]:
    """Draw what befalls somebody who orders on these days."""
    found = [
        Befalls(day + dice.randint(*_LATER), fate)
        for day in order_days
        for fate, share in _AFTER_AN_ORDER
        if dice.random() < share
    ]
    if dice.random() < _LOSS:
        found.append(Befalls(dice.randrange(days), "loss"))
    polls = round(dice.randint(*_POLLS) * days / 365)
    found += [Befalls(dice.randrange(days), "poll") for _ in range(polls)]
    return [one for one in found if one.day < days]


def draw_channel(dice: Random) -> Channel:
    """Draw where somebody talks to the assistant."""
    return _one_of(_VISITS, dice)


def draw_elsewhere(dice: Random) -> Channel:
    """Draw where somebody is asked without the assistant: a poll by mail, an agent's desk."""
    return _one_of(_ELSEWHERE, dice)


def _one_of(shares: tuple[tuple[Channel, int], ...], dice: Random) -> Channel:
    return dice.choices([name for name, _ in shares], [share for _, share in shares])[0]
