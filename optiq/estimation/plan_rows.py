"""The plans of a list as rows, each sub-plan that they contain once: what searching planners estimate.

Sub-plans are told apart by the number of their topology and by the code of their assignment, their free nodes' base
models read as digits. They are ordered by size and by the rule of their last node; row 0 stands for a part that is not
there, so that blends of few branches and of many are worked on together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.matches import SPAN, Matches, topology_number
from optiq.estimation.pool import Pool
from optiq.estimation.rows import Chunk, FloatArray, IntArray, Matched, Places
from optiq.plans.plan import Plan
from optiq.plans.topology import MAX_OPERATIONS, Topology

WIDTH = MAX_OPERATIONS
NOBODY = WIDTH
"""The place of a node that is not there."""

SIZE, NUMBER, FAN_IN = range(3)
PLACES, BEFORE, SHARED, EXTRA, WEIGHTS, LEAVES = (slice(3 + WIDTH * i, 3 + WIDTH * (i + 1)) for i in range(6))
"""Columns of :func:`wiring`."""


@lru_cache(maxsize=1 << 16)
def wiring(shape: Topology) -> IntArray:
    """(nodes, columns): what a topology says of the sub-plan that ends at each node; 0 for nodes that it has not.

    Its size, the number of its topology, the predecessors of its last node; of each node of the whole: where it stands
    among the free nodes of the sub-plan, from the last (0), or -1; then, in order, the predecessors, the ancestors in
    several branches, how often too many these are there, the leaves under each predecessor; and which nodes are leaves.
    """
    found = np.zeros((WIDTH, 3 + 6 * WIDTH), dtype=np.int64)
    found[:, PLACES] = -1
    found[:, BEFORE] = found[:, SHARED] = NOBODY
    for v in range(shape.k):
        part, nodes = shape.parts[v]
        before, shared = shape.predecessors[v], shape.shared[v]
        row = found[v]
        row[[SIZE, NUMBER, FAN_IN]] = part.k, topology_number(part), len(before)
        row[PLACES][[nodes[free] for free in reversed(part.free_nodes)]] = np.arange(len(part.free_nodes))
        row[BEFORE][: len(before)] = before
        row[SHARED][: len(shared)] = [ancestor for ancestor, _ in shared]
        row[EXTRA][: len(shared)] = [extra for _, extra in shared]
        row[WEIGHTS][: len(before)] = [len(shape.leaves[u]) for u in before]
        row[LEAVES][list(shape.leaves[v])] = 1
    return found


class PlanRows:
    """A list of plans over ``n_models`` base models. See :class:`~optiq.estimation.rows.Rows`.

    ``shapes[which[p]]`` is the topology of plan p, ``digits`` (plans, 7) are its base models; blend nodes, and nodes
    that a plan has not, have the digit 0.
    """

    def __init__(self, shapes: Sequence[Topology], which: IntArray, digits: IntArray, n_models: int) -> None:
        self.n_models = n_models
        self.digits = digits
        wirings = np.stack([wiring(shape) for shape in shapes])
        places = wirings[:, :, PLACES]
        powers = np.where(places >= 0, n_models ** np.maximum(places, 0), 0)
        codes = (digits[:, None, :] * powers[which]).sum(axis=2)
        keys = wirings[which, :, NUMBER] * SPAN + codes
        plan, node = np.nonzero(wirings[which, :, SIZE])
        distinct, first, number = np.unique(keys[plan, node], return_index=True, return_inverse=True)
        self._plan, self._node = plan[first], node[first]
        self._wired = wirings[which[self._plan], self._node]
        rule = self._wired[:, SIZE] * 3 + np.minimum(self._wired[:, FAN_IN], 2)
        order = np.argsort(rule, kind="stable")
        row = np.empty(len(order), dtype=np.intp)
        row[order] = np.arange(1, len(order) + 1)
        self._row_of: Places = np.zeros((len(which), WIDTH + 1), dtype=np.intp)
        self._row_of[plan, node] = row[number]
        self._plan, self._node, self._wired = self._plan[order], self._node[order], self._wired[order]
        self._keys: IntArray = distinct[order]
        self._starts = np.flatnonzero(np.diff(rule[order], prepend=-1))
        sizes = self._wired[:, SIZE]
        self.n_rows = len(order) + 1
        self.n_inner = int(np.searchsorted(sizes, sizes.max(initial=0))) + 1
        last = (wirings[:, :, SIZE] > 0).sum(axis=1) - 1
        self.plan_rows: Places = self._row_of[np.arange(len(which)), last[which]]

    @classmethod
    def of(cls, plans: Sequence[Plan], pool: Pool) -> PlanRows:
        """The rows of ``plans``, whose models are all in ``pool``."""
        number = {name: i for i, name in enumerate(pool.models)}
        index: dict[Topology, int] = {}
        digits = np.zeros((len(plans), WIDTH), dtype=np.int64)
        which = np.zeros(len(plans), dtype=np.int64)
        for p, plan in enumerate(plans):
            shape = plan.topology
            which[p] = index.setdefault(shape, len(index))
            for v in shape.free_nodes:
                digits[p, v] = number[plan.models[v]]
        return cls(tuple(index), which, digits, len(pool.models))

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """One per size and rule."""
        return tuple(self._make_chunks())

    def _make_chunks(self) -> Iterator[Chunk]:
        for start, stop in zip(self._starts, [*self._starts[1:], len(self._wired)], strict=True):
            at = slice(start, stop)
            wired, plan = self._wired[at], self._plan[at, None]
            fan_in = int(wired[:, FAN_IN].max())
            n_shared = int((wired[:, EXTRA] > 0).sum(axis=1).max())
            weights = wired[:, WEIGHTS][:, :fan_in]
            blends = fan_in > 1
            yield Chunk(
                rows=slice(start + 1, stop + 1),
                branches=self._row_of[plan, wired[:, BEFORE][:, :fan_in]].T,
                shared=self._row_of[plan, wired[:, SHARED][:, :n_shared]].T,
                extra=wired[:, EXTRA][:, :n_shared].T.astype(np.float64),
                shares=(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)).T,
                last=np.zeros(0, dtype=np.int64) if blends else self.digits[self._plan[at], self._node[at]],
                leaves=self._leaves[1][at] if blends else np.zeros(0, dtype=np.int64),
            )

    @property
    def leaf_sets(self) -> tuple[tuple[int, ...], ...]:
        return self._leaves[0]

    @cached_property
    def _leaves(self) -> tuple[tuple[tuple[int, ...], ...], IntArray]:
        """The sets, and per row the number of its own."""
        blends = np.flatnonzero(self._wired[:, FAN_IN] > 1)
        number = np.zeros(len(self._wired), dtype=np.int64)
        if not len(blends):
            return (), number
        none = self.n_models
        leaves = np.where(self._wired[blends, LEAVES] > 0, self.digits[self._plan[blends]], none)
        leaves.sort(axis=1)
        codes = leaves @ (none + 1) ** np.arange(WIDTH)
        _, first, number[blends] = np.unique(codes, return_index=True, return_inverse=True)
        return tuple(tuple(m for m in row if m < none) for row in leaves[first].tolist()), number

    def matched(self, matches: Matches) -> Matched:
        # Without a flag NumPy loads its masked arrays, which takes longer than a small plan.
        numbers, _ = np.unique(self._wired[:, NUMBER], return_counts=True)
        hits, records = matches.of(self._keys, numbers)
        return hits + 1, records

    def classes(self) -> Iterator[tuple[slice | Places, int]]:
        blends = self._counts[1] > 0
        number = np.where(self._wired[:, SIZE] == 1, 0, np.where(blends, 2, 1))
        for one in range(3):
            yield np.flatnonzero(number == one) + 1, one

    def means(self, by_base: FloatArray, of_blender: float) -> FloatArray:
        free, n_blends = self._counts
        total = np.where(free, by_base[self.digits[self._plan]], 0.0).sum(axis=1) + n_blends * of_blender
        return np.concatenate([[0.0], total / self._wired[:, SIZE]])

    @cached_property
    def _counts(self) -> tuple[NDArray[np.bool_], IntArray]:
        """(rows, nodes): which free nodes of its plan are in a sub-plan; (rows): how many blends are."""
        free = self._wired[:, PLACES] >= 0
        return free, self._wired[:, SIZE] - free.sum(axis=1)
