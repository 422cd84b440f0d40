"""The plans that can be on a frontier at some question length, shared by all questions on the same topics.

A plan may be dropped only if another is at least as good on the whole range of lengths. For lines the ends decide; a
plan whose latency has a kink is compared through lines below it (:mod:`optiq.planning.lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.planning.frontier import Frontiers, losses, nondominated, rounded
from optiq.planning.lines import LATENCY, QOA, TOLERANCE, Lines

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """What can be on the frontier, and the pairs (i, j) of which i may dominate j at some length, sorted by j."""

    lines: Lines
    rivals: tuple[NDArray[np.intp], NDArray[np.intp]]

    def frontiers(self, chars: NDArray[np.int64], places: Sequence[int]) -> Frontiers:
        """The frontiers of some of the questions, whose lengths are ``chars``."""
        expected, judged = self.lines.at(chars[np.asarray(places)])
        return Frontiers.of(self.lines, self.on_frontier(judged), expected, judged)

    def on_frontier(self, values: FloatArray) -> BoolArray:
        """(plans, lengths): which plans no other candidate dominates; of equal ones the first in plan order."""
        one, other = self.rivals
        beaten = np.zeros(values.shape[1:], dtype=bool)
        if not len(one):
            return ~beaten
        no_worse = np.ones((len(one), values.shape[2]), dtype=bool)
        better = np.broadcast_to((one < other)[:, None], no_worse.shape).copy()
        for metric in range(QOA + 1):
            loss = values[metric] if metric < QOA else 1.0 - values[metric]
            loss = rounded(np.where(np.isnan(loss), np.inf, loss))
            left, right = loss[one], loss[other]
            no_worse &= left <= right
            better |= left < right
        starts = np.flatnonzero(np.diff(other, prepend=-1))
        beaten[other[starts]] |= np.logical_or.reduceat(no_worse & better, starts, axis=0)
        return ~beaten


def find_candidates(lines: Lines) -> Candidates:
    """Those of ``lines`` that no other beats at every length."""
    points = np.concatenate([losses(figures) for figures in lines.judged])
    best = nondominated(points if lines.high > lines.low else points[: QOA + 1])
    keep = np.zeros(points.shape[1], dtype=bool)
    keep[best] = True
    doubtful = np.flatnonzero(lines.kinked & ~keep)
    for end in (0, 1):
        if not len(doubtful):
            break
        below = np.concatenate([losses(figures) for figures in lines.below(end)[:, :, doubtful]])
        doubtful = doubtful[~_beaten(below, points[:, best])]
    keep[doubtful] = True
    found = lines.among(np.flatnonzero(keep))
    return Candidates(found, _rivals(found))


def _rivals(lines: Lines) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of which the first may be no worse than the second on all metrics at one length.

    Where the difference of two lines changes sign, it does so at one length, which leaves an interval; the
    intervals of all metrics must meet. Latencies with kinks, and unknown figures, leave the whole range.
    """
    kinked = lines.kinked
    n = len(kinked)
    if lines.low == lines.high:  # all that is left is on the frontier
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    start, end = np.zeros((n, n)), np.ones((n, n))
    slack = 1e-6  # of the range: rounding must not lose a pair
    for metric in range(QOA + 1):
        figures = lines.judged[:, metric]
        loss = np.where(np.isnan(figures), np.inf, figures if metric < QOA else 1.0 - figures)
        with np.errstate(invalid="ignore", divide="ignore"):
            at_low = rounded(loss[0, :, None] - loss[0, None, :])
            at_high = rounded(loss[1, :, None] - loss[1, None, :])
            crossing = at_low / (at_low - at_high)
        scale = TOLERANCE * np.abs(loss).max(axis=0)[:, None]
        worse_low, worse_high = at_low > scale, at_high > scale
        rough = kinked[:, None] | kinked[None, :] if metric == LATENCY else np.zeros((n, n), dtype=bool)
        known = ~rough & np.isfinite(crossing)
        start = np.where(known & worse_low & ~worse_high, np.maximum(start, crossing - slack), start)
        end = np.where(known & ~worse_low & worse_high, np.minimum(end, crossing + slack), end)
        end = np.where(~rough & worse_low & worse_high, -1.0, end)
    one, other = np.nonzero((start <= end) & ~np.eye(n, dtype=bool))
    order = np.lexsort((one, other))
    return one[order], other[order]


def _beaten(points: FloatArray, by: FloatArray) -> BoolArray:
    """Which columns of ``points`` some column of ``by`` is nowhere larger than."""
    alive = np.arange(points.shape[1])
    for strong in by.T:
        if not len(alive):
            break
        alive = alive[~(points[:, alive] >= strong[:, None]).all(axis=0)]
    found = np.ones(points.shape[1], dtype=bool)
    found[alive] = False
    return found
