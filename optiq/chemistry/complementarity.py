"""How well the members of an ensemble cover accuracy and quality, and how different they are (section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from optiq.chemistry.profiles import HIGHEST_GRADE, Profile

Floats = npt.NDArray[np.float64]

LAMBDA = 0.5
"""Weight of coverage against difference in the index."""


def points(profiles: Sequence[Profile]) -> Floats:
    """Quality (0 to 1) and accuracy of each profile, of shape (n, 2)."""
    return np.array([[one.quality / HIGHEST_GRADE, one.accuracy] for one in profiles]).reshape(-1, 2)


def hypervolume(members: npt.ArrayLike) -> float:
    """Share of the unit square that at least one member covers (S-metric, reference point 0, 0).

    Source: Zitzler and Thiele (2002). ``members`` has the shape (n, 2).
    """
    table = np.asarray(members, dtype=np.float64).reshape(-1, 2)
    order = table[np.argsort(-table[:, 0], kind="stable")]
    heights = np.maximum.accumulate(order[:, 1])
    widths = order[:, 0] - np.append(order[1:, 0], 0.0)
    return float((heights * widths).sum())


def quadratic_entropy(members: npt.ArrayLike) -> float:
    """Mean distance of two members drawn at random, 0 to below 1 (Rao 1982), equal weights.

    Distances are Euclidean in the unit square, divided by its diagonal.
    """
    table = np.asarray(members, dtype=np.float64).reshape(-1, 2)
    if len(table) == 0:
        return 0.0
    apart = np.sqrt(((table[:, None] - table[None]) ** 2).sum(-1)) / np.sqrt(2)
    return float(apart.mean())


def index(members: npt.ArrayLike, weight: float = LAMBDA) -> float:
    """Complementarity index: coverage and difference, ``weight`` on coverage."""
    return weight * hypervolume(members) + (1 - weight) * quadratic_entropy(members)


def gain_map(members: npt.ArrayLike, steps: int = 50, weight: float = LAMBDA) -> tuple[Floats, Floats]:
    """What a new member would add to the index, by its quality and accuracy (chemistry maps, appendix A.4).

    Returns the ``steps`` values of either axis (cell centres) and the gains, of shape (steps, steps): row by
    accuracy, column by quality.
    """
    table = np.asarray(members, dtype=np.float64).reshape(-1, 2)
    now = index(table, weight)
    axis = (np.arange(steps) + 0.5) / steps
    gains = np.array([[index(np.vstack([table, [q, a]]), weight) - now for q in axis] for a in axis])
    return axis, gains
