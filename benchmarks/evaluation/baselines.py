"""What anybody would try first on questions × models, to stand beside the product: expected quality from embeddings.

Each takes sentence embeddings and qualities of a history (questions, models; none missing) and gives what it expects of
other questions. Whatever has a strength tunes it on a fifth of the history that is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from optiq.evaluation.outcomes import FloatArray

FIFTH = 5

NEIGHBOURS = (20, 50, 100, 200, 320)
"""How many of the nearest are heard."""

INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Of logistic regression: scikit-learn's C."""

FACTORS, PENALTIES = (1, 2, 4), (1.0, 10.0, 100.0)
"""Numbers of factors, and ridges with which an embedding tells those of a question."""

Expectation = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def best_single(history: FloatArray, n: int) -> FloatArray:
    """(n, models): every model as it did on the whole history."""
    return np.broadcast_to(history.mean(axis=0), (n, history.shape[1]))


def per_label(history: FloatArray, known: Sequence[str], asked: Sequence[str]) -> FloatArray:
    """Every model as it did on questions of the same label; as on all where the label is new."""
    labels = np.array(known)
    means = {name: history[labels == name].mean(axis=0) for name in set(known)}
    usual = history.mean(axis=0)
    return np.array([means.get(name, usual) for name in asked])


def nearest_votes(known: FloatArray, history: FloatArray, asked: FloatArray) -> dict[int, FloatArray]:
    """By number of neighbours: the mean of the nearest by cosine."""
    order = np.argsort(-(asked @ known.T), axis=1, kind="stable")[:, : NEIGHBOURS[-1]]
    return {n: np.stack([history[row[:n]].mean(axis=0) for row in order]) for n in NEIGHBOURS}


def logistic_regression(known: FloatArray, history: FloatArray, asked: FloatArray) -> FloatArray:
    """One regression per model; a score between wrong and right is so much of both."""

    def at(penalty: float) -> Expectation:
        return lambda x, y, z: np.stack(
            [_logistic(x, y[:, m], z, penalty) for m in range(y.shape[1])], axis=1
        )

    return _tuned([at(penalty) for penalty in INVERSE_PENALTIES], known, history, asked)


def _logistic(known: FloatArray, scores: FloatArray, asked: FloatArray, penalty: float) -> FloatArray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    right, weights = np.repeat([1, 0], len(scores)), np.concatenate([scores, 1 - scores])
    some = weights > 0
    if len(set(right[some])) < 2:
        return np.full(len(asked), scores.mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=penalty, solver="newton-cholesky").fit(
            np.concatenate([known, known])[some], right[some], sample_weight=weights[some]
        )
    return np.asarray(model.predict_proba(asked)[:, 1])


def matrix_factorisation(known: FloatArray, history: FloatArray, asked: FloatArray) -> FloatArray:
    """Qualities as means plus factors of questions × models (singular vectors); embeddings tell a new question's."""

    def at(factors: int, penalty: float) -> Expectation:
        def expected(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
            usual, centre = y.mean(axis=0), x.mean(axis=0)
            left, sizes, models = np.linalg.svd(y - usual, full_matrices=False)
            of_questions = (left * sizes)[:, :factors]
            off = x - centre
            told = np.linalg.solve(off.T @ off + penalty * np.eye(x.shape[1]), off.T @ of_questions)
            return np.asarray(usual + (z - centre) @ told @ models[:factors])

        return expected

    most = min(history.shape)
    return _tuned(
        [at(n, penalty) for n, penalty in product(FACTORS, PENALTIES) if n <= most], known, history, asked
    )


def _tuned(
    tried: Sequence[Expectation], known: FloatArray, history: FloatArray, asked: FloatArray
) -> FloatArray:
    """What that of ``tried`` expects that is off by least squares on a fifth of the history, learned from all of it."""
    left_out = np.arange(len(known)) % FIFTH == 0
    errors = [
        float(((one(known[~left_out], history[~left_out], known[left_out]) - history[left_out]) ** 2).sum())
        for one in tried
    ]
    return tried[int(np.argmin(errors))](known, history, asked)
