"""What trying a plan is worth: how much better the choice of plans is expected to be afterwards.

Trying an arm moves the means of all arms of all topics, as far as they vary together. On each topic there is a
favourite, the plan that would be chosen now. A rival is expected to gain what
:func:`~optiq.statistics.normal.gain_of_overtaking` says: the knowledge gradient of two plans. The value of trying
an arm is the sum over rivals and topics. It is above the exact knowledge gradient of all plans, which a few close
rivals of one favourite share; in exchange it keeps trying while rivals are still near, where the exact one stops early.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.statistics.normal import gain_of_overtaking

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


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
