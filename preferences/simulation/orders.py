"""The orders of a simulated shopper over a year, each line with the truth about whom it is for."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from preferences.habit import Article, Basket
from preferences.simulation.people import Person, Shopper
from preferences.simulation.shelf import Kind, pieces, price, sizes

Truth = Literal["self", "gift", "household", "changed"]

_OTHER_AISLE = 0.04  # own purchases that are made for another audience: people do that
_NEW_INTEREST = 0.04  # own purchases of a kind that was never liked before
_OTHER_SIZE = 0.15  # makers differ
_UNTOLD = 0.1  # products whose audience the feed does not tell
_MOVES = 0.05  # shoppers who move house within the year
_WRAPPED = 0.01  # own orders with a gift wrap, by mistake or for the joy of it
_TREATS = 0.3  # gifts with something for oneself in the same order
_SHARED = 0.7  # lines of a household's order that are for the others
_AWAY = 0.2  # own orders to another address, of who has one
_TURNED = 0.7  # own purchases of a new taste, once it changed
_DECEMBER, _RUSH, _CALM = (
    335,
    2.5,
    0.85,
)  # its first day, and how many gifts there are then and else
_NEW_FOR = 3  # purchases of a new taste that count as a change; then it is the habit


@dataclass(frozen=True, slots=True)
class Order:
    """An order on a day of the year, and for each of its lines whom it is really for."""

    day: int
    basket: Basket
    truths: tuple[Truth, ...]


def draw_orders(shopper: Shopper, days: int, dice: Random) -> list[Order]:
    """Draw a year of orders, oldest first."""
    moving = dice.randrange(days) if dice.random() < _MOVES else days
    expected = dice.randint(*shopper.archetype.orders) * days / 365
    placed = sorted(dice.randrange(days) for _ in range(max(1, round(expected))))
    bought: dict[str, int] = {}
    return [_order(shopper, day, moving, bought, dice) for day in placed]


def _order(shopper: Shopper, day: int, moving: int, bought: dict[str, int], dice: Random) -> Order:
    home = shopper.self.address if day < moving else f"{shopper.self.address}-new"
    fate = dice.random()
    archetype = shopper.archetype
    gifts = archetype.gifts * (_RUSH if day % 365 >= _DECEMBER else _CALM)
    if fate < gifts:
        return _gift(shopper, day, home, dice)
    if fate < gifts + archetype.household:
        return _household(shopper, day, home, bought, dice)
    return _own(shopper, day, home, bought, dice)


def _gift(shopper: Shopper, day: int, home: str, dice: Random) -> Order:
    friend = dice.choice(shopper.friends)
    sent = dice.random() < shopper.sends_gifts
    lines = [_line(friend, _gift_kind(friend, dice), dice, 1.2)]
    truths: list[Truth] = ["gift"]
    if not sent and dice.random() < _TREATS:
        lines.append(_line(shopper.self, dice.choice(shopper.self.tastes), dice))
        truths.append("self")
    marked = dice.random() < shopper.marks_gifts
    recipient = friend.address if sent else home
    return Order(day, Basket(tuple(lines), recipient, marked), tuple(truths))


def _gift_kind(friend: Person, dice: Random) -> Kind:
    return dice.choices(friend.tastes, [kind.gift for kind in friend.tastes])[0]


def _household(
    shopper: Shopper, day: int, home: str, bought: dict[str, int], dice: Random
) -> Order:
    lines, truths = [], list[Truth]()
    for _ in range(_length(dice)):
        member = dice.choice(shopper.household)
        if dice.random() < _SHARED:
            lines.append(_line(member, dice.choice(member.tastes), dice))
            truths.append("household")
        else:
            line, truth = _own_line(shopper, day, bought, dice)
            lines.append(line)
            truths.append(truth)
    return Order(day, Basket(tuple(lines), home), tuple(truths))


def _own(shopper: Shopper, day: int, home: str, bought: dict[str, int], dice: Random) -> Order:
    told = [_own_line(shopper, day, bought, dice) for _ in range(_length(dice))]
    away = shopper.second_address and dice.random() < _AWAY
    recipient = shopper.second_address if away else home
    lines = tuple(line for line, _ in told)
    marked = dice.random() < _WRAPPED
    return Order(day, Basket(lines, recipient, marked), tuple(truth for _, truth in told))


def _own_line(
    shopper: Shopper, day: int, bought: dict[str, int], dice: Random
) -> tuple[Article, Truth]:
    person = shopper.self
    if shopper.later and day >= shopper.turning and dice.random() < _TURNED:
        kind = dice.choice(shopper.later)
        bought[kind.name] = bought.get(kind.name, 0) + 1
        is_new = kind not in person.tastes and bought[kind.name] <= _NEW_FOR
        return _line(person, kind, dice), "changed" if is_new else "self"
    kind = dice.choice(person.tastes)
    if dice.random() < _NEW_INTEREST:
        kind = dice.choice(shopper.friends[0].tastes)
    line = _line(person, kind, dice)
    if line.audience and dice.random() < _OTHER_AISLE:
        line = replace(line, audience=dice.choice(kind.audiences))
    return line, "self"


def _line(person: Person, kind: Kind, dice: Random, generous: float = 1.0) -> Article:
    audience = person.audience if person.audience in kind.audiences else kind.audiences[0]
    told = audience if dice.random() >= _UNTOLD else ""
    known = sizes(kind, audience)
    return Article(
        category=kind.name,
        audience=told,
        size=_size(person.sizes.get(kind.name, known[len(known) // 2]), known, dice)
        if known
        else "",
        price=price(kind, person.tier * generous, dice),
        quantity=pieces(kind, dice),
    )


def _size(own: str, known: tuple[str, ...], dice: Random) -> str:
    at = known.index(own) if own in known else len(known) // 2
    if dice.random() < _OTHER_SIZE:
        at += dice.choice((-1, 1))
    return known[min(max(at, 0), len(known) - 1)]


def _length(dice: Random) -> int:
    return dice.choices((1, 2, 3, 4), (55, 25, 14, 6))[0]
