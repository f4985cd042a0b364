"""What a shopper does with a sentence: the act, and for an answer the option it may mean."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from os import cpu_count
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from threadpoolctl import threadpool_limits

from bot.components.letters import Letters
from bot.components.neighbours import Neighbours
from bot.components.regression import Regression

FILE = "acts.npz"
NO_ENCODER = "The act classifier needs an encoder before it in the pipeline."
NO_EXAMPLES = "There are no examples of any act: data/nlu is empty."
# As good as never, yet a number that can be reckoned with.
FLOOR, IMPOSSIBLE = -30.0, -1e4
# How much each voter counts; a tenth more or less hardly matters.
VECTORS, LETTERS, NEIGHBOURS = 0.5, 0.5, 0.35
# Confidences between 5 times sharper and 5 times flatter than the raw ones.
TEMPERATURES = np.geomspace(0.2, 5, 65)
# One unseen example in so many tells the temperature as well as all of them.
ENOUGH = 2


@dataclass(frozen=True)
class Label:
    """The finest thing told apart: an act, or the option of a question that an answer means."""

    act: str
    question: str | None = None
    value: Any = None

    @classmethod
    def of(cls, example: Message) -> Label:
        """Read the label that a training example carries."""
        about = (example.get(METADATA) or {}).get(METADATA_EXAMPLE) or {}
        if not isinstance(about, dict) or "question" not in about:
            return cls(example.get(INTENT))
        return cls(example.get(INTENT), about["question"], about["value"])

    @property
    def group(self) -> tuple[str, str | None]:
        """An act or one question: what weighs equally in training, however finely divided."""
        return self.act, self.question

    def ranked(self, confidence: float) -> dict[str, Any]:
        """Make the entry of an intent ranking."""
        entry = {"name": self.act, "confidence": confidence}
        if self.question is None:
            return entry
        return {**entry, "question": self.question, "value": self.value}


@dataclass(frozen=True)
class Weights:
    """Three that vote: a regression on the encoders' vectors, one on groups of letters, the nearest.

    Their log-probabilities are weighed together and divided by `temperature`.
    """

    labels: tuple[Label, ...]
    matrix: np.ndarray
    bias: np.ndarray
    letters: Letters
    letter_matrix: np.ndarray
    letter_bias: np.ndarray
    neighbours: Neighbours
    temperature: float

    def confidences(self, vector: np.ndarray, text: str) -> np.ndarray:
        """Return the probability of each label."""
        places, values = self.letters.row(text)
        by_vector = normal(self.matrix @ vector + self.bias)
        by_letters = normal(values @ self.letter_matrix[places] + self.letter_bias)
        by_neighbours = self.neighbours.votes(vector)
        together = VECTORS * by_vector + LETTERS * by_letters + NEIGHBOURS * by_neighbours
        return np.exp(normal(together / self.temperature))


def normal(logits: np.ndarray) -> np.ndarray:
    """Give log-probabilities, none quite impossible where the other voter may think otherwise."""
    top = logits.max(axis=-1, keepdims=True)
    sums = np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    return np.maximum(logits - top - sums, FLOOR)


def vector_of(message: Message) -> np.ndarray:
    """Return every sentence vector of the message, side by side."""
    _, sentence = message.get_dense_features(TEXT)
    if sentence is None:
        raise RasaException(NO_ENCODER)
    return sentence.features[0]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ActClassifier(IntentClassifier, GraphComponent):
    """Regressions on vectors and letters beside the nearest examples, calibrated on an unseen fold."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the defaults; `inverse_regularisation` is scikit-learn's C.

        `evenness` 1 lets every act weigh the same, 0 every example.
        """
        return {
            "inverse_regularisation": 10.0,
            "letter_inverse_regularisation": 20.0,
            "evenness": 0.5,
            "folds": 2,
            "rounds": 50,
            "letter_rounds": 30,
            "ranking_length": 24,
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        weights: Weights | None = None,
    ) -> None:
        """Without weights it has yet to be trained."""
        self._config, self._storage, self._resource = config, model_storage, resource
        if weights is not None:
            self._use(weights)

    def _use(self, weights: Weights) -> None:
        self._weights = weights
        self._acts = list(dict.fromkeys(label.act for label in weights.labels))
        self._act_of = np.array([self._acts.index(label.act) for label in weights.labels])

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ActClassifier:
        """Make an untrained classifier."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ActClassifier:
        """Read a trained classifier."""
        with model_storage.read_from(resource) as folder, np.load(folder / FILE) as file:
            labels = tuple(Label(*label) for label in json.loads(str(file["labels"])))
            groups = json.loads(str(file["groups"]))
            letters = Letters({g: place for place, g in enumerate(groups)}, file["rarity"])
            weights = Weights(
                labels,
                file["matrix"],
                file["bias"],
                letters,
                file["letter_matrix"].astype(np.float32),
                file["letter_bias"],
                Neighbours(
                    file["near_vectors"].astype(np.float32),
                    file["near_targets"],
                    file["near_weights"],
                    len(labels),
                ),
                float(file["temperature"]),
            )
        return cls(config, model_storage, resource, weights)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit, calibrate, and keep the numbers."""
        examples = [e for e in training_data.intent_examples if e.get(TEXT) and e.get(INTENT)]
        if not examples:
            raise RasaException(NO_EXAMPLES)
        vectors = np.stack([vector_of(example) for example in examples]).astype(np.float32)
        texts = [example.get(TEXT) for example in examples]
        names = [Label.of(example) for example in examples]
        labels = tuple(dict.fromkeys(names))
        targets = np.array([labels.index(name) for name in names])
        # The encoders keep to one thread, for conversation; here nobody else waits.
        with threadpool_limits(cpu_count(), "blas"):
            weights = self._fit(vectors, texts, targets, labels)
            temperature = self._calibrated(vectors, texts, targets, labels)
        self._use(replace(weights, temperature=temperature))
        self._keep()
        return self._resource

    def _fit(
        self,
        vectors: np.ndarray,
        texts: list[str],
        targets: np.ndarray,
        labels: tuple[Label, ...],
    ) -> Weights:
        """Fit every voter, as sure of themselves as they come."""
        letters = Letters.of(texts)
        matrix, bias = self._regress("", vectors, targets, labels)
        letter_matrix, letter_bias = self._regress("letter_", letters.rows(texts), targets, labels)
        counts = balance(targets, labels, self._config["evenness"])
        near = Neighbours.of(vectors, targets, counts, len(labels))
        turned = np.ascontiguousarray(matrix.T)
        return Weights(labels, turned, bias, letters, letter_matrix, letter_bias, near, 1.0)

    def _regress(
        self, voter: str, rows: Any, targets: np.ndarray, labels: tuple[Label, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit a column for each label; those without an example here get no chance at all.

        `voter` leads the names of its settings.
        """
        found = Regression.fit(
            rows,
            targets,
            balance(targets, labels, self._config["evenness"]),
            len(labels),
            self._config[voter + "inverse_regularisation"],
            self._config[voter + "rounds"],
        )
        bias = np.full_like(found.bias, IMPOSSIBLE)
        there = np.unique(targets)
        bias[there] = found.bias[there]
        return found.matrix, bias

    def _calibrated(
        self,
        vectors: np.ndarray,
        texts: list[str],
        targets: np.ndarray,
        labels: tuple[Label, ...],
    ) -> float:
        """Find the temperature that makes confidences honest about sentences not trained on.

        One fold is kept back: another would cost as much again and move the temperature little.
        """
        kept_back = deal(targets, self._config["folds"]) == 0
        unseen, seen = np.flatnonzero(kept_back)[::ENOUGH], np.flatnonzero(~kept_back)
        if len(np.unique(targets[seen])) < 2:  # noqa: PLR2004 nothing to tell apart
            return 1.0
        weights = self._fit(vectors[seen], [texts[i] for i in seen], targets[seen], labels)
        found = np.log([weights.confidences(vectors[i], texts[i]) for i in unseen])
        wanted = targets[unseen]
        possible = found[np.arange(len(wanted)), wanted] > FLOOR
        losses = [surprise(found[possible] / t, wanted[possible]) for t in TEMPERATURES]
        return float(TEMPERATURES[int(np.argmin(losses))])

    def _keep(self) -> None:
        labels = [(label.act, label.question, label.value) for label in self._weights.labels]
        with self._storage.write_to(self._resource) as folder:
            np.savez_compressed(
                folder / FILE,
                labels=json.dumps(labels),
                matrix=self._weights.matrix,
                bias=self._weights.bias,
                groups=json.dumps(list(self._weights.letters.places)),
                rarity=self._weights.letters.rarity,
                letter_matrix=self._weights.letter_matrix.astype(np.float16),
                letter_bias=self._weights.letter_bias,
                near_vectors=self._weights.neighbours.vectors.astype(np.float16),
                near_targets=self._weights.neighbours.targets,
                near_weights=self._weights.neighbours.weights,
                temperature=self._weights.temperature,
            )

    def process(self, messages: list[Message]) -> list[Message]:
        """Set the act and the ranking of the finest labels on each message."""
        for message in messages:
            confidences = self._weights.confidences(vector_of(message), message.get(TEXT))
            acts = np.bincount(self._act_of, weights=confidences)
            best = int(acts.argmax())
            intent = {"name": self._acts[best], "confidence": float(acts[best])}
            message.set(INTENT, intent, add_to_output=True)
            message.set("intent_ranking", self._ranking(confidences), add_to_output=True)
        return messages

    def _ranking(self, confidences: np.ndarray) -> list[dict[str, Any]]:
        best = np.argsort(-confidences)[: self._config["ranking_length"]]
        return [self._weights.labels[i].ranked(float(confidences[i])) for i in best]


def balance(targets: np.ndarray, labels: tuple[Label, ...], evenness: float = 1.0) -> np.ndarray:
    """Weigh the examples so that every act and question counts the same, and so do its options.

    Were every option to count as much as an act, a sentence unlike anything known would be
    an answer, only because there are more options than acts.
    """
    examples = Counter(targets.tolist())
    options = Counter(labels[target].group for target in examples)
    share = {t: (1 / (options[labels[t].group] * n)) ** evenness for t, n in examples.items()}
    weights = np.array([share[t] for t in targets.tolist()])
    return weights * len(targets) / weights.sum()


def deal(targets: np.ndarray, folds: int) -> np.ndarray:
    """Choose the fold of each example: every label's are shuffled and dealt out in turn."""
    dealt = np.zeros(len(targets), dtype=int)
    shuffle = np.random.default_rng(0)
    for target in np.unique(targets):
        places = shuffle.permutation(np.flatnonzero(targets == target))
        dealt[places] = np.arange(len(places)) % folds
    return dealt


def surprise(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the targets."""
    top = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((total - logits[np.arange(len(targets)), targets]).mean())
