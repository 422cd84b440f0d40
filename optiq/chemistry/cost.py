"""What a set of models costs: the ranked penalties of their answers (equation 1), for all subsets at once.

A set is a bit mask: bit i stands for the i-th profile. Two things the paper leaves open are decided here.

* **What orders the ranks.** Answers rank by quality, then accuracy (``order="quality"``), or by penalty
  (``order="penalty"``). Equal answers share a rank, and ranks have no gaps: otherwise identical models would
  differ by their place in a list, and theorem 1 (identical profiles have no chemistry) would not hold. What
  differs by at most ``tolerance`` counts as equal; 0 but for rounding, unless asked for.
* **Nothing costs nothing**: equation 1 sums over no answers. ``empty`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from optiq.chemistry.profiles import Profile
from optiq.errors import InputError

Masks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Order = Literal["quality", "penalty"]
CostOf = Callable[[Masks], Floats]

ROUNDING = 1e-9
ORDERS: tuple[Order, ...] = ("quality", "penalty")


def answers_cost(answers: Sequence[Profile], order: Order = "quality") -> float:
    """Cost of all ``answers`` together (equation 1)."""
    return float(cost_function(answers, order)(np.array([(1 << len(answers)) - 1]))[0])


def cost_function(
    profiles: Sequence[Profile], order: Order = "quality", *, tolerance: float = ROUNDING, empty: float = 0.0
) -> CostOf:
    """The cost of any sets of ``profiles``, given as masks of any shape."""
    groups = _ranked(profiles, order, tolerance)

    def cost(masks: Masks) -> Floats:
        masks = np.asarray(masks, dtype=np.int64)
        total = np.zeros(masks.shape)
        rank = np.zeros(masks.shape)
        for members in groups:  # best first; a group shares a rank
            penalty = np.zeros(masks.shape)
            anyone = np.zeros(masks.shape, dtype=np.bool_)
            for i in members:
                present = (masks >> i) & 1
                penalty += present * profiles[i].penalty
                anyone |= present > 0
            rank += anyone
            total += np.divide(penalty, rank, out=np.zeros(masks.shape), where=anyone)
        return np.where(masks == 0, empty, total)

    return cost


def _ranked(profiles: Sequence[Profile], order: Order, tolerance: float) -> list[list[int]]:
    """Places of the profiles, best first, equal answers together."""
    if order not in ORDERS:
        raise InputError(f"answers cannot be ordered by {order!r}", f"Order them by {' or '.join(ORDERS)}.")

    def key(place: int) -> tuple[float, ...]:
        one = profiles[place]
        return (-one.quality, -one.accuracy) if order == "quality" else (one.penalty,)

    groups: list[list[int]] = []
    for place in sorted(range(len(profiles)), key=key):
        if groups and all(
            abs(own - first) <= tolerance for own, first in zip(key(place), key(groups[-1][0]), strict=True)
        ):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
