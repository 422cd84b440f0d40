"""What questions like one say of it: how easy it is, and which models do better on it than usual.

A model is worth ``usual(question, model) + difficulty(question) + preference(question, model)`` on a question: how much
easier questions like it were than usual, and how much better this model did on them than the others. Likeness is seen
in several ways (:class:`~optiq.estimation.likeness.Views`): how easy a question is follows its distant relatives, too,
whom a model suits its close ones only, and both follow looks. In each, they are learned by kernel ridge regression,
that is as means of Gaussian processes whose covariance is how alike questions are (Rasmussen and Williams 2006,
chapter 2), a large history through a sample of it (the subset of regressors, section 8.3.1 there). Penalties are those
that predict left-out questions best; what the views say of left-out questions decides in what shares they are heard
(stacked regressions, Breiman 1996). Every question is left out in turn, in closed form (leave-one-out residuals of a
linear smoother, Hastie, Tibshirani and Friedman 2009, section 7.10), so that nothing hangs on how questions are ordered
or split. Where nothing was like a question, all is 0: the usual stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.likeness import FloatArray, Views

IntArray = NDArray[np.int64]

PENALTIES = tuple(float(penalty) for penalty in np.geomspace(0.1, 100.0, 13))
"""Strengths of the ridge, in answers by which a question is known as well as by itself."""

OF_DIFFICULTY, OF_PREFERENCE = (1, 2), (0, 2)
"""Which of the views say how easy a question is, and which whom it suits."""

OWN = 1.0
"""So many of its own answers tell how easy a question was as well as what others say of it: the variance of answers to
one question, over that of the questions, is about 1 on public benchmarks."""

EVEN = 0.25
"""By so much, as a standard deviation, the shares of views are expected to differ from even ones: with few answers,
luck would choose them."""

NOISE = 1e-7
"""Directions of a sample in which questions differ less, beside the largest, are only rounding."""


class Strength(NamedTuple):
    """How much one view is heard: the ``penalty`` it is learned with, in answers, and its ``share``; 0: not at all."""

    penalty: float
    share: float


@dataclass(frozen=True, slots=True)
class Strengths:
    """Of :data:`OF_DIFFICULTY` and of :data:`OF_PREFERENCE`, how much each is heard. Without any nothing is said."""

    difficulty: tuple[Strength, ...] = ()
    preference: tuple[Strength, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether nothing is said at all."""
        return not any(one.share for one in (*self.difficulty, *self.preference))


@dataclass(frozen=True)
class Learned:
    """``weights`` (views, sample, 1 + models): what each question of the sample says of difficulty, then of each model.

    ``left_out`` (questions, models) is what all other questions say of each, ``explained`` the share of the squared
    error that it takes away.
    """

    strengths: Strengths
    weights: FloatArray
    left_out: FloatArray
    explained: float


def learned(views: Views, among: Views, off: FloatArray) -> Learned:
    """Difficulty and preferences from views of (questions, sample) and of (sample, sample).

    ``off`` (questions, models) is by how much each answer was better than usual, NaN where nobody judged.
    """
    ran = (~np.isnan(off)).astype(np.float64)
    known, answers = np.nan_to_num(off), ran.sum(axis=1)
    features = [_Features(view, inner) for view, inner in zip(views, among, strict=True)]
    ease = known.sum(axis=1) / np.maximum(answers, 1.0)
    difficulty = _stacked([features[at] for at in OF_DIFFICULTY], ease[:, None], answers[:, None])
    weights = np.zeros((len(views), len(among.near), 1 + off.shape[1]))
    weights[list(OF_DIFFICULTY), :, :1] = difficulty.weights
    # what is common to the answers to a question is not preference: by its own answers, and by what is said of it
    trust = answers / (answers + OWN)
    common = trust * ease + (1 - trust) * _heard(views, weights[..., :1])[:, 0]
    preference = _stacked([features[at] for at in OF_PREFERENCE], known - common[:, None], ran)
    weights[list(OF_PREFERENCE), :, 1:] = preference.weights
    expected = difficulty.left_out + preference.left_out
    alone = float((known**2).sum())
    left = float(((known - expected) ** 2 * ran).sum())
    return Learned(
        Strengths(difficulty.strengths, preference.strengths),
        weights,
        expected,
        1 - left / alone if alone > 0 else 0.0,
    )


def said(views: Views, weights: FloatArray) -> FloatArray:
    """(questions, 1 + models): how much easier than usual questions are, and by how much models are expected above what
    is usual, that included; from views of (questions, sample) and weights (views, sample, 1 + models).
    """
    found = _heard(views, weights)
    found[:, 1:] += found[:, :1]
    return found


def _heard(views: Views, weights: FloatArray) -> FloatArray:
    """(questions, columns), over all views."""
    return np.asarray(np.sum([view @ one for view, one in zip(views, weights, strict=True)], axis=0))


def spread_over(n: int, most: int) -> IntArray:
    """At most ``most`` of ``n`` rows, spread evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def nearest(likeness: FloatArray, n: int) -> Iterator[IntArray]:
    """Per question the places of the ``n`` most alike, the most alike first; ties go to the earlier."""
    for row in likeness:
        yield np.argsort(-row, kind="stable")[:n]


class _Features:
    """A view as rows (questions, directions) whose products are the likeness, as seen through the sample."""

    def __init__(self, view: NDArray[Any], among: FloatArray) -> None:
        from scipy.linalg import eigh

        sizes, directions = eigh(among, check_finite=False)
        kept = sizes > NOISE * sizes[-1]
        self.of_sample: FloatArray = directions[:, kept] / np.sqrt(sizes[kept])
        self.rows: FloatArray = view @ self.of_sample


class _Stack(NamedTuple):
    """Per view how it is heard; weights (views, sample, columns); what is said of left-out questions."""

    strengths: tuple[Strength, ...]
    weights: FloatArray
    left_out: FloatArray


def _stacked(features: Sequence[_Features], target: FloatArray, ran: FloatArray) -> _Stack:
    """``target`` (questions, columns) from each view, and from all of them together.

    ``ran`` (questions, columns) says how much each counts; 0: nobody knows.
    """
    from scipy.optimize import nnls

    found = [_ridge(one, target, ran) for one in features]
    root = np.sqrt(ran).ravel()
    told, came = (
        np.stack([left_out.ravel() * root for _, _, left_out in found], axis=1),
        target.ravel() * root,
    )
    # an even share of each is as one more observation, as sure as EVEN says beside the scatter of answers
    sure = float(np.sqrt((came**2).sum() / max(float(ran.sum()), 1.0))) / EVEN
    even = np.full(len(found), 1 / len(found))
    shares, _ = nnls(np.vstack([told, sure * np.eye(len(found))]), np.append(came, sure * even))
    return _Stack(
        tuple(Strength(penalty, float(share)) for (penalty, _, _), share in zip(found, shares, strict=True)),
        np.stack([weights * share for (_, weights, _), share in zip(found, shares, strict=True)]),
        np.asarray(sum(left_out * share for (_, _, left_out), share in zip(found, shares, strict=True))),
    )


def _ridge(features: _Features, target: FloatArray, ran: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """The penalty that predicts left-out questions best, one for all columns; weights (sample, columns); what is said
    of each question by the others.
    """
    columns: dict[bytes, list[int]] = {}
    for column in range(target.shape[1]):
        columns.setdefault(ran[:, column].tobytes(), []).append(column)
    errors = np.zeros(len(PENALTIES))
    weights = np.zeros((len(PENALTIES), len(features.of_sample), target.shape[1]))
    left_out = np.zeros((len(PENALTIES), *target.shape))
    for group in columns.values():  # columns that are known of the same questions are learned at once
        part, counts = target[:, group], ran[:, group[0], None]
        weights[..., group], left_out[..., group] = _along_penalties(features, part, counts)
        errors += (counts * (part - left_out[..., group]) ** 2).sum(axis=(1, 2))
    # of equals, but for rounding, the one that says least
    best = int(np.flatnonzero(errors <= errors.min() * (1 + 1e-9))[-1])
    return PENALTIES[best], weights[best], left_out[best]


def _along_penalties(
    features: _Features, target: FloatArray, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights (penalties, sample, columns), and what is said of each question by the others (penalties, questions,
    columns). All penalties are tried at once: one after the other each reads all rows again.
    """
    from scipy.linalg import eigh

    rows, judged = features.rows, np.flatnonzero(counts[:, 0])
    weighted = rows[judged] * np.sqrt(counts[judged])
    sizes, turned = eigh(weighted.T @ weighted, check_finite=False)
    inverse = 1 / (np.maximum(sizes, 0.0)[:, None] + np.array(PENALTIES))
    squares = weighted @ turned
    squares *= squares
    pull = np.zeros((len(PENALTIES), len(rows), 1))
    pull[:, judged, 0] = (squares @ inverse).T
    of_rows = turned.T @ (rows.T @ (target * counts))
    solved = turned @ (inverse[:, :, None] * of_rows[:, None, :]).reshape(len(sizes), -1)
    shape = len(PENALTIES), target.shape[1]
    of_sample, told = (
        np.moveaxis((part @ solved).reshape(len(part), *shape), 1, 0) for part in (features.of_sample, rows)
    )
    return of_sample, target - (target - told) / np.maximum(1 - pull, 1e-9)
