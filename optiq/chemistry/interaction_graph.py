"""The model interaction graph (section 3.2): which sets of models have to be looked at, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from optiq.chemistry.cost import CostOf, Floats, Masks
from optiq.errors import InputError

MOST_MODELS = 20
"""With 20 models there are a million sets, some seconds of work; every model more doubles both."""

Missing = Literal["covering", "undefined"]
MISSING: tuple[Missing, ...] = ("covering", "undefined")

UsedOf = Callable[[Masks], Masks]


def check_number(n: int) -> None:
    """:class:`~optiq.errors.InputError` for fewer than two models, or more than can be looked at."""
    if n < 2:
        raise InputError(f"chemistry of {n} model", "Chemistry is between models: give at least two.")
    if n > MOST_MODELS:
        raise InputError(
            f"{n} models have {1 << n:,} sets",
            f"Give at most {MOST_MODELS} models (--among), such as the best ones.",
        )


@dataclass(frozen=True, slots=True)
class InteractionGraph:
    """Sets of ``n`` models as nodes; a node's successors leave out one of its used models.

    ``nodes`` (2**n,) says which sets are in the graph, ``cost`` (2**n,) what each set costs by the graph, NaN
    where it does not say.
    """

    n: int
    nodes: npt.NDArray[np.bool_]
    cost: Floats

    @classmethod
    def build(
        cls, n: int, cost: CostOf, used: UsedOf | None = None, missing: Missing = "covering"
    ) -> InteractionGraph:
        """Build the graph from the full set down.

        Parameters
        ----------
        n
            Number of models, 2 to :data:`MOST_MODELS`.
        cost, used
            Cost, and members that gave an answer, of sets given as masks. Without ``used``, all members did.
        missing
            What a set outside the graph costs: as much as the smallest node that contains it (``covering``:
            what that node has more was not used), or nothing is known (``undefined``: the set is passed over).

        Raises
        ------
        InputError
            for too few or too many models.
        """
        check_number(n)
        if missing not in MISSING:
            raise InputError(
                f"sets outside the graph cannot be {missing!r}", f"Choose {' or '.join(MISSING)}."
            )
        nodes = _nodes(n, used or (lambda masks: masks))
        masks = np.arange(1 << n)
        if missing == "undefined":
            found = np.full(1 << n, np.nan)
            found[nodes] = cost(masks[nodes])
        else:
            found = cost(_smallest_nodes(n, nodes))
        return cls(n, nodes, found)


def _nodes(n: int, used: UsedOf) -> npt.NDArray[np.bool_]:
    nodes = np.zeros(1 << n, dtype=np.bool_)
    level = np.array([(1 << n) - 1])
    while level.size:
        nodes[level] = True
        members = used(level) & level
        below = [(level & ~np.int64(1 << i))[(members >> i) & 1 == 1] for i in range(n)]
        level = np.unique(np.concatenate(below))
    return nodes


def _smallest_nodes(n: int, nodes: npt.NDArray[np.bool_]) -> Masks:
    """For every set the node that contains it with the fewest members; the lowest mask among several."""
    masks = np.arange(1 << n)
    sizes = np.bitwise_count(masks).astype(np.int64)
    never = np.int64(n + 1) << n
    best = np.where(nodes, (sizes << n) | masks, never)
    for i in range(n):  # the least over all supersets, one member at a time
        pairs = best.reshape(-1, 2, 1 << i)  # [without i, with i]
        np.minimum(pairs[:, 0], pairs[:, 1], out=pairs[:, 0])
    return best & ((1 << n) - 1)
