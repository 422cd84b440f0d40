"""Plans as rows of whole numbers, and the changes that a genetic search makes to them (section 4.3).

A genome is ``[size | bits | models]``: the number of operations k, the upper-triangular matrix of K nodes
row by row, and a base model per node. What belongs to no node, and the model under a blend, is 0. Changed
genomes are mended and put into canonical numbering, so that each plan has one genome.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan
from optiq.plans.topology import Edge, Topology, canonical_orders, topology

IntArray = NDArray[np.int64]
Random = np.random.Generator


class Genomes:
    """Makes, changes and reads the genomes of one task."""

    def __init__(self, task: PlanningTask) -> None:
        self.task = task
        self.width = task.max_operations
        self.n_models = len(task.pool.models)
        self.pairs = [(i, j) for i in range(self.width) for j in range(i + 1, self.width)]
        self.first_model = 1 + len(self.pairs)
        self.length = self.first_model + self.width
        self._column = np.zeros((self.width, self.width), dtype=np.int64)
        for column, (i, j) in enumerate(self.pairs, start=1):
            self._column[i, j] = self._column[j, i] = column
        self._reader = np.array([[j == v for v in range(self.width)] for _, j in self.pairs], dtype=np.int64)
        self._reader = self._reader.reshape(-1, self.width)
        self._mended: dict[bytes, tuple[IntArray, Topology]] = {}
        self._bits: dict[Topology, list[int]] = {}
        self._wirings: dict[tuple[int, tuple[int, ...]], tuple[Edge, ...]] = {}

    def random(self, n: int, draw: Random) -> IntArray:
        """(n, length): genomes of random sizes, edges and models."""
        rows = np.empty((n, self.length), dtype=np.int64)
        rows[:, 0] = draw.integers(1, self.width + 1, n)
        rows[:, 1 : self.first_model] = draw.integers(0, 2, (n, len(self.pairs)))
        rows[:, self.first_model :] = draw.integers(0, self.n_models, (n, self.width))
        return rows

    def crossed(self, one: IntArray, other: IntArray, probability: float, draw: Random) -> IntArray:
        """Children of pairs of rows: one-point crossover on the topology and, independently, the models.

        A child keeps the size of the parent that it starts as.
        """
        children = np.concatenate([one, other])
        partners = np.concatenate([other, one])
        columns = np.arange(self.length)
        crossing = draw.random(len(one)) < probability
        for first, last in ((1, self.first_model), (self.first_model, self.length)):
            if last - first < 2:
                continue
            points = draw.integers(first + 1, last, len(one))
            swapped = crossing[:, None] & (columns >= points[:, None]) & (columns < last)
            both = np.concatenate([swapped, swapped])
            children[both] = partners[both]
        return children

    def mutated(self, rows: IntArray, probabilities: tuple[float, float, float], draw: Random) -> IntArray:
        """``rows`` with, each at its probability, an edge flipped, a node inserted, a model changed."""
        found = rows.copy()
        chance = draw.random((3, len(rows)))
        flip, insert, change = (chance[i] < p for i, p in enumerate(probabilities))
        at = np.flatnonzero(flip & (found[:, 0] > 1))
        size = found[at, 0]
        i = draw.integers(size) if len(at) else size
        j = (i + 1 + draw.integers(np.maximum(size - 1, 1))) % size if len(at) else size
        found[at, self._column[i, j]] ^= 1
        for r in np.flatnonzero(insert & (found[:, 0] < self.width)).tolist():
            found[r] = self._inserted(found[r].tolist(), draw)
        at = np.flatnonzero(change)
        found[at, self.first_model + draw.integers(found[at, 0])] = draw.integers(self.n_models, size=len(at))
        return found

    def _inserted(self, row: list[int], draw: Random) -> list[int]:
        """One more node at a random place of the numbering, with random edges to and from the others."""
        k = row[0]
        place = int(draw.integers(k + 1))
        edges = {
            (i + (i >= place), j + (j >= place))
            for bit, (i, j) in zip(row[1 : self.first_model], self.pairs, strict=True)
            if bit and j < k
        }
        linked = (draw.random(k + 1) < 0.5).tolist()
        edges |= {(min(v, place), max(v, place)) for v in range(k + 1) if linked[v] and v != place}
        if place == k:  # a new last node reads the old answer
            edges.add((k - 1, k))
        models = row[self.first_model : self.first_model + k]
        models.insert(place, int(draw.integers(self.n_models)))
        rest = [0] * (self.width - k - 1)
        return [k + 1, *(int(edge in edges) for edge in self.pairs), *models, *rest]

    def refilled(self, rows: IntArray, draw: Random) -> IntArray:
        """``rows`` with a random model under each blend, in case a change makes it a call of its own."""
        found = rows.copy()
        fan_in = rows[:, 1 : self.first_model] @ self._reader
        blends = fan_in > 1
        found[:, self.first_model :][blends] = draw.integers(self.n_models, size=int(blends.sum()))
        return found

    def mended(self, rows: IntArray) -> tuple[IntArray, list[Topology]]:
        """The canonical genomes of the plans that ``rows`` come closest to, and their topologies."""
        genomes, shapes = np.empty_like(rows), []
        for r, row in enumerate(rows):
            key = row.tobytes()
            if key not in self._mended:
                self._mended[key] = self._mend(row.tolist())
            genomes[r], shape = self._mended[key]
            shapes.append(shape)
        return genomes, shapes

    def _mend(self, row: list[int]) -> tuple[IntArray, Topology]:
        k = row[0]
        edges = self._edges(k, tuple(row[1 : self.first_model]))
        models = row[self.first_model :]
        number, orders = canonical_orders(k, edges)
        shape = topology(k, number)
        free = shape.free_nodes
        order = orders[0]
        if len(orders) > 1:
            order = min(orders, key=lambda order: [models[order[v]] for v in free])
        if shape not in self._bits:
            self._bits[shape] = [k, *(int(pair in shape.edges) for pair in self.pairs), *[0] * self.width]
        genome = self._bits[shape].copy()
        for v in free:
            genome[self.first_model + v] = models[order[v]]
        return np.array(genome), shape

    def plan(self, genome: IntArray, shape: Topology) -> Plan:
        """The plan of a canonical genome."""
        names = [self.task.pool.blender or ""] * shape.k
        for v in shape.free_nodes:
            names[v] = self.task.pool.models[int(genome[self.first_model + v])]
        return Plan(tuple(names), shape.edges)

    def _edges(self, k: int, bits: tuple[int, ...]) -> tuple[Edge, ...]:
        """The edges among the first ``k`` nodes; what feeds nothing feeds the last. No blender: a chain."""
        if self.task.pool.blender is None:
            return tuple((v, v + 1) for v in range(k - 1))
        key = k, bits
        if key not in self._wirings:
            edges = {edge for edge, bit in zip(self.pairs, bits, strict=True) if bit and edge[1] < k}
            fed = {i for i, _ in edges}
            edges |= {(v, k - 1) for v in range(k - 1) if v not in fed}
            self._wirings[key] = tuple(sorted(edges))
        return self._wirings[key]
