"""What the simulated shop sells: kinds of goods, for whom, in which sizes, at which prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

_BABY = ("56", "62", "68", "74")
_SIZES: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("letters", "men"): ("S", "M", "L", "XL", "XXL"),
        ("letters", "women"): ("XS", "S", "M", "L", "XL"),
        ("letters", "children"): (*_BABY, "80", "92", "104", "116", "128", "140"),
        ("shoes", "men"): ("40", "41", "42", "43", "44", "45", "46"),
        ("shoes", "women"): ("36", "37", "38", "39", "40", "41"),
        ("shoes", "children"): ("24", "26", "28", "30", "32", "34"),
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One category: whom its goods are made for, how they are sized, and what they cost.

    `price` is the middle, in euros; `spread` the standard deviation of its logarithm; `packs` how
    many pieces are often bought at once.
    """

    name: str
    audiences: tuple[str, ...]
    price: float
    spread: float = 0.35
    sizing: str = ""
    packs: tuple[int, ...] = (1,)
    gift: float = 1.0


KINDS = (
    Kind("shirts", ("men", "women", "children"), 35, 0.35, "letters"),
    Kind("knitwear", ("men", "women", "children"), 60, 0.4, "letters"),
    Kind("trousers", ("men", "women", "children"), 65, 0.35, "letters", gift=0.3),
    Kind("dresses", ("women", "children"), 80, 0.4, "letters"),
    Kind("shoes", ("men", "women", "children"), 85, 0.4, "shoes", gift=0.3),
    Kind("underwear", ("men", "women", "children"), 15, 0.3, "letters", (1, 3, 5), gift=0.2),
    Kind("scent", ("men", "women"), 55, 0.5, gift=3.0),
    Kind("skin care", ("men", "women"), 20, 0.5, packs=(1, 2), gift=1.5),
    Kind("jewellery", ("men", "women"), 70, 0.8, gift=3.0),
    Kind("toys", ("children",), 30, 0.6, gift=3.0),
    Kind("books", ("",), 16, 0.4, packs=(1, 2), gift=2.0),
    Kind("kitchen", ("",), 45, 0.7),
    Kind("lamps", ("",), 60, 0.6, gift=0.5),
    Kind("electronics", ("",), 120, 0.9),
    Kind("pet food", ("pets",), 18, 0.3, packs=(1, 2, 4), gift=0.1),
    Kind("sports", ("men", "women", "children"), 50, 0.6, "letters"),
    Kind("tea", ("",), 9, 0.3, packs=(1, 2, 4), gift=1.0),
    Kind("garden", ("",), 25, 0.6, gift=0.5),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def sizes(kind: Kind, audience: str) -> tuple[str, ...]:
    """Give the sizes that a kind comes in; most goods have none."""
    return _SIZES.get((kind.sizing, audience), ())


def fits(kind: Kind, audience: str) -> bool:
    """Tell whether somebody can use a kind: it is made for them, or for nobody in particular."""
    return audience in kind.audiences or not set(kind.audiences) & {"men", "women", "children"}


def price(kind: Kind, tier: float, dice: Random) -> float:
    """Draw what a good of a kind costs to who likes to pay `tier` times the middle."""
    return max(1.0, round(kind.price * tier * dice.lognormvariate(0, kind.spread), 2))


def pieces(kind: Kind, dice: Random) -> int:
    """Draw how many pieces are bought at once."""
    return dice.choice(kind.packs)
