"""Which record stands for which plan, for many plans at once (the look-up of section 4.2).

Instead of comparing every plan with every record, each record is spread over the model sequences within the
edit distance that the threshold leaves (at most 2 for the sizes supported), and over the topologies that
overlap enough. Of several records for one plan the most similar stays, then the one on more observations,
then the first in plan order, as in :meth:`optiq.estimation.catalog.Catalog.match`, to which a test holds
this equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.ingredients import Pool
from optiq.estimation.similarity import THRESHOLD, edge_overlap, score
from optiq.estimation.space import automorphic_strides
from optiq.estimation.spreading import spread
from optiq.plans.plan import Plan
from optiq.plans.topology import Topology

IntArray = NDArray[np.int64]
NO_MATCH: tuple[IntArray, IntArray, IntArray] = (np.zeros(0, np.int64),) * 3


class Records:
    """The records that know a metric, by topology, as sequences of model numbers, strongest first.

    ``fuzzy`` lets them stand for similar plans, too.
    """

    def __init__(self, plans: Sequence[Plan], known: Sequence[bool], pool: Pool, fuzzy: bool) -> None:
        self.pool = pool
        self.distances = range(3 if fuzzy else 1)
        self.threshold = THRESHOLD if fuzzy else 1 - 1e-9
        self.foreign = len(pool.names)
        """The number of any model outside the pool: it never matches, but may be edited away."""
        number = {name: i for i, name in enumerate(pool.names)}
        by_topology: dict[tuple[int, int], list[tuple[int, list[int]]]] = {}
        for index, (plan, ok) in enumerate(zip(plans, known, strict=True)):
            if ok and plan.k > 1:
                models = [number.get(name, self.foreign) for name in plan.models]
                by_topology.setdefault((plan.k, plan.connectivity_map), []).append((index, models))
        self.by_size: dict[int, dict[int, tuple[IntArray, IntArray]]] = {}
        """k → connectivity map → (record indices, model numbers (records, k))."""
        for (k, number_of_map), rows in sorted(by_topology.items()):
            indices = np.array([index for index, _ in rows], dtype=np.int64)
            sequences = np.array([sequence for _, sequence in rows], dtype=np.int64)
            self.by_size.setdefault(k, {})[number_of_map] = indices, sequences
        self._near: dict[tuple[int, int, int], tuple[IntArray, IntArray]] = {}

    def match(self, shapes: Sequence[Topology]) -> tuple[IntArray, IntArray, IntArray]:
        """For topologies of one size: (position in ``shapes``, code of base models, record) of every match.

        The code reads the free nodes' base models as digits. Assignments that are automorphic have a row
        each.
        """
        k = shapes[0].k
        rows = [
            self._candidates(shapes, number, distance)
            for number in self.by_size.get(k, {})
            for distance in self.distances
        ]
        found = [row for row in rows if row is not None]
        if not found:
            return NO_MATCH
        where, codes, rank, index = (np.concatenate(column) for column in zip(*found, strict=True))
        # the most similar first; the records are in the order in which equals win
        strength = rank * (int(index.max()) + 1) + index
        span = int(codes.max()) + 1
        first = _first_of_each(where * span + codes, strength)
        return self._with_automorphic(shapes, where[first], codes[first], index[first])

    def _candidates(
        self, shapes: Sequence[Topology], number: int, distance: int
    ) -> tuple[IntArray, IntArray, IntArray, IntArray] | None:
        """Plans on ``shapes`` within edit ``distance`` of the records on topology ``number``."""
        k = shapes[0].k
        maps = [shape.connectivity_map for shape in shapes]
        overlap = np.array([edge_overlap(k, number, one) for one in maps])
        values, value_of = np.unique(overlap, return_inverse=True)
        likeness = np.array([score(float(value), distance, k) for value in values])[value_of]
        close = np.flatnonzero(likeness >= self.threshold)
        if not len(close):
            return None
        sequences, index = self._neighbours(k, number, distance)
        base, can_blend, can_base = self._readings(sequences)
        every = (1 << k) - 1
        must_blend = np.array([sum(1 << v for v in range(k) if shapes[i].blends[v]) for i in close.tolist()])
        where_parts, code_parts, index_parts = [], [], []
        # topologies that blend at the same nodes fit the same sequences
        for blends in np.unique(must_blend).tolist():
            rows = np.flatnonzero(((blends & ~can_blend) == 0) & (((every ^ blends) & ~can_base) == 0))
            free = [v for v in range(k) if not blends >> v & 1]
            powers = len(self.pool.models) ** np.arange(len(free) - 1, -1, -1)
            codes = base[rows][:, free] @ powers
            alike = close[must_blend == blends]
            where_parts.append(np.repeat(alike, len(rows)))
            code_parts.append(np.tile(codes, len(alike)))
            index_parts.append(np.tile(index[rows], len(alike)))
        where = np.concatenate(where_parts)
        if not len(where):
            return None
        # one whole number that sorts like falling similarity
        rank = np.round((1 - likeness) * 1e9).astype(np.int64)[where]
        return where, np.concatenate(code_parts), rank, np.concatenate(index_parts)

    def _readings(self, sequences: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Base model numbers per node (0 for none), and bit masks of where blender and bases stand."""
        base_of = np.full(self.foreign + 1, -1)
        base_of[self.pool.of_base] = np.arange(len(self.pool.models))
        base = base_of[sequences]
        bits = 1 << np.arange(sequences.shape[1])
        blends = (sequences == self.pool.blender_number) @ bits
        return np.maximum(base, 0), blends, (base >= 0) @ bits

    def _neighbours(self, k: int, number: int, distance: int) -> tuple[IntArray, IntArray]:
        """Sequences of pool models within ``distance`` edits of a record, each with its best record.

        A sequence that is closer than ``distance`` may be among them: it is found there, too, and wins there.
        The last model stays.
        """
        key = k, number, distance
        if key not in self._near:
            index, models = self.by_size[k][number]
            near, origin = spread(models, self.foreign, distance)
            self._near[key] = near, index[origin]
        return self._near[key]

    def _with_automorphic(
        self, shapes: Sequence[Topology], where: IntArray, codes: IntArray, index: IntArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Drop assignments that are not canonical, then add the automorphic images of the rest."""
        n = len(self.pool.models)
        parts = []
        starts = np.searchsorted(where, np.arange(len(shapes) + 1))
        symmetric = np.zeros(len(where), dtype=bool)
        for i, shape in enumerate(shapes):
            rows = slice(starts[i], starts[i + 1])
            if starts[i] == starts[i + 1] or len(shape.automorphisms) == 1:
                continue
            symmetric[rows] = True
            n_free = len(shape.free_nodes)
            powers = n ** np.arange(n_free - 1, -1, -1)
            digits = codes[rows, None] // powers % n
            images = np.stack([digits @ strides for strides in automorphic_strides(shape, n)], axis=1)
            canonical = (images >= codes[rows, None]).all(axis=1)
            every = np.concatenate([codes[rows, None], images], axis=1)[canonical]
            records = np.repeat(index[rows][canonical], every.shape[1])
            unique, first = np.unique(every.ravel(), return_index=True)
            parts.append((np.full(len(unique), i), unique, records[first]))
        plain = ~symmetric
        parts.append((where[plain], codes[plain], index[plain]))
        where, codes, index = (np.concatenate(column) for column in zip(*parts, strict=True))
        return where, codes, index


def _first_of_each(codes: IntArray, rank: IntArray) -> IntArray:
    """Per distinct code the position of its lowest rank, by ascending code."""
    order = np.argsort(rank, kind="stable")
    order = order[np.argsort(codes[order], kind="stable")]
    return order[np.flatnonzero(np.diff(codes[order], prepend=-1))]
