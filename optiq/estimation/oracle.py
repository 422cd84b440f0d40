"""Estimate one plan on one topic: the rules of section 4.2, node by node, in the paper's order.

This is the readable form and the oracle in tests; :mod:`optiq.estimation.engine` does the same for many plans.

At every node, from the first to the last:

1. If a record stands for the sub-plan that ends here (exact, else fuzzy from 0.75), its metrics replace what
   was accumulated; a metric that it lacks is estimated.
2. QoA: a source has its model's; after one predecessor the sequential rule applies, after several the blend
   rule. What these say is an estimator's business (:mod:`optiq.estimation.estimator`).
3. Cost and energy accumulate over the set of nodes, so that an ancestor that several branches share counts
   once. Latency is the latest predecessor's finish plus the node's own time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import Estimate, Source, clip
from optiq.estimation.estimator import QualityRules
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES, RESOURCE_NAMES, RESOURCES
from optiq.statistics.snapshot import NAN


@dataclass
class _Node:
    """What has been estimated up to and including one node.

    ``total`` is what the whole sub-plan takes of each resource, ``own`` the node's part in those that add up.
    ``reference`` is the QoA that a branch is compared with when it is blended.
    """

    total: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    qoa: float = NAN
    reference: float = NAN
    sources: dict[str, str] = field(default_factory=dict)


def estimate_on(plan: Plan, catalog: Catalog, rules: QualityRules) -> Estimate:
    """The estimate of ``plan`` on one topic, of which ``rules`` are an estimator's."""
    nodes: list[_Node] = []
    for v in range(plan.k):
        nodes.append(_visited(plan, v, nodes, catalog, rules))
    answer = nodes[-1]
    spent = [_at_least_0(answer.total[metric]) for metric in RESOURCE_NAMES]
    sources = tuple(
        Source(v, metric, node.sources[metric]) for v, node in enumerate(nodes) for metric in METRIC_NAMES
    )
    return replace(Estimate.of(plan, [*spent, answer.qoa]), provenance=sources)


def composed(plan: Plan, catalog: Catalog) -> list[float]:
    """What ``plan`` takes of each resource on one topic as if it had not run itself; its sub-plans may have."""
    if plan.k == 1:
        return [catalog.composed_single(plan.models[0], metric) for metric in RESOURCE_NAMES]
    nodes: list[_Node] = []
    for v in range(plan.k):
        node = _Node()
        _spend(node, plan, v, nodes, catalog, recorded=v < plan.sink)
        nodes.append(node)
    return [_at_least_0(nodes[-1].total[metric]) for metric in RESOURCE_NAMES]


def _visited(plan: Plan, v: int, nodes: list[_Node], catalog: Catalog, rules: QualityRules) -> _Node:
    node = _Node()
    _spend(node, plan, v, nodes, catalog)
    node.qoa, node.reference, node.sources["qoa"] = _qoa(plan, v, nodes, rules)
    composition = (
        plan.subplan(v) if plan.predecessors(v) else None
    )  # of a lone model the rules know the record
    if composition and (match := catalog.match(composition, "qoa", rules.similar)):
        trust = 1.0 if math.isnan(node.qoa) else rules.trust(match.record)
        if trust > 0:
            ruled = 0.0 if trust == 1 else (1 - trust) * node.qoa
            node.qoa = trust * match.record.qoa + ruled
            node.sources["qoa"] = (
                match.source
                if trust == 1
                else f"{rules.name} n={match.record.n_observations}{match.record.files}"
            )
    return node


def _qoa(plan: Plan, v: int, nodes: list[_Node], rules: QualityRules) -> tuple[float, float, str]:
    """QoA by the rules, the reference to compare it with in a blend, and the source."""
    before = plan.predecessors(v)
    alone = rules.alone(plan.models[v])
    if not before:
        return alone.value, alone.value, alone.source
    if len(before) == 1:
        step = rules.step(plan.models[before[0]], plan.models[v])
        qoa = step.after(nodes[before[0]].qoa)
        return qoa, alone.value, "unknown" if math.isnan(qoa) else step.source
    # A branch that is itself a blend stands for all its leaves: it weighs as much as they would in the
    # flattened fan-in, and its change is measured against its own reference.
    leaves = plan.topology.leaves
    reference = rules.blend(tuple(plan.models[w] for w in leaves[v]))
    changed = 0.0
    for u in before:
        change = float(rules.change(nodes[u].qoa, nodes[u].reference))
        changed += len(leaves[u]) * (0.0 if math.isnan(change) else change)  # unknown: no better, no worse
    changed /= sum(len(leaves[u]) for u in before)
    return clip(rules.blended(reference.value, changed)), reference.value, reference.source


def _spend(
    node: _Node, plan: Plan, v: int, nodes: list[_Node], catalog: Catalog, recorded: bool = True
) -> None:
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


def _accumulated(plan: Plan, v: int, nodes: list[_Node], metric: str) -> float:
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


def _at_least_0(value: float) -> float:
    return value if math.isnan(value) else max(value, 0.0)
