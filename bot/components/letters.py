"""Sentences as the groups of letters in them: what a typo or an unknown word leaves standing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

SHORTEST, LONGEST = 2, 5
# A group of letters that a single example has tells nothing of others.
SEEN = 4


def groups(text: str) -> Iterator[str]:
    """Yield every group of letters inside a word, its edges marked by blanks."""
    letters = unicodedata.normalize("NFD", text.lower())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    for word in re.sub(r"[^a-z0-9?!¿¡]+", " ", bare).split():
        marked = f" {word} "
        for size in range(SHORTEST, LONGEST + 1):
            yield from (marked[i : i + size] for i in range(max(1, len(marked) - size + 1)))


@dataclass(frozen=True)
class Letters:
    """The groups that were seen in training, and how much each tells: the rarer the more."""

    places: dict[str, int]
    rarity: np.ndarray

    @classmethod
    def of(cls, texts: list[str]) -> Letters:
        """Learn the groups of the training sentences."""
        spread: Counter[str] = Counter()
        for text in texts:
            spread.update(set(groups(text)))
        known = sorted(group for group, count in spread.items() if count >= SEEN)
        counts = np.array([spread[group] for group in known], dtype=np.float32)
        rarity = np.log((1 + len(texts)) / (1 + counts)) + 1
        return cls({group: place for place, group in enumerate(known)}, rarity.astype(np.float32))

    def row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Give the places of the groups in a sentence, and their values, of length 1 together."""
        found = Counter(self.places[group] for group in groups(text) if group in self.places)
        places = np.fromiter(found, dtype=np.int64, count=len(found))
        often = np.fromiter(found.values(), dtype=np.float32, count=len(found))
        values = (1 + np.log(often)) * self.rarity[places]
        length = float(np.linalg.norm(values))
        return places, values / length if length else values

    def rows(self, texts: list[str]) -> csr_matrix:
        """Give a row for each sentence."""
        rows = [self.row(text) for text in texts]
        starts = np.cumsum([0, *(len(places) for places, _ in rows)])
        places = np.concatenate([places for places, _ in rows]) if rows else np.empty(0, int)
        values = np.concatenate([values for _, values in rows]) if rows else np.empty(0)
        return csr_matrix((values, places, starts), shape=(len(texts), len(self.places)))
