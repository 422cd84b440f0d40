"""Estimate one plan: the rules of section 4.2, node by node, in the paper's order.

This is the readable form and the oracle in tests; planners use :mod:`optiq.estimation.vectorised`.

At every node, from the first to the last:

1. If a record stands for the sub-plan that ends here (exact, else fuzzy from 0.75), its metrics replace what
   was accumulated; a metric that it lacks is estimated.
2. QoA: a source has its model's; after one predecessor the sequential rule applies, after several the blend
   rule.
3. Cost and energy accumulate over the set of nodes, so that an ancestor that several branches share counts
   once. Latency is the latest predecessor's finish plus the node's own time.

The worked examples of the paper:

>>> sequential_rule(0.55, 0.60 / 0.50)
0.66
>>> round(blend_rule(0.60, [(relative_change(0.60, 0.50), 1), (relative_change(0.44, 0.40), 1)]), 12)
0.69
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from optiq.estimation.catalog import EPSILON, TOKEN_METRICS, Catalog, catalogs
from optiq.estimation.estimates import Estimate, Source, Topics, combine, topic_weights
from optiq.estimation.risk import Risk
from optiq.estimation.shape import PromptShape
from optiq.estimation.shifts import moved
from optiq.estimation.shrunk import rule_of
from optiq.plan import Plan
from optiq.question import Kind
from optiq.statistics import METRICS, NAN, Statistics

ADDITIVE = ("cost_usd", "energy_j")


def clip(qoa: float) -> float:
    """``qoa`` within 0 to 1; NaN stays NaN."""
    return qoa if math.isnan(qoa) else min(max(qoa, 0.0), 1.0)


def sequential_rule(current: float, effect: float, bonus: float = 0.0) -> float:
    """QoA after a step: clip(current · effect), the effect being QoA(Seq(Li, Lj)) / max(ε, QoA(Lj)).

    ``bonus`` is added in rules other than the paper's (:mod:`optiq.estimation.shrunk`).
    """
    return clip(current * effect + bonus)


def relative_change(new: float, reference: float) -> float:
    """(new − ref) / max(ε, ref); 0 where either is unknown, as the neutral factor in a sequence."""
    change = (new - reference) / max(EPSILON, reference)
    return 0.0 if math.isnan(change) else change


def blend_rule(reference: float, changes: Sequence[tuple[float, int]]) -> float:
    """clip(reference · (1 + mean relative change of the branches)); ``changes`` are (change, weight)."""
    return clip(reference * (1 + mean_change(changes)))


def mean_change(changes: Sequence[tuple[float, int]]) -> float:
    """The mean of (change, weight)."""
    return sum(change * weight for change, weight in changes) / sum(weight for _, weight in changes)


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


def estimate(
    plan: Plan,
    statistics: Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    blender: str | None = None,
    confidence: float | None = None,
) -> Estimate:
    """The expected USD, seconds, joules and QoA of ``plan`` on a question, with the source of each figure.

    ``topics`` are (topic, weight) or bare names; the plan is estimated on each and the weighted mean taken.
    ``blender`` defaults to the model at the plan's blend nodes. With ``confidence`` (0 to 1, both excluded) the
    estimate has bounds that hold with this probability (:mod:`optiq.estimation.risk`). Unknown figures are NaN;
    nothing is below 0.

    Raises :class:`~optiq.errors.PlanError` if a blend node carries another model than ``blender``, and
    :class:`~optiq.errors.InputError` for topic weights that cannot be used.
    """
    if plan.blend_nodes:
        blender = plan.models[plan.blend_nodes[0]] if blender is None else blender
        plan.check_blender(blender)
    weights = topic_weights(topics)
    parts = []
    for catalog in catalogs(statistics, weights, kind, shape, blender):
        part = estimate_on(plan, catalog)
        parts.append(
            part if confidence is None else replace(part, bounds=Risk(catalog, confidence).bound(part))
        )
    return _moved(combine(weights, parts), statistics, kind)


def _moved(found: Estimate, statistics: Statistics, kind: Kind | str) -> Estimate:
    """The estimate on a question whose neighbours say more than its topics (:mod:`optiq.estimation.shifts`)."""
    shifts, bounds = statistics.shifts, found.bounds
    if shifts is None:
        return found if bounds is None else replace(found, bounds=replace(bounds, qoa=clip(bounds.qoa)))
    rule = rule_of(statistics, kind)
    qoa = moved(found.qoa, found.plan, shifts, rule)
    if bounds is not None:
        bounds = replace(bounds, qoa=moved(bounds.qoa, found.plan, shifts, rule))
    told = f"; neighbours n={shifts.n}: {qoa - found.qoa:+.3f}"
    answer = found.plan.k - 1
    sources = (
        row._replace(source=row.source + told) if (row.node, row.metric) == (answer, "qoa") else row
        for row in found.provenance
    )
    return replace(found, qoa=qoa, provenance=tuple(sources), bounds=bounds)


def estimate_on(plan: Plan, catalog: Catalog) -> Estimate:
    """The estimate of ``plan`` on one topic."""
    nodes: list[Node] = []
    for v in range(plan.k):
        nodes.append(_visit(plan, v, nodes, catalog))
    answer = nodes[-1]
    return Estimate(
        plan,
        cost_usd=_at_least_0(answer.total["cost_usd"]),
        latency_s=_at_least_0(answer.finish),
        energy_j=_at_least_0(answer.total["energy_j"]),
        qoa=answer.qoa,
        provenance=tuple(
            Source(v, metric, node.sources[metric]) for v, node in enumerate(nodes) for metric in METRICS
        ),
    )


def composed(plan: Plan, catalog: Catalog) -> tuple[float, float, float]:
    """Cost, latency and energy of ``plan`` on one topic as if it had not run itself; its sub-plans may have."""
    if plan.k == 1:
        cost, latency, energy = (catalog.composed_single(plan.models[0], metric) for metric in TOKEN_METRICS)
        return cost, latency, energy
    nodes: list[Node] = []
    for v in range(plan.k):
        node = Node()
        _spend(node, plan, v, nodes, catalog, recorded=v < plan.sink)
        nodes.append(node)
    cost, energy = (_at_least_0(nodes[-1].total[metric]) for metric in ADDITIVE)
    return cost, _at_least_0(nodes[-1].finish), energy


def _visit(plan: Plan, v: int, nodes: list[Node], catalog: Catalog) -> Node:
    node = Node()
    _spend(node, plan, v, nodes, catalog)
    node.qoa, node.reference, node.sources["qoa"] = _qoa(plan, v, nodes, catalog)
    if match := catalog.match(plan.subplan(v), "qoa"):
        trust = 1.0 if math.isnan(node.qoa) else catalog.trust(match.record)
        if trust > 0:
            ruled = 0.0 if trust == 1 else (1 - trust) * node.qoa
            node.qoa = trust * match.record.qoa + ruled
            node.sources["qoa"] = match.source if trust == 1 else f"shrunk n={match.record.n_observations}"
    return node


def _spend(
    node: Node, plan: Plan, v: int, nodes: list[Node], catalog: Catalog, recorded: bool = True
) -> None:
    """Cost, energy and latency up to and including node ``v``, put into ``node``."""
    matches = {
        metric: catalog.match(plan.subplan(v), metric) if recorded else None for metric in TOKEN_METRICS
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


def _qoa(plan: Plan, v: int, nodes: list[Node], catalog: Catalog) -> tuple[float, float, str]:
    """QoA by the rules, the reference to compare it with in a blend, and the source."""
    before = plan.predecessors(v)
    alone = catalog.qoa(plan.models[v])
    if not before:
        return alone.value, alone.value, alone.source
    if len(before) == 1:
        step = catalog.step(plan.models[before[0]], plan.models[v])
        qoa = sequential_rule(nodes[before[0]].qoa, step.share, step.bonus)
        return qoa, alone.value, "unknown" if math.isnan(qoa) else step.source
    # A branch that is itself a blend stands for all its leaves: it weighs as much as they would in the
    # flattened fan-in, and its change is measured against its own reference.
    leaves = plan.topology.leaves
    reference = catalog.blend_reference(tuple(plan.models[w] for w in leaves[v]))
    changes = [(catalog.change(nodes[u].qoa, nodes[u].reference), len(leaves[u])) for u in before]
    mean = mean_change(changes)
    return clip(catalog.blended(reference.value, mean)), reference.value, reference.source


def _latest(finishes: list[float]) -> float:
    """The latest of ``finishes``, 0 if there are none; unknown if one of them is."""
    if any(math.isnan(finish) for finish in finishes):
        return NAN
    return max(finishes, default=0.0)


def _at_least_0(value: float) -> float:
    return value if math.isnan(value) else max(value, 0.0)
