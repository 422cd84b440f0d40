"""Plans of any topologies as arrays, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.composition import Rule
from optiq.estimation.ingredients import Pool
from optiq.plans.plan import Plan
from optiq.plans.topology import MAX_OPERATIONS, Topology

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

WIDTH = MAX_OPERATIONS


@dataclass(frozen=True)
class Wiring:
    """A topology as padded arrays. First axis: the node; second: an earlier node.

    ``branches``: it reads that node. ``extra``: how often too many that ancestor is in its branches.
    ``shares``: that branch's weight in the blend. ``leaves``: that node is in its flattened fan-in.
    ``places``: where that node stands among the free nodes of its sub-plan, from the last (0), or -1.
    """

    branches: BoolArray
    extra: FloatArray
    shares: FloatArray
    leaves: BoolArray
    places: IntArray


@lru_cache(maxsize=1 << 16)
def wiring(shape: Topology) -> Wiring:
    """The arrays of a topology."""
    square = (WIDTH, WIDTH)
    branches, leaves = np.zeros(square, dtype=bool), np.zeros(square, dtype=bool)
    extra, shares = np.zeros(square), np.zeros(square)
    places = np.full(square, -1, dtype=np.int64)
    for v in range(shape.k):
        before = list(shape.predecessors[v])
        branches[v, before] = True
        for ancestor, times in shape.shared[v]:
            extra[v, ancestor] = times
        part, nodes = shape.parts[v]
        for i, free in enumerate(reversed(part.free_nodes)):
            places[v, nodes[free]] = i
        if shape.blends[v]:
            weights = np.array([len(shape.leaves[u]) for u in before])
            shares[v, before] = weights / weights.sum()
            leaves[v, list(shape.leaves[v])] = True
    return Wiring(branches, extra, shares, leaves, places)


@dataclass(frozen=True)
class PlanList:
    """Plans as arrays: ``shapes[which[p]]`` is the topology of plan p, ``digits`` (plans, 7) its base models.

    Blend nodes, and nodes that a plan does not have, have the digit 0.
    """

    shapes: tuple[Topology, ...]
    which: IntArray
    digits: IntArray

    @classmethod
    def of(cls, plans: Sequence[Plan], pool: Pool) -> PlanList:
        """The arrays of ``plans``, whose models are all in ``pool``."""
        number = {name: i for i, name in enumerate(pool.models)}
        index: dict[Topology, int] = {}
        digits = np.zeros((len(plans), WIDTH), dtype=np.int64)
        which = np.zeros(len(plans), dtype=np.int64)
        for p, plan in enumerate(plans):
            shape = plan.topology
            which[p] = index.setdefault(shape, len(index))
            for v in shape.free_nodes:
                digits[p, v] = number[plan.models[v]]
        return cls(tuple(index), which, digits)

    def shifts(self, pool: Pool, by_name: FloatArray, rule: Rule) -> FloatArray:
        """(plans): by how much each moves where models move by ``by_name`` (:mod:`optiq.estimation.shifts`)."""
        wirings = [wiring(shape) for shape in self.shapes]
        branches = np.stack([w.branches for w in wirings])[self.which]
        shares = np.stack([w.shares for w in wirings])[self.which]
        fan_in = branches.sum(axis=2)
        own = by_name[np.where(fan_in > 1, pool.blender_number, pool.of_base[self.digits])]
        found = own.copy()
        for v in range(1, WIDTH):
            blends = fan_in[:, v] > 1
            weights = np.where(blends[:, None], shares[:, v], branches[:, v])
            share = np.where(blends, rule.blend[0], np.where(fan_in[:, v] > 0, rule.chain[0], 0.0))
            found[:, v] = share * (found * weights).sum(axis=1) + (1 - share) * own[:, v]
        sinks = np.array([shape.k - 1 for shape in self.shapes])[self.which]
        return found[np.arange(len(found)), sinks]
