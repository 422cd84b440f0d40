"""Every canonical topology with k nodes, made by adding one source to those with k − 1.

A single-sink DAG stays one when a source is taken away, so each is some smaller one plus a source that
feeds a non-empty set of its nodes. All such candidates of a size are canonicalised together: partial
numberings grow by one node per step, and those whose first matrix row falls behind are dropped at once (the
first row holds the most significant bits). Interchangeable nodes are placed in one order only.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from optiq.errors import InputError
from optiq.plans.topology import MAX_OPERATIONS, bit_weights

IntArray = NDArray[np.int64]
MaskArray = NDArray[np.uint8]


def check_operations(k: int) -> int:
    """``k`` if plans of that size are supported; :class:`InputError` otherwise."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InputError(f"the number of operations is {k!r}", "Give a whole number from 1 up.")
    if k > MAX_OPERATIONS:
        raise InputError(
            f"{k} operations are larger than supported", f"Plans have at most {MAX_OPERATIONS} operations."
        )
    return int(k)


@cache
def connectivity_maps(k: int) -> IntArray:
    """The connectivity maps of all canonical single-sink topologies with ``k`` nodes, ascending."""
    check_operations(k)
    if k == 1:
        maps = np.zeros(1, dtype=np.int64)
    else:
        maps = np.unique(canonical_maps(_with_new_source(k, connectivity_maps(k - 1))))
    maps.setflags(write=False)
    return maps


def predecessor_masks(k: int, maps: IntArray) -> MaskArray:
    """Shape (n, k): bit i of entry (g, v) says that node i feeds node v in graph g."""
    masks = np.zeros((len(maps), k), dtype=np.uint8)
    for i, row in enumerate(bit_weights(k)):
        for j, weight in enumerate(row):
            if weight:
                masks[:, j] |= ((maps & weight) != 0).astype(np.uint8) << i
    return masks


def _with_new_source(k: int, smaller: IntArray) -> MaskArray:
    """Predecessor masks of every topology in ``smaller`` with a new node 0 that feeds any non-empty set."""
    fed = np.arange(1, 1 << (k - 1))
    old = predecessor_masks(k - 1, smaller) << 1
    masks = np.zeros((len(smaller), len(fed), k), dtype=np.uint8)
    for v in range(k - 1):
        masks[:, :, v + 1] = old[:, None, v] | (fed >> v & 1).astype(np.uint8)
    return masks.reshape(-1, k)


def canonical_maps(predecessors: MaskArray) -> IntArray:
    """The connectivity map of each graph in ``predecessors`` (shape (n, k); node k − 1 is the only sink)."""
    n, k = predecessors.shape
    waits_for = predecessors | _lower_twins(predecessors)
    weights = np.array(bit_weights(k), dtype=np.int32)
    first_row = int(weights[0].sum())
    graph = np.arange(n)
    placed = np.zeros(n, dtype=np.uint8)
    value = np.zeros(n, dtype=np.int32)
    order: list[MaskArray] = []
    for position in range(k):
        nodes = range(k - 1) if position < k - 1 else [k - 1]
        parents, chosen = [], []
        for v in nodes:
            free = ((waits_for[graph, v] & ~placed) == 0) & ((placed >> v & 1) == 0)
            parents.append(np.flatnonzero(free))
            chosen.append(np.full(len(parents[-1]), v, dtype=np.uint8))
        parent, node = np.concatenate(parents), np.concatenate(chosen)
        graph, placed, order = graph[parent], placed[parent], [column[parent] for column in order]
        before = predecessors[graph, node]
        value = value[parent]
        for earlier, column in enumerate(order):
            value = value + (before >> column & 1) * weights[earlier, position]
        order.append(node)
        placed = placed | np.left_shift(1, node, dtype=np.uint8)
        # every beginning can be completed, so only those with the best first row so far may stay
        leading = value if position == k - 1 else value & first_row
        best = np.full(n, -1, dtype=np.int32)
        np.maximum.at(best, graph, leading)
        keep = leading == best[graph]
        graph, placed, value = graph[keep], placed[keep], value[keep]
        order = [column[keep] for column in order]
    found = np.zeros(n, dtype=np.int64)
    found[graph] = value
    return found


def _lower_twins(predecessors: MaskArray) -> MaskArray:
    """Per graph and node the mask of lower nodes with the same predecessors and the same successors."""
    k = predecessors.shape[1]
    successors = np.zeros_like(predecessors)
    for v in range(k):
        for u in range(v):
            successors[:, u] |= (predecessors[:, v] >> u & 1) << v
    twins = np.zeros_like(predecessors)
    for v in range(k):
        for u in range(v):
            same = (predecessors[:, u] == predecessors[:, v]) & (successors[:, u] == successors[:, v])
            twins[:, v] |= same.astype(np.uint8) << u
    return twins


PLAN_POLYNOMIALS: dict[int, tuple[int, ...]] = {
    1: (1, 1),
    2: (1, 0, 1),
    3: (2, 1, 3, 2),
    4: (6, 5, 39, 46, 6),
    5: (24, 74, 1139, 2002, 697, 24),
    6: (120, 2954, 88865, 195830, 100915, 12236, 120),
    7: (720, 293724, 18744496, 46111875, 28626355, 5399841, 255709, 720),
}
"""k → (d, c₁, …, c_k): there are (c₁·n + c₂·n² + …) / d plans of k operations over n base models and a blender.

Burnside: over all topologies and their automorphisms, n to the number of cycles on the nodes that may carry any base
model. A test counts them anew.
"""


def count_plans(k: int, base_models: int, blender: bool = True) -> int:
    """Plans with exactly ``k`` operations, isomorphic ones once."""
    check_operations(k)
    if not blender:
        return base_models**k  # only the chain has no blend
    divisor, *coefficients = PLAN_POLYNOMIALS[k]
    return sum(c * base_models**power for power, c in enumerate(coefficients, start=1)) // divisor
