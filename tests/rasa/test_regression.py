"""The regression that understands: it finds what scikit-learn's finds, on rows of either kind."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bot.components.regression import Regression, likelihoods


@pytest.fixture(scope="module")
def points():
    """Three clouds that touch, the last of them small."""
    chance = np.random.default_rng(0)
    targets = np.array([0] * 150 + [1] * 100 + [2] * 25)
    centres = chance.normal(size=(3, 20))
    rows = centres[targets] + chance.normal(size=(len(targets), 20))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), targets


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_it_finds_what_scikit_learn_finds(points, kind):
    rows, targets = points
    weights = np.where(targets == 2, 3.0, 1.0)
    other = LogisticRegression(C=5.0, multi_class="multinomial", tol=1e-8, max_iter=1000)
    other.fit(rows, targets, sample_weight=weights)

    found = Regression.fit(kind(rows), targets, weights, 3, 5.0, 400)

    mine = likelihoods(rows @ found.matrix + found.bias)
    assert np.abs(mine - other.predict_proba(rows)).max() < 0.02


def test_the_same_rows_give_the_same_weights(points):
    rows, targets = points
    once, again = (Regression.fit(rows, targets, np.ones(275), 3, 5.0, 20) for _ in range(2))

    assert np.array_equal(once.matrix, again.matrix)
    assert np.float32 == once.matrix.dtype


def test_a_class_without_an_example_is_never_likely(points):
    rows, targets = points

    found = Regression.fit(rows, targets, np.ones(275), 4, 5.0, 50)

    assert (rows @ found.matrix + found.bias)[:, 3].max() < (rows @ found.matrix + found.bias).max()
    assert likelihoods(rows @ found.matrix + found.bias)[:, 3].max() < 0.05
