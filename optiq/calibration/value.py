"""What trying a plan is worth: how much better the choice of plans is expected to be afterwards.

Trying an arm moves the means of all arms of all topics, as far as they vary together. On each topic there is a
favourite, the plan that would be chosen now. A rival whose utility is Δ below it, and whose distance to it moves
by a normal amount with deviation s, gains E[max(0, s·Z − Δ)] = s·f(−Δ/s) with f(z) = φ(z) + z·Φ(z): the
knowledge gradient of two plans (Frazier, Powell, Dayanik 2009). The value of trying an arm is the sum over
rivals and topics. The sum is above the exact knowledge gradient of all plans, which a few close rivals of one
favourite share; in exchange it keeps trying while rivals are still near, where the exact one stops early.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_FAR = 9.0
_STEPS = 36_001
_LEAST = 1e-12


@lru_cache(maxsize=1)
def _table() -> tuple[FloatArray, FloatArray]:
    """f on a grid: a linear interpolation between its points is right to 1e-8."""
    grid = np.linspace(-_FAR, _FAR, _STEPS)
    below = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in grid.tolist()])
    gain = np.exp(-grid * grid / 2.0) / math.sqrt(2.0 * math.pi) + grid * below
    return grid, np.maximum(gain, 0.0)


def gain_of_overtaking(gap: FloatArray, deviation: FloatArray) -> FloatArray:
    """E[max(0, s·Z − Δ)] for the gap Δ ≥ 0 and the deviation s, of one shape, both in units of utility."""
    grid, gain = _table()
    least = np.maximum(deviation, _LEAST)
    found: FloatArray = least * np.interp(-gap / least, grid, gain)
    return found


def value_of_trying(
    utility: FloatArray, moves: tuple[FloatArray, ...], groups: list[IntArray], plausible: NDArray[np.bool_]
) -> FloatArray:
    """(tried arms): the gain in utility, summed over ``groups`` (the arms of each topic) and rivals.

    ``utility`` (arms) is what is expected of each. ``moves`` has one array (arms, tried arms) per uncertain
    figure: how far the utility of an arm moves, as a deviation with sign; figures move independently. Arms that
    are not ``plausible`` are neither favourite nor rival.
    """
    total = np.zeros(moves[0].shape[1])
    for group in groups:
        group = group[plausible[group]]
        if len(group) < 2:
            continue
        favourite = group[int(utility[group].argmax())]
        rivals = group[group != favourite]
        variance = sum((move[rivals] - move[favourite]) ** 2 for move in moves)
        gap = np.broadcast_to((utility[favourite] - utility[rivals])[:, None], (len(rivals), len(total)))
        total += gain_of_overtaking(gap, np.sqrt(variance)).sum(axis=0)
    return total
