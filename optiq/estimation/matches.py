"""Which record stands for which plan, for many plans at once (the look-up of section 4.2).

Instead of comparing every plan with every record, each record is spread over the model sequences within the
edit distance that the threshold leaves (at most 2 for the sizes supported), and over the topologies that
overlap enough. Of several records for one plan the most similar stays, then the one on more observations,
then the first in plan order, as in :meth:`optiq.estimation.catalog.Catalog.match`, to which a test holds
this equal.

Sequences that end alike are as far apart as they are without their ends, and only those are compared, so all edits
happen before the last place. Equal lengths leave few kinds of edits: at distance 1 one model replaced, at distance 2
two replaced, or one taken out and one put in elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.pool import Pool
from optiq.estimation.similarity import THRESHOLD, edge_overlap, score
from optiq.plans.plan import Plan
from optiq.plans.topology import Topology

IntArray = NDArray[np.int64]
NO_MATCH: tuple[IntArray, IntArray, IntArray] = (np.zeros(0, np.int64),) * 3

SPAN_BITS = 44
SPAN = 1 << SPAN_BITS
"""More than there are assignments of one topology: models ** 7 for pools up to 78, models ** 5 up to 445."""

DENSE_LIMIT = 1 << 20
"""Cells up to which all sequences are held in one array; beyond it only the reached ones are listed."""

_numbers: dict[Topology, int] = {}
_topologies: dict[int, Topology] = {}
_unused = count()


def topology_number(shape: Topology) -> int:
    """A number of its own for each topology, the same for as long as the process lives."""
    number = _numbers.setdefault(shape, next(_unused))  # two threads never share a number
    _topologies[number] = shape
    return number


class Matches:
    """Which record stands for which plan, learnt for topologies as they turn up.

    ``plans`` are those of records, strongest first, ``known`` which of them know the metric. ``similar`` lets them
    stand for similar plans, too.
    """

    def __init__(self, plans: Sequence[Plan], known: Sequence[bool], pool: Pool, similar: bool) -> None:
        self._records = Records(plans, known, pool, similar)
        self._learned: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._known: tuple[IntArray, IntArray] = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.placed: WeakKeyDictionary[Any, tuple[IntArray, IntArray]] = WeakKeyDictionary()
        """Per layout that is kept the rows for which a record stands, and which."""

    def of(self, keys: IntArray, numbers: IntArray) -> tuple[IntArray, IntArray]:
        """Where in ``keys`` a record stands, and which. A key is :data:`SPAN` · the number of a topology + a code.

        The code reads the free nodes' base models as digits; ``numbers`` are those of all topologies in ``keys``.
        """
        known, records = self.learned(numbers)
        if not len(known):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        hits = np.flatnonzero(known[at] == keys)
        return hits, records[at[hits]]

    def learned(self, numbers: IntArray) -> tuple[IntArray, IntArray]:
        """Keys, ascending, and records: all matches on the topologies ``numbers``, and on others known already."""
        highest = int(numbers.max(initial=-1))
        if highest >= len(self._learned):
            self._learned = np.concatenate([self._learned, np.zeros(highest + 1, dtype=bool)])
        new = numbers[~self._learned[numbers]]
        if len(new):
            pieces = [self._known, *self._found(new)]
            keys, records = (np.concatenate(column) for column in zip(*pieces, strict=True))
            order = np.argsort(keys, kind="stable")
            self._known = keys[order], records[order]
            self._learned[new] = True
        return self._known

    def _found(self, numbers: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        by_size: dict[int, list[tuple[int, Topology]]] = {}
        for number in numbers.tolist():
            by_size.setdefault(_topologies[number].k, []).append((number, _topologies[number]))
        for k, shapes in by_size.items():
            if k in self._records.by_size:
                where, codes, records = self._records.match([shape for _, shape in shapes])
                yield np.array([number for number, _ in shapes])[where] * SPAN + codes, records


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


def automorphic_strides(shape: Topology, n_models: int) -> Iterator[IntArray]:
    """Per automorphism but the identity the strides that turn digits into the code of their image."""
    place = {v: i for i, v in enumerate(shape.free_nodes)}
    n_free = len(place)
    for order in shape.automorphisms[1:]:
        strides = np.zeros(n_free, dtype=np.int64)
        for i, v in enumerate(shape.free_nodes):
            # position v of the image holds the model of node order[v]
            strides[place[order[v]]] = n_models ** (n_free - 1 - i)
        yield strides


def spread(sequences: IntArray, n_names: int, distance: int) -> tuple[IntArray, IntArray]:
    """Sequences of models below ``n_names`` within ``distance`` (0 to 2) of one of ``sequences`` (n, k).

    Models from ``n_names`` up are foreign: they may be edited away but not put in. Returns the reached
    sequences (m, k) and, per reached one, the position of the first of ``sequences`` within the distance.
    """
    given = np.minimum(sequences, n_names)
    if (n_names + 1) ** given.shape[1] <= DENSE_LIMIT:
        return _spread_dense(given, n_names, distance)
    return _spread_sparse(given, n_names, distance)


def _spread_dense(sequences: IntArray, n_names: int, distance: int) -> tuple[IntArray, IntArray]:
    n, k = sequences.shape
    start = np.full((n_names + 1,) * k, n, dtype=np.int32)
    # written backwards, so that of equal sequences the first remains
    start[tuple(sequences[::-1].T)] = np.arange(n - 1, -1, -1)
    reached = start
    for _ in range(distance):
        replaced = reached
        for place in range(k - 1):
            replaced = np.minimum(replaced, reached.min(axis=place, keepdims=True))
        reached = replaced
    if distance == 2:
        for taken in range(k - 1):
            rest = start.min(axis=taken)
            for put in range(k - 1):
                if put != taken:
                    reached = np.minimum(reached, np.expand_dims(rest, put))
    inside = reached[(slice(n_names),) * k]
    places = np.argwhere(inside < n)
    return places, inside[tuple(places.T)].astype(np.int64)


def _spread_sparse(sequences: IntArray, n_names: int, distance: int) -> tuple[IntArray, IntArray]:
    reached = sequences[:, None, :]
    if distance:
        reached = _replaced(sequences, distance, n_names)
    if distance == 2:
        reached = np.concatenate([reached, _shifted(sequences, n_names)], axis=1)
    index = np.repeat(np.arange(len(sequences)), reached.shape[1])
    reached = reached.reshape(-1, sequences.shape[1])
    inside = (reached < n_names).all(axis=1)
    reached, index = reached[inside], index[inside]
    # rows are in the order of their origins, and unique keeps the first
    _, first = np.unique(reached, axis=0, return_index=True)
    return reached[first], index[first]


def _replaced(sequences: IntArray, n_places: int, n_names: int) -> IntArray:
    """(n, variants, k): ``n_places`` of all but the last models replaced by every model."""
    k = sequences.shape[1]
    values = np.indices((n_names,) * n_places).reshape(n_places, -1).T
    variants = [sequences[:, None, :]]
    for places in combinations(range(k - 1), n_places):
        block = np.repeat(sequences[:, None, :], len(values), axis=1)
        block[:, :, list(places)] = values
        variants.append(block)
    return np.concatenate(variants, axis=1)


def _shifted(sequences: IntArray, n_names: int) -> IntArray:
    """(n, variants, k): one model taken out and any one put in elsewhere, the last place unchanged."""
    k = sequences.shape[1]
    variants = []
    for taken in range(k - 1):
        rest = np.delete(sequences, taken, axis=1)
        for put in range(k - 1):
            block = np.repeat(np.insert(rest, put, 0, axis=1)[:, None, :], n_names, axis=1)
            block[:, :, put] = np.arange(n_names)
            variants.append(block)
    return np.concatenate(variants, axis=1)
