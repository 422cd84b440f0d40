"""Canonical single-sink DAGs: the wiring of a plan without its models (Opti-Q, section 4.1).

A topology on k nodes is written as the bits ``(b12, b13, …, b(k-1)k)`` of its upper-triangular adjacency
matrix, read as one integer with ``b12`` the most significant bit. Of all topological orders, those that give
the largest integer are canonical, so that isomorphic wirings have one number, the ``connectivity_map``.

>>> canonical_orders(3, ((1, 0), (2, 0)))        # two sources feed node 0
(3, ((1, 2, 0), (2, 1, 0)))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

MAX_OPERATIONS = 7
"""Largest plan that is supported: 138,101 topologies have 7 nodes, about 8 million have 8."""

Edge = tuple[int, int]


@cache
def bit_weights(k: int) -> tuple[tuple[int, ...], ...]:
    """``weights[i][j]``: the value of the edge i → j in the connectivity map of k nodes (0 if j ≤ i)."""
    position = k * (k - 1) // 2
    rows = []
    for i in range(k):
        row = [0] * k
        for j in range(i + 1, k):
            position -= 1
            row[j] = 1 << position
        rows.append(tuple(row))
    return tuple(rows)


@lru_cache(maxsize=65536)
def map_of_edges(k: int, edges: tuple[Edge, ...]) -> int:
    """The integer of ``edges`` under the numbering they have (edges go from lower to higher)."""
    weights = bit_weights(k)
    return sum(weights[i][j] for i, j in edges)


def edges_of_map(k: int, connectivity_map: int) -> tuple[Edge, ...]:
    """The edges that ``connectivity_map`` stands for, sorted."""
    weights = bit_weights(k)
    return tuple((i, j) for i in range(k) for j in range(i + 1, k) if connectivity_map & weights[i][j])


@lru_cache(maxsize=65536)
def canonical_orders(k: int, edges: tuple[Edge, ...]) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """The connectivity map of an acyclic graph and every numbering that reaches it.

    ``edges`` may use any numbering. A returned order lists the old nodes in their new positions. There are as
    many as the graph has automorphisms.

    The search places one node per position and leaves a branch as soon as even its unknown bits, all set to
    one, cannot reach the best integer seen; sources with the longest first row are tried first, so that the
    first descent is nearly always canonical.
    """
    predecessors = [0] * k
    successors = [0] * k
    for i, j in edges:
        predecessors[j] |= 1 << i
        successors[i] |= 1 << j
    weights = bit_weights(k)
    # unknown[p]: all bits whose column is not before position p
    unknown = [sum(weights[i][j] for i in range(k) for j in range(p, k)) for p in range(k + 1)]
    by_reach = sorted(range(k), key=lambda v: -successors[v].bit_count())
    best = -1
    orders: list[tuple[int, ...]] = []
    order: list[int] = []

    def place(position: int, placed: int, value: int) -> None:
        nonlocal best, orders
        if position == k:
            if value > best:
                best, orders = value, []
            orders.append(tuple(order))
            return
        for node in by_reach:
            if placed >> node & 1 or predecessors[node] & ~placed:
                continue
            row_bits = sum(weights[i][position] for i, u in enumerate(order) if predecessors[node] >> u & 1)
            if (value + row_bits) | unknown[position + 1] < best:
                continue
            order.append(node)
            place(position + 1, placed | 1 << node, value + row_bits)
            order.pop()

    place(0, 0, 0)
    return best, tuple(sorted(orders))


@dataclass(frozen=True)
class Topology:
    """A canonical wiring of ``k`` nodes and what follows from it. Get one from :func:`topology`."""

    k: int
    connectivity_map: int

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges, sorted; each goes from a lower to a higher node."""
        return edges_of_map(self.k, self.connectivity_map)

    @cached_property
    def predecessors(self) -> tuple[tuple[int, ...], ...]:
        """Per node the nodes whose output it reads, ascending."""
        found: list[list[int]] = [[] for _ in range(self.k)]
        for i, j in self.edges:
            found[j].append(i)
        return tuple(map(tuple, found))

    @cached_property
    def successors(self) -> tuple[tuple[int, ...], ...]:
        """Per node the nodes that read its output, ascending."""
        found: list[list[int]] = [[] for _ in range(self.k)]
        for i, j in self.edges:
            found[i].append(j)
        return tuple(map(tuple, found))

    @cached_property
    def closures(self) -> tuple[tuple[int, ...], ...]:
        """Per node its ancestors and itself, ascending: the sub-plan that ends there."""
        sets: list[set[int]] = []
        for v in range(self.k):
            sets.append({v}.union(*(sets[u] for u in self.predecessors[v])))
        return tuple(tuple(sorted(nodes)) for nodes in sets)

    @cached_property
    def blends(self) -> tuple[bool, ...]:
        """Per node whether it reads more than one output, and so carries the blender."""
        return tuple(len(nodes) > 1 for nodes in self.predecessors)

    @cached_property
    def free_nodes(self) -> tuple[int, ...]:
        """The nodes that may carry any base model."""
        return tuple(v for v in range(self.k) if not self.blends[v])

    @cached_property
    def leaves(self) -> tuple[tuple[int, ...], ...]:
        """Per blend node its fan-in with nested blends flattened (section 4.2); per other node itself.

        Flattening is a view for one look-up: the graph keeps the nested blend, with its other readers.
        """
        found: list[tuple[int, ...]] = []
        for v in range(self.k):
            nodes = {w for u in self.predecessors[v] for w in found[u]} if self.blends[v] else {v}
            found.append(tuple(sorted(nodes)))
        return tuple(found)

    @cached_property
    def shared(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Per node the ancestors that more than one of its branches contains: (ancestor, branches − 1)."""
        rows: list[tuple[tuple[int, int], ...]] = []
        for v in range(self.k):
            times: dict[int, int] = {}
            if self.blends[v]:
                for u in self.predecessors[v]:
                    for w in self.closures[u]:
                        times[w] = times.get(w, 0) + 1
            rows.append(tuple((w, n - 1) for w, n in sorted(times.items()) if n > 1))
        return tuple(rows)

    @cached_property
    def automorphisms(self) -> tuple[tuple[int, ...], ...]:
        """The numberings that leave the edges as they are, the identity first."""
        return canonical_orders(self.k, self.edges)[1]

    @cached_property
    def parts(self) -> tuple[tuple[Topology, tuple[int, ...]], ...]:
        """Per node the canonical topology of its closure, and which node stands at each position of it."""
        return tuple(self.part(v) for v in range(self.k))

    def part(self, v: int) -> tuple[Topology, tuple[int, ...]]:
        """One of :attr:`parts`."""
        nodes = self.closures[v]
        if len(nodes) == 1:
            return topology(1, 0), nodes
        if len(nodes) == self.k:
            return self, nodes
        index = {node: i for i, node in enumerate(nodes)}
        inner = tuple((index[i], index[j]) for i, j in self.edges if j in index)
        number, orders = canonical_orders(len(nodes), inner)
        return topology(len(nodes), number), tuple(nodes[i] for i in orders[0])

    @cached_property
    def level(self) -> int:
        """Operator-nesting depth (section 3.2): 0 single, 1 one chain or blend of singles, 2+ deeper."""
        levels: list[int] = []
        for v in range(self.k):
            before = self.predecessors[v]
            if not before:
                levels.append(0)
            elif self.blends[v] or self.blends[before[0]]:
                levels.append(1 + max(levels[u] for u in before))
            else:  # a chain goes on: still one operator
                levels.append(max(1, levels[before[0]]))
        return levels[-1]


@cache
def topology(k: int, connectivity_map: int) -> Topology:
    """The topology with this canonical number (not checked: take numbers from :func:`canonical_orders`)."""
    return Topology(k, connectivity_map)


def renumber(edges: Iterable[Edge], order: Sequence[int]) -> tuple[Edge, ...]:
    """``edges`` with the nodes at the positions that ``order`` gives them, sorted."""
    position = {node: i for i, node in enumerate(order)}
    return tuple(sorted((position[i], position[j]) for i, j in edges))
