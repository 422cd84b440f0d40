"""Models on the nodes of a wiring: what plans are drawn, written out and counted by.

Apart from :mod:`optiq.plans.plan`, so that what shows a plan does not need what reads one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from optiq.plans.topology import Edge, Topology, map_of_edges, topology

_BETWEEN_MODELS = re.compile("(?<! )>")


def key_of(k: int, connectivity_map: int, models: Sequence[str]) -> str:
    """``k:connectivity_map:model1>model2>…``. A ``>`` in a name has a blank before it, which no name ends with."""
    return f"{k}:{connectivity_map}:{'>'.join([name.replace('>', ' >') for name in models])}"


def single_key(model: str) -> str:
    """The key of the plan that is one call of ``model``."""
    return key_of(1, 0, (model,))


def models_of_key(names: str) -> list[str]:
    """The models in the last part of a key, which :func:`key_of` wrote."""
    return [name.replace(" >", ">") for name in _BETWEEN_MODELS.split(names)]


@dataclass(frozen=True, slots=True)
class Wired:
    """Models per node and edges in canonical numbering."""

    models: tuple[str, ...]
    edges: tuple[Edge, ...] = ()

    @property
    def k(self) -> int:
        """The number of operations (nodes)."""
        return len(self.models)

    @property
    def sink(self) -> int:
        """The node that gives the answer: the last."""
        return len(self.models) - 1

    @property
    def topology(self) -> Topology:
        """The wiring without the models."""
        return topology(self.k, map_of_edges(self.k, self.edges))

    @property
    def connectivity_map(self) -> int:
        """The canonical number of the wiring (section 4.1)."""
        return map_of_edges(self.k, self.edges)

    @property
    def key(self) -> str:
        """``k:connectivity_map:model1>model2>…`` (:func:`key_of`): equal exactly for isomorphic plans."""
        return key_of(self.k, self.connectivity_map, self.models)

    @property
    def order(self) -> tuple[int, int, tuple[str, ...]]:
        """Sort key; wherever plans tie, the one that is first in this order wins."""
        return self.k, self.connectivity_map, self.models

    def predecessors(self, node: int) -> tuple[int, ...]:
        """The nodes whose outputs ``node`` reads, ascending."""
        return self.topology.predecessors[node]

    def successors(self, node: int) -> tuple[int, ...]:
        """The nodes that read the output of ``node``, ascending."""
        return self.topology.successors[node]

    def closure(self, node: int) -> tuple[int, ...]:
        """The ancestors of ``node`` and itself, ascending: the nodes of the sub-plan that ends there."""
        return self.topology.closures[node]

    def is_blend(self, node: int) -> bool:
        """Whether ``node`` reads more than one output."""
        return self.topology.blends[node]

    @property
    def blend_nodes(self) -> tuple[int, ...]:
        """The blend nodes, ascending."""
        return tuple(v for v in range(self.k) if self.topology.blends[v])

    @property
    def level(self) -> int:
        """Operator-nesting depth: 0 single, 1 one chain or one blend of singles, 2 and more deeper."""
        return self.topology.level
