"""Consensus of graders: the minimum-variance linear estimator of the Vancouver algorithm.

Source: de Alfaro and Shavlovsky, CrowdGrader (2014), as section 2.1 of the LLM Chemistry paper uses it. Items
(outputs) and reviewers (models) exchange estimates: an item tells each of its reviewers what the *others*
make of it, a reviewer tells each item how far off it was on the *others*. So nobody is judged by a consensus
that is made of its own grades.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optiq.chemistry.profiles import HIGHEST_GRADE
from optiq.errors import InputError

Floats = npt.NDArray[np.float64]

_FLOOR = 1e-6
"""Smallest variance of a reviewer: someone who happened to agree exactly must not silence all others."""
_CONVERGED = 1e-10


@dataclass(frozen=True, slots=True)
class Consensus:
    """What reviewers agree on.

    ``quality`` (items,) are consensus grades 0 to 10, NaN for an item without grades; ``variance`` and
    ``review_accuracy`` (reviewers,) say how far a reviewer is from the consensus of the others, NaN where
    that cannot be told (no grades, or nobody else graded the same items). ``rounds`` were needed.
    """

    quality: Floats
    variance: Floats
    review_accuracy: Floats
    rounds: int
    converged: bool


def consensus(
    grades: npt.ArrayLike, authors: npt.ArrayLike | None = None, most_rounds: int = 200
) -> Consensus:
    """The consensus of ``grades``, of shape (items, reviewers), 0 to 10, NaN where nothing was graded.

    ``authors`` (items,) gives the column of the reviewer that made each item (-1: none of them); given, own
    grades are left out.

    Raises
    ------
    InputError
        for a grade outside 0 to 10, or authors that are not reviewers.
    """
    table = np.array(grades, dtype=np.float64)
    if table.ndim != 2:
        raise InputError("grades must be a table of items × reviewers", "Give one row per item.")
    bad = ~np.isnan(table) & ~((table >= 0) & (table <= HIGHEST_GRADE))
    if bad.any():
        item, reviewer = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"item {item + 1}: reviewer {reviewer + 1} graded {table[item, reviewer]:g}",
            "Grades are from 0 to 10.",
        )
    if authors is not None:
        _leave_out_own(table, np.asarray(authors))
    given = ~np.isnan(table)
    values = np.where(given, table, 0.0)
    to_items = np.where(given, 1.0, 0.0)  # variance of a reviewer, without the item that is told
    rounds, converged = 0, not given.any()
    while not converged and rounds < most_rounds:
        rounds += 1
        weights = np.where(given, 1 / np.maximum(to_items, _FLOOR), 0.0)
        others = weights.sum(1, keepdims=True) - weights
        known = given & (others > _CONVERGED)
        estimate = np.divide(
            (weights * values).sum(1, keepdims=True) - weights * values,
            others,
            out=np.zeros_like(values),
            where=known,
        )
        deviation = np.where(known, (values - estimate) ** 2, 0.0)
        certainty = np.where(known, others, 0.0)  # inverse variance of what the others make of the item
        before = to_items
        to_items = _spread(deviation, certainty, given, except_told=True)
        converged = bool(np.max(np.abs(to_items - before)[given], initial=0.0) < _CONVERGED)
    weights = np.where(given, 1 / np.maximum(to_items, _FLOOR), 0.0)
    total = weights.sum(1)
    quality = np.divide((weights * values).sum(1), total, out=np.full(len(table), np.nan), where=total > 0)
    variance = _variance(values, weights, given)
    return Consensus(quality, variance, review_accuracy(variance, table), rounds, converged)


def review_accuracy(variance: npt.ArrayLike, grades: npt.ArrayLike) -> Floats:
    """``1 - √variance / (√2 σ)``, at least 0, with σ the standard deviation of all grades of the trial.

    √2 σ is how far apart two grades drawn at random are. NaN where the variance is unknown, or where all grades
    are the same: then nothing was told apart, and nobody showed that they can.
    """
    found = np.asarray(variance, dtype=np.float64)
    known = np.asarray(grades, dtype=np.float64)
    known = known[~np.isnan(known)]
    scale = np.sqrt(2) * known.std() if known.size else 0.0
    if scale <= _CONVERGED:
        return np.full(found.shape, np.nan)
    return np.clip(1 - np.sqrt(found) / scale, 0.0, 1.0)


def _leave_out_own(table: Floats, authors: npt.NDArray[np.integer]) -> None:
    if authors.shape != (len(table),) or ((authors < -1) | (authors >= table.shape[1])).any():
        raise InputError("authors must name a reviewer's column, or -1, for each item", "Check the columns.")
    own = np.flatnonzero(authors >= 0)
    table[own, authors[own]] = np.nan


def _spread(
    deviation: Floats, certainty: Floats, given: npt.NDArray[np.bool_], *, except_told: bool
) -> Floats:
    """Mean squared deviation of each reviewer, weighted by certainty; without the item that is told.

    A reviewer with no other item has shown nothing there: it keeps the variance of the whole table.
    """
    weighted, weight = deviation * certainty, certainty
    top, bottom = weighted.sum(0, keepdims=True), weight.sum(0, keepdims=True)
    if except_told:
        top, bottom = top - weighted, bottom - weight
    whole = deviation.sum() / max(np.count_nonzero(certainty), 1)
    usual = np.divide(top, bottom, out=np.full(deviation.shape, whole), where=bottom > _CONVERGED)
    return np.where(given, np.maximum(usual, 0.0), 0.0)


def _variance(values: Floats, weights: Floats, given: npt.NDArray[np.bool_]) -> Floats:
    """Each reviewer against the consensus of the others, over all items that it graded."""
    others = weights.sum(1, keepdims=True) - weights
    known = given & (others > _CONVERGED)
    estimate = np.divide(
        (weights * values).sum(1, keepdims=True) - weights * values,
        others,
        out=np.zeros_like(values),
        where=known,
    )
    certainty = np.where(known, others, 0.0)
    total = certainty.sum(0)
    return np.divide(
        (certainty * (values - estimate) ** 2).sum(0),
        total,
        out=np.full(values.shape[1], np.nan),
        where=total > 0,
    )
