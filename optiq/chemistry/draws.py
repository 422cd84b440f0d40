"""Chemistry of many draws of the same models at once, for intervals: the same figures as ChemE, in bulk.

With every answer at its rank, the cost of a set is linear in the penalties (property 2): a table of rank weights
times the penalties gives all sets of all draws. The table depends only on which answers share a rank, so that
draws without ties share one. Models that are not used stand behind all others and cost nothing, which is what
covering nodes of the interaction graph come to.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from optiq.chemistry.chem_e import USED_FROM
from optiq.chemistry.cost import ORDERS, Floats, Order
from optiq.chemistry.profiles import HIGHEST_GRADE
from optiq.errors import InputError

_NOTHING = 1e-12
_MOST_CELLS = 1 << 21


def chemistry_of_draws(
    quality: Floats,
    accuracy: Floats,
    *,
    order: Order = "quality",
    used_from: float = USED_FROM,
    tolerance: float = 0.0,
) -> Floats:
    """Chemistry of all pairs in every draw, of shape (draws, n, n), as :func:`~optiq.chemistry.chem_e.chemistry`.

    ``quality`` (0 to 10) and ``accuracy`` (0 to 1) have the shape (draws, n).

    Raises
    ------
    InputError
        for an order that there is not.
    """
    if order not in ORDERS:
        raise InputError(f"answers cannot be ordered by {order!r}", f"Order them by {' or '.join(ORDERS)}.")
    draws, n = quality.shape
    used = accuracy >= used_from
    penalty = np.where(used, (1 - quality / HIGHEST_GRADE) * (1 - accuracy), 0.0)
    keys = (accuracy, quality) if order == "quality" else (-penalty,)
    # The best first, unused ones last; equal answers in the order of the models.
    places = np.lexsort((*(-key for key in keys), ~used), axis=1)
    ranked = np.take_along_axis(penalty, places, 1)
    found = np.zeros((draws, n, n))
    groups: dict[tuple[int, ...], list[int]] = {}
    for draw, row in enumerate(_rank_groups(keys, places, tolerance).tolist()):
        groups.setdefault(tuple(row), []).append(draw)
    step = max(_MOST_CELLS >> n, 1)
    for group, members in groups.items():
        for first in range(0, len(members), step):
            some = np.array(members[first : first + step])
            found[some] = _in_ranks(ranked[some] @ _weights(group).T, n)
    back = np.argsort(places, axis=1)
    return np.take_along_axis(np.take_along_axis(found, back[:, :, None], 1), back[:, None, :], 2)


def _rank_groups(keys: tuple[Floats, ...], places: np.ndarray, tolerance: float) -> np.ndarray:
    """Which ranked answers share a rank, (draws, n): each within ``tolerance`` of the first of its group."""
    ranked = [np.take_along_axis(key, places, 1) for key in keys]
    groups = np.zeros(places.shape, dtype=np.int64)
    first = [key[:, 0].copy() for key in ranked]
    for i in range(1, places.shape[1]):
        near = np.all(
            [np.abs(key[:, i] - start) <= tolerance for key, start in zip(ranked, first, strict=True)], axis=0
        )
        groups[:, i] = groups[:, i - 1] + ~near
        for key, start in zip(ranked, first, strict=True):
            start[~near] = key[~near, i]
    return groups


@lru_cache(maxsize=4)
def _weights(groups: tuple[int, ...]) -> Floats:
    """1 / rank of each answer in each set, (2**n, n), 0 where it is absent; answers in the order of ranks."""
    n = len(groups)
    present = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 == 1
    rank = np.zeros(1 << n)
    found = np.zeros((1 << n, n))
    for group in range(groups[-1] + 1):
        members = [i for i in range(n) if groups[i] == group]
        rank += present[:, members].any(1)
        for i in members:
            np.divide(1.0, rank, out=found[:, i], where=present[:, i])
    return found


def _in_ranks(cost: Floats, n: int) -> Floats:
    """Equation 2 on the costs of all sets, (draws, 2**n), as :func:`~optiq.chemistry.chem_e.chem_e` has it."""
    found = np.zeros((len(cost), n, n))
    for a in range(n):
        for b in range(a + 1, n):
            cube = cost.reshape(len(cost), 1 << (n - 1 - b), 2, 1 << (b - 1 - a), 2, 1 << a)
            both = cube[:, :, 1, :, 1]
            change = np.abs(cube[:, :, 0, :, 0] - cube[:, :, 0, :, 1] - cube[:, :, 1, :, 0] + both)
            ratio = np.divide(change, both, out=np.zeros_like(change), where=both > _NOTHING)
            found[:, a, b] = found[:, b, a] = ratio.reshape(len(cost), -1).max(1)
    return found
