"""The non-dominated points of a set (Opti-Q, section 4.3): smaller is better in every column.

Figures that agree to 12 digits are ties: sums of the same costs in another order differ in the sixteenth
digit, and such noise must not put a plan on a frontier. What is not known (NaN) is worse than anything
known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SAMPLE = 128
"""Points that are compared with each other to find strong ones, by which all are thinned out first."""

STRONG, WORTH = 3, 0.08
"""Strong points taken from one sample at most, and the share of it that each must dominate anew."""

SMALL = 512
"""Points up to which a filter written here is faster than importing a general one."""

_DROPPED_BITS = 12  # of 52: leaves 40, which is 12 decimal digits


def losses(values: FloatArray) -> FloatArray:
    """(4, n) with smaller better, from metrics (4, n): QoA as 1 − QoA, NaN as infinity, 12 digits."""
    found = np.ascontiguousarray(values, dtype=np.float64).copy()
    np.subtract(1.0, found[3], out=found[3])
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
