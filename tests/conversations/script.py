"""Conversations as plain files: what a shopper does, and what has to come of it.

A file holds `title`, `locale`, whether the shopper is `customer` of the shop, and `turns`. A turn is
one of `opens: true`, `says: words`, `presses: label`, `buys: product`, `worth_asking: question`,
`waits: days`, `handed_back: true`. Under `as` stands what a model is taught to take the words for;
the real assistant has to find that out by itself. Under `then` stands what is expected:

    kind      of the last reply: say, question or consent
    contains  words that the replies hold, all of them
    lacks     words that no reply holds
    silent    true: nothing is said
    replies   how many there are
    choices   labels of the buttons, in any order
    stored    every answer in force, as question: value
    forbidden reasons of the wishes to be left alone that are in force
    outbox    true or false: whether the CRMs have something to be told
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preferences.catalogue import read_yaml

HERE = Path(__file__).parent
DOES = ("opens", "says", "presses", "buys", "worth_asking", "waits", "handed_back")
EXPECTS = (
    *("kind", "contains", "lacks", "silent", "replies"),
    *("choices", "stored", "forbidden", "outbox"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the shopper does, what the words mean, and what is expected."""

    does: str
    what: Any
    meaning: dict[str, Any]
    then: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation."""

    name: str
    title: str
    locale: str
    customer: bool
    steps: tuple[Step, ...]


def load_script(name: str) -> Script:
    """Read one file by its name."""
    file = HERE / f"{name}.yml"
    page = read_yaml(file)
    steps = tuple(_step(file, number, turn) for number, turn in enumerate(page["turns"], start=1))
    return Script(name, page["title"], page.get("locale", "en"), page.get("customer", True), steps)


def names() -> list[str]:
    return sorted(file.stem for file in HERE.glob("*.yml"))


def _step(file: Path, number: int, turn: dict[str, Any]) -> Step:
    does = [key for key in turn if key in DOES]
    then = turn.get("then", {})
    unknown = set(turn) - {*DOES, "as", "then"} | set(then) - set(EXPECTS)
    if len(does) != 1 or unknown:
        message = f"{file.name}, turn {number}: one of {DOES}; unknown: {sorted(unknown)}"
        raise ValueError(message)
    return Step(does[0], turn[does[0]], turn.get("as", {}), then)
