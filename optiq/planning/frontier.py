"""The non-dominated points of a set (Opti-Q, section 4.3): smaller is better in every column.

Figures that agree to 12 digits are ties: sums of the same costs in another order differ in the sixteenth
digit, and such noise must not put a plan on a frontier. What is not known (NaN) is worse than anything
known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.estimates import Confidence, Estimate
from optiq.estimation.looks import SAME, Factors

if TYPE_CHECKING:
    from optiq.planning.lines import Lines

FloatArray = NDArray[np.float64]

SAMPLE = 128
"""Points that are compared with each other to find strong ones, by which all are thinned out first."""

STRONG, WORTH = 3, 0.08
"""Strong points taken from one sample at most, and the share of it that each must dominate anew."""

SMALL = 512
"""Points up to which a filter written here is faster than importing a general one."""

_DROPPED_BITS = 12  # of 52: leaves 40, which is 12 decimal digits


@dataclass(frozen=True)
class Frontiers:
    """The frontiers of some questions, as arrays that plans are chosen from; plans in plan order."""

    lines: Lines
    """The plans."""
    on: NDArray[np.bool_]
    """(questions, plans): which plans are on a question's frontier."""
    expected: FloatArray
    """(questions, plans, metrics): what is expected of them, in the order of METRICS."""
    judged: FloatArray
    """The same of the figures that they are judged by: with a confidence bounds."""
    confidence: Confidence | None = None

    @classmethod
    def of(cls, lines: Lines, on: NDArray[np.bool_], expected: FloatArray, judged: FloatArray) -> Frontiers:
        """From arrays with questions last: (plans, questions) and twice (metrics, plans, questions)."""
        ever = np.flatnonzero(on.any(axis=1))
        first, then = (
            np.ascontiguousarray(figures[:, ever].transpose(2, 1, 0)) for figures in (expected, judged)
        )
        return cls(lines.among(ever), on[ever].T, first, then, lines.task.confidence)

    def times(self, factors: Sequence[Factors]) -> Frontiers:
        """The same for questions that cost, take and burn so many times what is said here."""
        if all(one == SAME for one in factors):
            return self
        scale = np.array([(*one, 1.0) for one in factors])[:, None, :]
        judged = self.judged * scale
        expected = judged if self.confidence is None else self.expected * scale
        return replace(self, expected=expected, judged=judged)

    def estimate(self, question: int, plan: int) -> Estimate:
        """What a plan would cost and yield on a question."""
        figures, judged = self.expected[question, plan].tolist(), self.judged[question, plan].tolist()
        return Estimate.of(self.lines.plan(plan), figures, judged, self.confidence)

    def estimates(self, question: int, among: NDArray[np.bool_] | None = None) -> tuple[Estimate, ...]:
        """The frontier of one question, or those ``among`` (plans) it."""
        plans = np.flatnonzero(self.on[question] if among is None else among)
        return tuple(self.estimate(question, plan) for plan in plans.tolist())


def losses(values: FloatArray) -> FloatArray:
    """(metrics, n) with smaller better, from metrics (metrics, n): QoA as 1 − QoA, NaN as infinity, 12 digits."""
    found = np.ascontiguousarray(values, dtype=np.float64).copy()
    np.subtract(1.0, found[-1], out=found[-1])
    found[np.isnan(found)] = np.inf
    return rounded(found)


def rounded(values: FloatArray) -> FloatArray:
    """``values`` with 40 bits of mantissa, so that rounding noise compares equal."""
    bits = values.view(np.int64)
    half = np.int64(1 << (_DROPPED_BITS - 1))
    return ((bits + half) & ~np.int64((1 << _DROPPED_BITS) - 1)).view(np.float64)


def nondominated(points: FloatArray) -> NDArray[np.intp]:
    """Ascending positions of the points (columns of a (d, n) array) that no other dominates.

    A point dominates another if it is nowhere larger and somewhere smaller. Of equal points the first is
    kept.
    """
    left = np.arange(points.shape[1])
    while len(left) > SMALL:
        before = len(left)
        for point in _strong(points):
            stays = ~_no_smaller(points, point)
            # the strong point itself and its equals stay
            alike = np.flatnonzero(points[0] == point[0])
            stays[alike] |= (points[:, alike] == point[:, None]).all(axis=0)
            points, left = points[:, stays], left[stays]
        if len(left) > 0.8 * before:
            break
    if len(left) > SMALL:
        import moocore

        finite = np.nan_to_num(points.T, posinf=np.finfo(np.float64).max)
        return left[moocore.is_nondominated(finite)]
    return left[_few_nondominated(points)]


def _strong(points: FloatArray) -> list[FloatArray]:
    """A few points of a sample that together dominate most of it, the strongest first."""
    sample = points[:, :: max(1, points.shape[1] // SAMPLE)]
    dominates = _no_larger(sample)
    found = []
    for _ in range(STRONG):
        counts = dominates.sum(axis=1)
        strongest = int(counts.argmax())
        if counts[strongest] < WORTH * sample.shape[1]:
            break
        found.append(sample[:, strongest])
        dominates &= ~dominates[strongest]
    return found


def _few_nondominated(points: FloatArray) -> NDArray[np.intp]:
    """The filter for few points: compare all with all."""
    no_larger = _no_larger(points)
    worse = (no_larger & ~no_larger.T).any(axis=0)
    repeated = np.triu(no_larger & no_larger.T, k=1).any(axis=0)
    return np.flatnonzero(~worse & ~repeated)


def _no_larger(points: FloatArray) -> NDArray[np.bool_]:
    """(n, n): whether point i is nowhere larger than point j."""
    found = np.ones((points.shape[1],) * 2, dtype=bool)
    for row in points:
        found &= row[:, None] <= row
    return found


def _no_smaller(points: FloatArray, point: FloatArray) -> NDArray[np.bool_]:
    """Which points are nowhere smaller than ``point``: it, its equals and what it dominates."""
    found = points[0] >= point[0]
    for row, value in zip(points[1:], point[1:], strict=True):
        found &= row >= value
    return found
