"""What questions like one say of it: how easy it is, and which models do better on it than usual.

A model is worth ``usual(question, model) + difficulty(question) + preference(question, model)`` on a question: how much
easier questions like it were than usual, and how much better this model did on them than the others. Both are learned
by kernel ridge regression, that is as means of Gaussian processes whose covariance is how alike questions are
(Rasmussen and Williams 2006, chapter 2): how easy a question is follows its distant relatives, too (:func:`wide`), whom
a model suits its close ones only. The preferences of models are independent of each other, and models that were judged
on few questions borrow the difficulty from all. A large history is seen through a sample of it (the subset of
regressors, section 8.3.1 there). Where nothing was like a question, both are 0: the usual stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.likeness import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PENALTIES = (0.3, 1.0, 2.0, 4.0, 8.0, 25.0, np.inf)
"""Strengths of the ridge, in answers by which a question is known as well as by itself; inf: nothing is said."""

FOLDS = 5
"""Parts of the history that are left out in turn to tune the penalties."""

ENOUGH = 500
"""Questions from which on the penalty of preferences is tuned by what picks are worth: of fewer, luck would choose."""

PER_CALL = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Quality that the dearest call is worth, in turn."""

PIECE = 1024
"""Questions that are learned from at once."""

ROUNDS = 4
"""So often difficulty and preferences are learned in turn, each from what the other leaves (backfitting)."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """The penalties with which difficulty and preferences are learned; inf: nothing is said of it."""

    difficulty: float = np.inf
    preference: float = np.inf

    @property
    def silent(self) -> bool:
        """Whether nothing is said at all."""
        return bool(np.isinf(self.difficulty) and np.isinf(self.preference))


Piece = tuple[slice, FloatArray, FloatArray]


class Ridge:
    """Answers to questions as what can be learned from. ``alike`` (questions, sample) and ``sample`` (sample, sample)
    say how alike they are to a sample of them; ``off`` (questions, models) is by how much each answer was better than
    usual, NaN where nobody judged.
    """

    def __init__(self, alike: NDArray[Any], sample: FloatArray, off: FloatArray) -> None:
        jitter = 1e-8 * np.eye(len(sample))
        self._alike = alike
        self._kept = list(self._made()) if len(alike) <= PIECE else None
        self._sample, self._wide_sample = sample + jitter, wide(sample) + jitter
        self._ran = (~np.isnan(off)).astype(np.float64)
        self._off = np.nan_to_num(off)
        judged: dict[bytes, list[int]] = {}
        for model in range(off.shape[1]):
            judged.setdefault(self._ran[:, model].tobytes(), []).append(model)
        self._groups = list(
            judged.values()
        )  # models that were judged on the same questions are learned at once
        shape = len(sample), len(sample)
        self._products = [np.zeros(shape) for _ in self._groups]
        self._together = np.zeros(shape)
        for part, near, far in self._pieces():
            for products, group in zip(self._products, self._groups, strict=True):
                products += near.T @ (near * self._ran[part, group[0], None])
            self._together += far.T @ (far * self._ran[part].sum(axis=1)[:, None])
        self._factors: dict[tuple[int, float], Any] = {}

    def weights(self, strengths: Strengths) -> FloatArray:
        """(sample, 1 + models): what each question of the sample says of difficulty, then of each model."""
        found = np.zeros((self._alike.shape[1], 1 + self._off.shape[1]))
        hears = np.isfinite(strengths.difficulty), np.isfinite(strengths.preference)
        for _ in range(ROUNDS):
            if hears[0]:
                rest = np.zeros(len(found))
                for part, near, far in self._pieces():
                    left = (self._off[part] - near @ found[:, 1:]) * self._ran[part]
                    rest += far.T @ left.sum(axis=1)
                factor = self._factor(-1, self._together, self._wide_sample, strengths.difficulty)
                found[:, 0] = _solved(factor, rest)
            if hears[1]:
                of_models = np.zeros((len(found), self._off.shape[1]))
                for part, near, far in self._pieces():
                    easy = (far @ found[:, 0])[:, None]
                    of_models += near.T @ ((self._off[part] - easy) * self._ran[part])
                for number, group in enumerate(self._groups):
                    factor = self._factor(number, self._products[number], self._sample, strengths.preference)
                    found[:, [1 + model for model in group]] = _solved(factor, of_models[:, group])
        return found

    def _pieces(self) -> Iterable[Piece]:
        """Some questions at a time, which bounds memory: how alike they are to the sample, closely and widely."""
        return self._made() if self._kept is None else self._kept

    def _made(self) -> Iterator[Piece]:
        for start in range(0, len(self._alike), PIECE):
            part = slice(start, start + PIECE)
            near = self._alike[part].astype(np.float64)
            yield part, near, wide(near)

    def _factor(self, number: int, products: FloatArray, sample: FloatArray, penalty: float) -> Any:
        from scipy.linalg import cho_factor

        if (number, penalty) not in self._factors:
            self._factors[number, penalty] = cho_factor(products + penalty * sample, check_finite=False)
        return self._factors[number, penalty]


def wide(alike: FloatArray) -> FloatArray:
    """Likeness that falls off slowly (a rational quadratic kernel), from a Gaussian: 1 / (1 + WIDTH · distance²)."""
    return np.asarray(1.0 / (1.0 - np.log(np.maximum(alike, 1e-300))))


def _solved(factor: Any, rest: FloatArray) -> FloatArray:
    from scipy.linalg import cho_solve

    return np.asarray(cho_solve(factor, rest, check_finite=False))


def said(alike: FloatArray, weights: FloatArray) -> FloatArray:
    """(questions, 1 + models): how much easier than usual questions are, and by how much models are expected above what
    is usual, that included; from (questions, sample) and weights (sample, 1 + models).
    """
    found: FloatArray = alike @ weights
    found[:, 0] = wide(alike) @ weights[:, 0]
    found[:, 1:] += found[:, :1]
    return found


def tune(alike: FloatArray, off: FloatArray, usual: FloatArray, cost: FloatArray) -> tuple[Strengths, float]:
    """The penalties that predict left-out questions best, and the share of squared error that they explain.

    ``alike`` (questions, questions) is among the questions of which a fifth is left out in turn. ``off``, ``usual`` and
    ``cost`` (NaN unknown) are (questions, models).
    """
    ran, residual = ~np.isnan(off), np.nan_to_num(off)
    alone = float((residual**2).sum())
    # of equals the one that says least
    tried = [Strengths(*pair) for pair in product(reversed(PENALTIES), reversed(PENALTIES))]
    expected = dict(zip(tried, _left_out(alike, off, tried), strict=True))
    best, found = np.inf, Strengths()
    for one, votes in expected.items():
        error = float((((residual - votes) ** 2) * ran).sum())
        if error < best - 1e-9:
            best, found = error, one
    explained = 1.0 - best / alone if alone > 0 else 0.0
    if len(off) >= ENOUGH and np.isfinite(found.preference):
        choices = [Strengths(found.difficulty, penalty) for penalty in reversed(PENALTIES[:-1])]
        worths = [_worth(usual + expected[one], usual + off, cost) for one in choices]
        found = choices[int(np.argmax(np.round(worths, 9)))]
    return found, explained


def left_out(alike: FloatArray, off: FloatArray, strengths: Strengths) -> FloatArray:
    """(questions, models): what the other four fifths say of each question."""
    return _left_out(alike, off, [strengths])[0]


def spread_over(n: int, most: int) -> IntArray:
    """At most ``most`` of ``n`` rows, spread evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _left_out(alike: FloatArray, off: FloatArray, tried: Sequence[Strengths]) -> list[FloatArray]:
    """The same with each of the penalties; one part after the other, which bounds memory."""
    found = [np.zeros(off.shape) for _ in tried]
    number = np.arange(len(off)) % FOLDS
    for fold in range(min(FOLDS, len(off))):
        held, kept = np.flatnonzero(number == fold), np.flatnonzero(number != fold)
        among, to_others = alike[np.ix_(kept, kept)], alike[np.ix_(held, kept)]
        ridge = Ridge(among, among, off[kept])
        for votes, strengths in zip(found, tried, strict=True):
            votes[held] = said(to_others, ridge.weights(strengths))[:, 1:]
    return found


def _worth(estimate: FloatArray, qoa: FloatArray, cost: FloatArray) -> float:
    """What picks by ``estimate`` are worth: their quality less their cost, at several prices of a call.

    Least squares weighs all models alike, while only the best few are ever picked.
    """
    price = np.nan_to_num(cost)
    price = price / max(float(price.max(initial=0.0)), 1e-15)
    ran, every = ~np.isnan(qoa), np.arange(len(qoa))
    total = 0.0
    for per_call in PER_CALL:
        picked = np.where(ran, estimate - per_call * price, -np.inf).argmax(axis=1)
        total += float((np.nan_to_num(qoa[every, picked]) - per_call * price[every, picked]).mean())
    return total


def nearest(likeness: FloatArray, n: int) -> Iterator[IntArray]:
    """Per question the places of the ``n`` most alike, the most alike first; ties go to the earlier."""
    for row in likeness:
        yield np.argsort(-row, kind="stable")[:n]
