"""ChemE (algorithm 1): how much the benefit of a model depends on another one's presence, for all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optiq.chemistry.cost import Floats, Order, cost_function
from optiq.chemistry.interaction_graph import InteractionGraph, Missing
from optiq.chemistry.profiles import Profile

USED_FROM = 0.5
"""Least accuracy of a model whose answer counts as used (figure 1)."""
_NOTHING = 1e-12


def chemistry(
    profiles: Sequence[Profile],
    *,
    order: Order = "quality",
    missing: Missing = "covering",
    used_from: float = USED_FROM,
) -> Floats:
    """Chemistry of all pairs of ``profiles`` on one question: symmetric, of shape (n, n), 0 on the diagonal.

    A model below ``used_from`` is not used: its answer costs nothing, and it has no chemistry with anyone.
    ``order`` and ``missing`` are the readings of :mod:`~optiq.chemistry.cost` and
    :mod:`~optiq.chemistry.interaction_graph`.

    Raises
    ------
    InputError
        for fewer than 2 or more than 20 models.
    """
    usable = sum(1 << i for i, one in enumerate(profiles) if one.accuracy >= used_from)
    price = cost_function(profiles, order)
    graph = InteractionGraph.build(
        len(profiles), lambda sets: price(sets & usable), lambda sets: sets & usable, missing
    )
    return chem_e(graph)


def chem_e(graph: InteractionGraph) -> Floats:
    """Chemistry of all pairs of the graph's models (equation 2), of shape (n, n).

    Where a denominator is 0, all answers of that set are perfect, so that there is nothing to gain: such a set
    counts as no interaction. Sets of unknown cost are passed over; a pair with no known set is NaN.
    """
    n = graph.n
    found = np.zeros((n, n))
    for a in range(n):
        for b in range(a + 1, n):
            # Axes: members above b, b, members between, a, members below a.
            cube = graph.cost.reshape(1 << (n - 1 - b), 2, 1 << (b - 1 - a), 2, 1 << a)
            neither, only_a = cube[:, 0, :, 0], cube[:, 0, :, 1]
            only_b, both = cube[:, 1, :, 0], cube[:, 1, :, 1]
            change = np.abs((neither - only_a) - (only_b - both))
            known = ~np.isnan(change)
            weighty = known & (both > _NOTHING)
            ratio = np.divide(change, both, out=np.zeros_like(change), where=weighty)
            found[a, b] = found[b, a] = ratio.max(initial=0.0) if known.any() else np.nan
    return found
