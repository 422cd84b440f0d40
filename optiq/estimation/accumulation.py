"""What a plan spends, node by node: what adds up over the set of nodes, times along the longest path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from optiq.estimation.catalog import Catalog
from optiq.plans.plan import Plan
from optiq.questions.metric import RESOURCE_NAMES, RESOURCES
from optiq.statistics.snapshot import NAN


@dataclass
class Node:
    """What has been estimated up to and including one node.

    ``total`` is what the whole sub-plan takes of each resource, ``own`` the node's part in those that add up.
    ``reference`` is the QoA that a branch is compared with when it is blended.
    """

    total: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    qoa: float = NAN
    reference: float = NAN
    sources: dict[str, str] = field(default_factory=dict)


def composed(plan: Plan, catalog: Catalog) -> list[float]:
    """What ``plan`` takes of each resource on one topic as if it had not run itself; its sub-plans may have."""
    if plan.k == 1:
        return [catalog.composed_single(plan.models[0], metric) for metric in RESOURCE_NAMES]
    nodes: list[Node] = []
    for v in range(plan.k):
        node = Node()
        spend(node, plan, v, nodes, catalog, recorded=v < plan.sink)
        nodes.append(node)
    return [at_least_0(nodes[-1].total[metric]) for metric in RESOURCE_NAMES]


def spend(node: Node, plan: Plan, v: int, nodes: list[Node], catalog: Catalog, recorded: bool = True) -> None:
    """What the nodes up to and including ``v`` take of each resource, put into ``node``."""
    for metric in RESOURCES:
        name = metric.name
        if metric.adds == "sum":
            before = _accumulated(plan, v, nodes, name)
        else:
            before = _latest([nodes[u].total[name] for u in plan.predecessors(v)])
        match = catalog.match(plan.subplan(v), name, similar=False) if recorded else None
        if match:
            node.total[name], node.sources[name] = catalog.recorded(match.record, name), match.source
            node.own[name] = node.total[name] - before
        else:
            node.own[name], node.sources[name] = _own(plan, v, catalog, name)
            node.total[name] = before + node.own[name]


def _accumulated(plan: Plan, v: int, nodes: list[Node], metric: str) -> float:
    """What all ancestors of ``v`` cost: the totals of its branches, shared ancestors taken off again."""
    totals = sum(nodes[u].total[metric] for u in plan.predecessors(v))
    return totals - sum(extra * nodes[w].own[metric] for w, extra in plan.topology.shared[v])


def _own(plan: Plan, v: int, catalog: Catalog, metric: str) -> tuple[float, str]:
    """A lone call of the node's model, plus what reading its predecessors' outputs adds."""
    before = plan.predecessors(v)
    model = plan.models[v]
    lone = catalog.lone(model, metric)
    if not before:
        return lone
    heard = tuple(plan.models[u] for u in before)
    grown = catalog.growth(model, metric, catalog.shape.template_chars(len(before)), heard)
    if math.isnan(lone.value + grown):
        return NAN, "unknown"
    return lone.value + grown, lone.source + (" + rates" if lone.source.startswith("single") else "")


def _latest(finishes: list[float]) -> float:
    """The latest of ``finishes``, 0 if there are none; unknown if one of them is."""
    if any(math.isnan(finish) for finish in finishes):
        return NAN
    return max(finishes, default=0.0)


def at_least_0(value: float) -> float:
    return value if math.isnan(value) else max(value, 0.0)
