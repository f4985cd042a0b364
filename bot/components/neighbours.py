"""The training sentences nearest to a message: they know the rare wordings that a line cuts off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The columns of the multilingual encoder, the last in the pipeline; the others add little here.
WIDTH = 512
NEAREST = 5
# How fast a vote fades with the distance, in cosines.
FADES = 0.1
# What every label is granted, voted for or not.
DOUBT = 1e-3
# Cosines: beyond FAR nobody votes, from NEAR on the vote counts in full. Of the training sentences
# whose nearest other one is at 0.4 to 0.5, a third share its label; at 0.8 it is nearly nine in ten.
FAR, NEAR = 0.4, 0.6


@dataclass(frozen=True)
class Neighbours:
    """Every example's vector, the place of its label, and how much it weighs."""

    vectors: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    labels: int

    @classmethod
    def of(
        cls, vectors: np.ndarray, targets: np.ndarray, weights: np.ndarray, labels: int
    ) -> Neighbours:
        """Keep what is compared of the examples."""
        return cls(np.ascontiguousarray(vectors[:, -WIDTH:]), targets, weights, labels)

    def votes(self, vector: np.ndarray) -> np.ndarray:
        """Return the log-probability of each label; the nearest examples vote, the nearer the more.

        Where even the nearest is far it tells nothing: every label is as likely as any other.
        """
        if not len(self.targets):
            return np.zeros(self.labels)
        near = self.vectors @ vector[-WIDTH:]
        best = np.argpartition(-near, min(NEAREST, len(near)) - 1)[:NEAREST]
        votes = np.exp((near[best] - near[best].max()) / FADES) * self.weights[best]
        chances = np.full(self.labels, DOUBT)
        np.add.at(chances, self.targets[best], votes / votes.sum())
        trust = np.clip((near[best].max() - FAR) / (NEAR - FAR), 0, 1)
        faded = chances**trust
        logs: np.ndarray = np.log(faded / faded.sum())
        return logs
