"""The sentences to be judged by: four sets in halves, one for looking and one unseen; one unseen."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FIRST = Path(__file__).parent / "heldout"
SECOND = Path(__file__).parent / "heldout2"
THIRD = Path(__file__).parent / "heldout3"
FOURTH = Path(__file__).parent / "heldout4"
FIFTH = Path(__file__).parent / "heldout5"


@dataclass(frozen=True, slots=True)
class Sentence:
    """What somebody says, where, and what is meant by it."""

    text: str
    asked: str | None
    locale: str
    act: str
    question: str | None
    value: str | None
    polarity: str | None
    tags: tuple[str, ...]

    @property
    def acts(self) -> frozenset[str]:
        """Every act that is right: some sentences may fairly be read in two ways."""
        also = {tag.removeprefix("also:") for tag in self.tags if tag.startswith("also:")}
        return frozenset({self.act, *also})

    @property
    def is_for_looking(self) -> bool:
        """Whether errors on it may be looked at; the other half of each set gives the figures."""
        return sha256(self.text.encode()).digest()[0] % 2 == 0


def sentences(folder: Path = FIRST) -> list[Sentence]:
    """Read every held-out sentence of a set."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in _lines(file)]
    return [_sentence(json.loads(line)) for line in lines]


def trained_on(root: Path = ROOT) -> frozenset[str]:
    """Give the words of every sentence that the model is trained on."""
    return frozenset(plain(text) for _, text in training(root))


def training(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Give the act and the text of every sentence that the model is trained on."""
    for file in (root / "data" / "nlu").glob("*/*.yml"):
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            for line in _texts(entry["examples"]):
                yield entry["intent"], line.strip().removeprefix("- ")
    for file in (root / "preferences" / "questions").glob("*.yml"):
        for option in yaml.safe_load(file.read_text(encoding="utf-8")).get("options") or []:
            for texts in (option["label"], option.get("synonyms", {}), option.get("examples", {})):
                for said in texts.values():
                    yield from (("answer", t) for t in ([said] if isinstance(said, str) else said))


def plain(text: str) -> str:
    """Give the words without case and punctuation; of emoji alone, the emoji."""
    return re.sub(r"[^\w]+", " ", text.lower()).strip() or text.strip()


def _texts(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _sentence(entry: dict[str, Any]) -> Sentence:
    tags = tuple(entry.pop("tags", ()))
    return Sentence(
        **{name: entry.get(name) for name in Sentence.__slots__ if name != "tags"}, tags=tags
    )
