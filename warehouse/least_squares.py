"""Least squares of few columns whose coefficients are none below 0, such as what a call takes by its tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORST_CONDITION = 1e8
_WORTH = 1e-9
"""A share of what is explained that another column must add."""


def nonnegative_least_squares(products: NDArray[np.float64], sums: NDArray[np.float64]) -> tuple[float, ...]:
    """The coefficients, none below 0, of a least-squares problem of few columns X with the target 1, from its
    ``products`` XᵀX and ``sums`` Xᵀ1.

    The best of those that use some of the columns and leave out the others; of equal ones that of the later columns.
    """
    scale = 1 / np.sqrt(np.diagonal(products))
    gram, right = products * np.outer(scale, scale), sums * scale
    n = len(right)
    best, least = np.zeros(n), 0.0
    for chosen in sorted(range(1, 2**n), key=lambda bits: (bits.bit_count(), -bits)):
        columns = [column for column in range(n) if chosen >> column & 1]
        part = gram[np.ix_(columns, columns)]
        if np.linalg.cond(part) > _WORST_CONDITION:
            continue
        found = np.linalg.solve(part, right[columns])
        left = float(found @ part @ found - 2 * found @ right[columns])
        if found.min() >= 0 and left < least - _WORTH * abs(least):
            best, least = np.zeros(n), left
            best[columns] = found
    return tuple((best * scale).tolist())
