"""Every plan up to a size as rows of one table, and where each plan's parts stand in it.

A row is a topology with one assignment of base models to its free nodes (those with at most one
predecessor; the others carry the blender). Rows of a topology follow each other, the assignment read as a
number in base ``n_models``, first free node most significant. Because the sub-plan that ends at a node is
again such a plan, its row is a linear function of the digits: ``start + digits · strides``. That is what
lets tables of large plans be gathered from those of small ones.

Automorphic assignments of one topology have a row each; :attr:`Space.canonical` marks the one that is a plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.matches import SPAN, SPAN_BITS, Matches, automorphic_strides, topology_number
from optiq.estimation.rows import Chunk, FloatArray, IntArray, Matched, Places
from optiq.plans.enumeration import check_operations, connectivity_maps
from optiq.plans.plan import Plan
from optiq.plans.topology import Topology, map_of_edges, topology

BoolArray = NDArray[np.bool_]

CHUNK = 1 << 14
"""Rows that are worked on at once: their columns stay in the processor's cache."""

KEPT_ROWS = 2_000_000
"""Rows up to which the places of parts are kept between topics: about 60 bytes each."""


@dataclass(frozen=True)
class Group:
    """Topologies of one size with as many free nodes, predecessors of the sink and shared ancestors.

    ``parts`` (topologies, predecessors) are the indices, among all topologies, of the sub-plans that end at
    the sink's predecessors; ``places`` (topologies, predecessors, free nodes) is where a free node stands
    among theirs, -1 if it is not in the sub-plan. ``shared``, ``shared_places`` are the same for ancestors
    that several branches contain, ``shared_extra`` how often too many. ``leaves`` (topologies, free nodes)
    are the places in the flattened fan-in of the sink, ``weights`` (topologies, predecessors) the leaves of
    each branch.
    """

    k: int
    n_free: int
    topologies: tuple[Topology, ...]
    first: int
    parts: IntArray
    places: IntArray
    shared: IntArray
    shared_places: IntArray
    shared_extra: IntArray
    leaves: IntArray
    weights: IntArray

    @property
    def fan_in(self) -> int:
        """Predecessors of the sink: 0 for single models, 1 for a chain step, more for a blend."""
        return self.parts.shape[1]


@dataclass(frozen=True)
class Structure:
    """All topologies up to a size, grouped; independent of how many models there are."""

    groups: tuple[Group, ...]
    topologies: tuple[Topology, ...]

    @cached_property
    def index(self) -> dict[tuple[int, int], int]:
        """Where the topology with (k, connectivity_map) stands."""
        return {(t.k, t.connectivity_map): i for i, t in enumerate(self.topologies)}

    @cached_property
    def n_free(self) -> IntArray:
        """Free nodes per topology."""
        return np.array([len(t.free_nodes) for t in self.topologies])


@cache
def structure(max_operations: int, blends: bool) -> Structure:
    """The topologies with up to ``max_operations`` nodes; without ``blends`` only the chains."""
    check_operations(max_operations)
    before = structure(max_operations - 1, blends) if max_operations > 1 else Structure((), ())
    k = max_operations
    found = [topology(k, int(number)) for number in connectivity_maps(k)] if blends else [_chain(k)]
    by_shape: dict[tuple[int, int, int], list[Topology]] = {}
    for shape in found:
        key = len(shape.free_nodes), len(shape.predecessors[-1]), len(shape.shared[-1])
        by_shape.setdefault(key, []).append(shape)
    groups = list(before.groups)
    topologies = list(before.topologies)
    for key in sorted(by_shape):
        groups.append(_group(before, len(topologies), tuple(by_shape[key])))
        topologies += by_shape[key]
    return Structure(tuple(groups), tuple(topologies))


def _chain(k: int) -> Topology:

    return topology(k, map_of_edges(k, tuple((v, v + 1) for v in range(k - 1))))


def _group(before: Structure, first: int, shapes: tuple[Topology, ...]) -> Group:
    parts, places, shared, shared_places, shared_extra, leaves, weights = [], [], [], [], [], [], []
    for shape in shapes:
        sink = shape.k - 1
        found = {u: shape.part(u) for u in (*shape.predecessors[sink], *(w for w, _ in shape.shared[sink]))}
        parts.append([_index(before, found[u]) for u in shape.predecessors[sink]])
        places.append([_places(shape, found[u]) for u in shape.predecessors[sink]])
        shared.append([_index(before, found[w]) for w, _ in shape.shared[sink]])
        shared_places.append([_places(shape, found[w]) for w, _ in shape.shared[sink]])
        shared_extra.append([extra for _, extra in shape.shared[sink]])
        order = {node: i for i, node in enumerate(shape.leaves[sink])}
        leaves.append([order.get(v, -1) for v in shape.free_nodes])
        weights.append([len(shape.leaves[u]) for u in shape.predecessors[sink]])
    n, n_free = len(shapes), len(shapes[0].free_nodes)
    return Group(
        k=shapes[0].k,
        n_free=n_free,
        topologies=shapes,
        first=first,
        parts=np.array(parts, dtype=np.int64).reshape(n, -1),
        places=np.array(places, dtype=np.int64).reshape(n, -1, n_free),
        shared=np.array(shared, dtype=np.int64).reshape(n, -1),
        shared_places=np.array(shared_places, dtype=np.int64).reshape(n, -1, n_free),
        shared_extra=np.array(shared_extra, dtype=np.int64).reshape(n, -1),
        leaves=np.array(leaves, dtype=np.int64).reshape(n, n_free),
        weights=np.array(weights, dtype=np.int64).reshape(n, -1),
    )


def _index(before: Structure, found: tuple[Topology, tuple[int, ...]]) -> int:
    return before.index[found[0].k, found[0].connectivity_map]


def _places(shape: Topology, found: tuple[Topology, tuple[int, ...]]) -> list[int]:
    part, nodes = found
    place = {nodes[v]: i for i, v in enumerate(part.free_nodes)}
    return [place.get(v, -1) for v in shape.free_nodes]


def linear_index(start: IntArray, strides: IntArray, n_models: int) -> Places:
    """``start + digits · strides`` for all digits: (t, n_models ** n_free) from (t,) and (t, n_free)."""
    index = start[:, None]
    digits = np.arange(n_models)
    for place in range(strides.shape[1]):
        step = strides[:, place, None] * digits
        index = (index[:, :, None] + step[:, None, :]).reshape(len(start), -1)
    return index


class Space:
    """All plans of ``n_models`` base models up to ``max_operations`` nodes. Get one from :func:`space`.

    See :class:`~optiq.estimation.rows.Rows`.
    """

    def __init__(self, n_models: int, max_operations: int, blends: bool) -> None:
        self.n_models = n_models
        self.max_operations = max_operations
        self.structure = structure(max_operations, blends)
        sizes = n_models**self.structure.n_free
        ends = np.cumsum(sizes)
        self.starts: IntArray = ends - sizes
        self.n_rows = int(ends[-1])
        sizes_of = [shape.k for shape in self.structure.topologies]
        self.n_inner = int(self.starts[np.searchsorted(sizes_of, max_operations)])

    def strides(self, parts: IntArray, places: IntArray) -> IntArray:
        """What one digit more at each free node adds to the row of a part; 0 where it is not in the part."""
        powers = self.structure.n_free[parts][..., None] - 1 - places
        return np.where(places >= 0, self.n_models ** np.where(places >= 0, powers, 0), 0)

    @property
    def chunks(self) -> Iterable[Chunk]:
        """The rows in pieces of one group each, smaller plans first, with the rows of their parts."""
        # every topic needs the same ones, so they are kept unless they are very many
        return self._all_chunks if self.n_rows <= KEPT_ROWS else self._make_chunks()

    @cached_property
    def _all_chunks(self) -> tuple[Chunk, ...]:
        return tuple(self._make_chunks())

    def _make_chunks(self) -> Iterator[Chunk]:
        for group in self.structure.groups:
            for piece in self._pieces(group):
                yield self._chunk(group, piece)

    def _pieces(self, group: Group) -> Iterator[slice]:
        step = max(1, CHUNK // self.n_models**group.n_free)
        for first in range(0, len(group.topologies), step):
            yield slice(first, min(first + step, len(group.topologies)))

    def _chunk(self, group: Group, piece: slice) -> Chunk:
        per_topology = self.n_models**group.n_free
        start = int(self.starts[group.first]) + piece.start * per_topology
        rows = slice(start, start + (piece.stop - piece.start) * per_topology)
        counts = (group.leaves[piece] >= 0).sum(axis=1)
        last = np.zeros(0, dtype=np.int64)
        leaves = np.zeros((1, 0), dtype=np.int64)
        if group.fan_in > 1:
            place = np.maximum(counts[:, None] - 1 - group.leaves[piece], 0)
            strides = np.where(group.leaves[piece] >= 0, self.n_models**place, 0)
            codes = linear_index(np.zeros_like(counts), strides, self.n_models)
            leaves = self._leaf_numbers[self._leaf_starts[counts][:, None] + codes]
        else:  # the sink is the last free node, so its model is the last digit
            last = np.arange(rows.stop - rows.start) % self.n_models
        return Chunk(
            rows=rows,
            branches=self._rows_of(group.parts[piece], group.places[piece]),
            shared=self._rows_of(group.shared[piece], group.shared_places[piece]),
            extra=group.shared_extra[piece].T[:, :, None].astype(np.float64),
            shares=(group.weights[piece] / np.maximum(group.weights[piece].sum(axis=1, keepdims=True), 1)).T[
                :, :, None
            ],
            last=last,
            leaves=leaves,
        )

    def _rows_of(self, parts: IntArray, places: IntArray) -> Places:
        """(parts per topology, topologies, assignments): the rows of the sub-plans ``parts``."""
        strides = self.strides(parts, places)
        starts = self.starts[parts]
        rows = np.empty((parts.shape[1], len(parts), self.n_models ** places.shape[2]), dtype=np.intp)
        for j in range(parts.shape[1]):
            rows[j] = linear_index(starts[:, j], strides[:, j], self.n_models)
        return rows

    @cached_property
    def leaf_sets(self) -> tuple[tuple[int, ...], ...]:
        """The base models that flattened blends read, ascending: all sets, with repeats, of up to so many."""
        sizes = range(2, self.max_operations) if len(self.structure.topologies) > self.max_operations else ()
        return tuple(
            leaves for n in sizes for leaves in combinations_with_replacement(range(self.n_models), n)
        )

    @cached_property
    def _leaf_starts(self) -> IntArray:
        """Per number of leaves where its codes start in :attr:`_leaf_numbers`."""
        sizes = [0, 0, *(self.n_models**n for n in range(2, self.max_operations))]
        return np.cumsum([0, *sizes])

    @cached_property
    def _leaf_numbers(self) -> IntArray:
        """The number of the leaf set of every sequence of leaves, read as digits, those of two leaves first."""
        number = {leaves: i for i, leaves in enumerate(self.leaf_sets)}
        parts = [np.zeros(0, dtype=np.int64)]
        for n in range(2, self.max_operations):
            digits = np.sort(np.indices((self.n_models,) * n).reshape(n, -1).T, axis=1)
            parts.append(np.array([number[tuple(row)] for row in digits.tolist()], dtype=np.int64))
        return np.concatenate(parts)

    @cached_property
    def _topology_numbers(self) -> IntArray:
        return np.array([topology_number(shape) for shape in self.structure.topologies], dtype=np.int64)

    def matched(self, matches: Matches) -> Matched:
        """See :class:`~optiq.estimation.rows.Rows`; kept with ``matches``."""
        if self not in matches.placed:
            keys, records = matches.learned(self._topology_numbers)
            start = np.full(int(self._topology_numbers.max()) + 1, -1)
            start[self._topology_numbers] = self.starts
            number = keys >> SPAN_BITS
            inside = number < len(start)
            first = start[np.where(inside, number, 0)]
            inside &= first >= 0
            rows, records = (first + (keys & (SPAN - 1)))[inside], records[inside]
            if (np.diff(rows) < 0).any():  # topologies met in another order before
                order = np.argsort(rows, kind="stable")
                rows, records = rows[order], records[order]
            matches.placed[self] = rows, records
        return matches.placed[self]

    def classes(self) -> Iterator[tuple[slice | Places, int]]:
        """Slices of rows of one class, and its number."""
        for group, rows in self._groups():
            yield rows, 0 if group.k == 1 else 2 if group.n_free < group.k else 1

    def means(self, by_base: FloatArray, of_blender: float) -> FloatArray:
        """(rows): the mean over a plan's nodes of what its models have."""
        found = np.empty(self.n_rows)
        sums = [np.zeros(1)]
        for group, rows in self._groups():
            while len(sums) <= group.n_free:
                sums.append((sums[-1][:, None] + by_base).ravel())
            mean = (sums[group.n_free] + (group.k - group.n_free) * of_blender) / group.k
            found[rows].reshape(len(group.topologies), -1)[:] = mean
        return found

    def _groups(self) -> Iterator[tuple[Group, slice]]:
        """The groups with their rows."""
        start = 0
        for group in self.structure.groups:
            stop = start + len(group.topologies) * self.n_models**group.n_free
            yield group, slice(start, stop)
            start = stop

    @cached_property
    def canonical(self) -> BoolArray:
        """Per row whether its assignment is the smallest among the automorphic ones of its topology."""
        keep = np.ones(self.n_rows, dtype=bool)
        for i, shape in enumerate(self.structure.topologies):
            if len(shape.automorphisms) == 1:
                continue
            n_free = len(shape.free_nodes)
            own = np.arange(self.n_models**n_free)
            rows = keep[self.starts[i] : self.starts[i] + len(own)]
            for strides in automorphic_strides(shape, self.n_models):
                rows &= linear_index(np.zeros(1, dtype=np.int64), strides[None], self.n_models)[0] >= own
        return keep

    @cached_property
    def plan_rows(self) -> Places:
        """The rows that are plans, in plan order (:attr:`optiq.plans.plan.Plan.order`)."""
        shapes = self.structure.topologies
        sizes = self.n_models**self.structure.n_free
        ordered = sorted(range(len(shapes)), key=lambda i: (shapes[i].k, shapes[i].connectivity_map))
        rows = np.concatenate([np.arange(self.starts[i], self.starts[i] + sizes[i]) for i in ordered])
        return rows[self.canonical[rows]]

    def digits(self, row: int) -> tuple[Topology, tuple[int, ...]]:
        """The topology of a row and the base model of each of its free nodes."""
        index = int(np.searchsorted(self.starts, row, side="right")) - 1
        code = row - int(self.starts[index])
        digits: list[int] = []
        for _ in range(int(self.structure.n_free[index])):
            code, digit = divmod(code, self.n_models)
            digits.append(digit)
        return self.structure.topologies[index], tuple(reversed(digits))

    def plan(self, row: int, models: tuple[str, ...], blender: str | None) -> Plan:
        """The plan of a canonical row; ``models`` are the base models, sorted."""
        shape, digits = self.digits(row)
        names = [blender or ""] * shape.k
        for node, digit in zip(shape.free_nodes, digits, strict=True):
            names[node] = models[digit]
        return Plan(tuple(names), shape.edges)


@lru_cache(maxsize=4)
def space(n_models: int, max_operations: int, blends: bool) -> Space:
    """The space, built once per process (the last four are kept)."""
    return Space(n_models, max_operations, blends)
