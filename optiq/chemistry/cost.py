"""What a set of models costs: the ranked penalties of their answers (equation 1), for all subsets at once.

A set is a bit mask: bit i stands for the i-th profile. Two things the paper leaves open are decided here.

* **What orders the ranks.** Answers rank by quality (``order="quality"``), or by penalty (``order="penalty"``). Each
  rank is the one before it plus the distance to the next better answer of the set, in grades, 1 at most: equal answers
  share a rank, a grade apart is a whole rank, and what is nearly equal nearly shares it. Otherwise 8 and 8.001 would
  interact as 8 and 9 do, and theorem 1 (identical profiles have no chemistry) would have no limit.
* **Nothing costs nothing**: equation 1 sums over no answers. ``empty`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from optiq.chemistry.profiles import HIGHEST_GRADE, Profile
from optiq.errors import InputError

Masks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Order = Literal["quality", "penalty"]
CostOf = Callable[[Masks], Floats]

ORDERS: tuple[Order, ...] = ("quality", "penalty")
_A_RANK: dict[Order, float] = {"quality": 1.0, "penalty": 0.1}
"""How far apart answers are that are a whole rank apart: a grade of ten, a tenth of the penalty."""


def answers_cost(answers: Sequence[Profile], order: Order = "quality") -> float:
    """Cost of all ``answers`` together (equation 1)."""
    return float(cost_function(answers, order)(np.array([(1 << len(answers)) - 1]))[0])


def cost_function(profiles: Sequence[Profile], order: Order = "quality", *, empty: float = 0.0) -> CostOf:
    """The cost of any sets of ``profiles``, given as masks of any shape."""
    quality = np.array([[one.quality for one in profiles]])
    accuracy = np.array([[one.accuracy for one in profiles]])

    def cost(masks: Masks) -> Floats:
        masks = np.asarray(masks, dtype=np.int64)
        total = cost_of_sets(quality, accuracy, masks.ravel(), order)[0].reshape(masks.shape)
        return np.where(masks == 0, empty, total)

    return cost


def cost_of_sets(quality: Floats, accuracy: Floats, masks: Masks, order: Order = "quality") -> Floats:
    """The cost of each set in each trial, (trials, sets).

    Parameters
    ----------
    quality, accuracy
        (trials, models), 0 to 10 and 0 to 1.
    masks
        (sets,).

    Raises
    ------
    InputError
        for an order that there is not.
    """
    if order not in ORDERS:
        raise InputError(f"answers cannot be ordered by {order!r}", f"Order them by {' or '.join(ORDERS)}.")
    penalty = (1 - quality / HIGHEST_GRADE) * (1 - accuracy)
    key = quality if order == "quality" else -penalty
    places = np.argsort(-key, axis=1, kind="stable")
    shape = (len(quality), len(masks))
    total, rank, last = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    for place in places.T:  # each trial's best first
        present = (masks >> place[:, None]) & 1 == 1
        own = np.take_along_axis(key, place[:, None], 1)
        step = np.minimum((last - own) / _A_RANK[order], 1.0)
        rank += np.where(present, step, 0.0)  # the first is infinitely far behind nobody: rank 1
        np.divide(np.take_along_axis(penalty, place[:, None], 1), rank, out=step, where=present)
        total += np.where(present, step, 0.0)
        last = np.where(present, own, last)
    return total
