"""What a plan spends, node by node: cost and energy over the set of nodes, latency along the longest path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from optiq.estimation.catalog import TOKEN_METRICS, Catalog
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import NAN

ADDITIVE = ("cost_usd", "energy_j")


@dataclass
class Node:
    """What has been estimated up to and including one node.

    ``total`` and ``own`` hold cost and energy: of the whole sub-plan, and the node's part in it. ``finish``
    is the latency of the sub-plan, ``reference`` the QoA that a branch is compared with when it is blended.
    """

    total: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    finish: float = NAN
    qoa: float = NAN
    reference: float = NAN
    sources: dict[str, str] = field(default_factory=dict)


def composed(plan: Plan, catalog: Catalog) -> tuple[float, float, float]:
    """Cost, latency and energy of ``plan`` on one topic as if it had not run itself; its sub-plans may have."""
    if plan.k == 1:
        cost, latency, energy = (catalog.composed_single(plan.models[0], metric) for metric in TOKEN_METRICS)
        return cost, latency, energy
    nodes: list[Node] = []
    for v in range(plan.k):
        node = Node()
        spend(node, plan, v, nodes, catalog, recorded=v < plan.sink)
        nodes.append(node)
    cost, energy = (at_least_0(nodes[-1].total[metric]) for metric in ADDITIVE)
    return cost, at_least_0(nodes[-1].finish), energy


def spend(node: Node, plan: Plan, v: int, nodes: list[Node], catalog: Catalog, recorded: bool = True) -> None:
    """Cost, energy and latency up to and including node ``v``, put into ``node``."""
    matches = {
        metric: catalog.match(plan.subplan(v), metric, similar=False) if recorded else None
        for metric in TOKEN_METRICS
    }
    for metric in ADDITIVE:
        before = _accumulated(plan, v, nodes, metric)
        if match := matches[metric]:
            node.total[metric] = catalog.recorded(match.record, metric)
            node.own[metric] = node.total[metric] - before
            node.sources[metric] = match.source
        else:
            node.own[metric], node.sources[metric] = _own(plan, v, catalog, metric)
            node.total[metric] = before + node.own[metric]
    if match := matches["latency_s"]:
        node.finish, node.sources["latency_s"] = catalog.recorded(match.record, "latency_s"), match.source
    else:
        own, node.sources["latency_s"] = _own(plan, v, catalog, "latency_s")
        node.finish = _latest([nodes[u].finish for u in plan.predecessors(v)]) + own


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
