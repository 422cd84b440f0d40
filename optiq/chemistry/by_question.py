"""Chemistry of models over many questions: who is right where, not how right each is on the whole.

Equation 1 prices the answers to one question. What a set of models costs over all of them is the mean of that; benefit
and chemistry (equation 2) follow from it. So two models that are equally good have chemistry if they are right on
different questions, and none if they are right on the same. For one question it is ChemE, whose interaction graph
comes to this: models that are not used cost nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optiq.chemistry.cost import Floats, Order, cost_of_sets

_NOTHING = 1e-12
_MOST_CELLS = 1 << 21


def chemistry_over_questions(
    quality: Floats,
    accuracy: Floats,
    weights: Floats | None = None,
    *,
    used: npt.NDArray[np.bool_],
    order: Order = "quality",
) -> Floats:
    """Chemistry of all pairs under every weighting of the questions, of shape (weightings, n, n).

    Parameters
    ----------
    quality, accuracy
        (questions, n), 0 to 10 and 0 to 1.
    weights
        (weightings, questions), such as how often draws have each question; default: all once.
    used
        (n,): models that are not used have no chemistry.
    """
    kept = np.flatnonzero(used)
    return chemistry_of_costs(mean_costs(quality[:, kept], accuracy[:, kept], weights, order), used)


def mean_costs(
    quality: Floats, accuracy: Floats, weights: Floats | None = None, order: Order = "quality"
) -> Floats:
    """What every set of the models costs in the mean of the weighted questions, of shape (weightings, 2**n)."""
    weights = np.ones((1, len(quality))) if weights is None else weights
    masks = np.arange(1 << quality.shape[1])
    cost = np.zeros((len(weights), len(masks)))
    step = max(_MOST_CELLS // len(masks), 1)
    for first in range(0, len(quality), step):
        some = slice(first, first + step)
        cost += weights[:, some] @ cost_of_sets(quality[some], accuracy[some], masks, order)
    return cost / np.maximum(weights.sum(axis=1, keepdims=True), _NOTHING)


def chemistry_of_costs(cost: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Chemistry of all pairs, (weightings, n, n), from what sets of the used models cost, (weightings, 2**used)."""
    kept = np.flatnonzero(used)
    found = np.zeros((len(cost), len(used), len(used)))
    found[np.ix_(np.arange(len(cost)), kept, kept)] = _of_costs(cost, len(kept))
    return found


def _of_costs(cost: Floats, n: int) -> Floats:
    """Equation 2 on the costs of all sets, (weightings, 2**n), as :func:`~optiq.chemistry.chem_e.chem_e` has it."""
    found = np.zeros((len(cost), n, n))
    for a in range(n):
        for b in range(a + 1, n):
            cube = cost.reshape(len(cost), 1 << (n - 1 - b), 2, 1 << (b - 1 - a), 2, 1 << a)
            both = cube[:, :, 1, :, 1]
            change = np.abs(cube[:, :, 0, :, 0] - cube[:, :, 0, :, 1] - cube[:, :, 1, :, 0] + both)
            ratio = np.divide(change, both, out=np.zeros_like(change), where=both > _NOTHING)
            found[:, a, b] = found[:, b, a] = ratio.reshape(len(cost), -1).max(1)
    return found
