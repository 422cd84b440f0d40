"""Estimate one plan: the rules of section 4.2, node by node, in the paper's order.

This is the readable form and the oracle in tests; planners use :mod:`optiq.estimation.many_plans`.

At every node, from the first to the last:

1. If a record stands for the sub-plan that ends here (exact, else fuzzy from 0.75), its metrics replace what
   was accumulated; a metric that it lacks is estimated.
2. QoA: a source has its model's; after one predecessor the sequential rule applies, after several the blend
   rule.
3. Cost and energy accumulate over the set of nodes, so that an ancestor that several branches share counts
   once. Latency is the latest predecessor's finish plus the node's own time.
"""

from __future__ import annotations

import math
from dataclasses import replace

from optiq.estimation.accumulation import Node, at_least_0, spend
from optiq.estimation.catalog import Catalog, catalogs
from optiq.estimation.estimates import Confidence, Estimate, Source, Topics, combine, topic_weights
from optiq.estimation.estimator import Estimator, QualityRules, as_estimator
from optiq.estimation.figure import clip
from optiq.estimation.risk import Risk
from optiq.estimation.shifts import moved
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import METRIC_NAMES, RESOURCE_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import Statistics


def estimate(
    plan: Plan,
    known: Estimator | Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    blender: str | None = None,
    confidence: Confidence | None = None,
) -> Estimate:
    """The expected USD, seconds, joules and QoA of ``plan`` on a question, with the source of each figure.

    ``known`` is an estimator on a snapshot; from statistics alone plans are estimated as in the paper.
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
    estimator, weights = as_estimator(known), topic_weights(topics)
    parts = []
    for catalog in catalogs(estimator.statistics, weights, kind, shape, blender):
        part = estimate_on(plan, catalog, estimator.on(catalog))
        if confidence is not None:
            part = replace(part, bounds=Risk(catalog, confidence, estimator.start_answers).bound(part))
        parts.append(part)
    return _moved(combine(weights, parts), estimator, kind)


def _moved(found: Estimate, estimator: Estimator, kind: Kind | str) -> Estimate:
    """The estimate on a question whose neighbours say more than its topics (:mod:`optiq.estimation.shifts`)."""
    shifts, bounds = estimator.shifts, found.bounds
    if shifts is None:
        return found if bounds is None else replace(found, bounds=replace(bounds, qoa=clip(bounds.qoa)))
    rule = estimator.shares(kind)
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


def estimate_on(plan: Plan, catalog: Catalog, rules: QualityRules) -> Estimate:
    """The estimate of ``plan`` on one topic, of which ``rules`` are an estimator's."""
    nodes: list[Node] = []
    for v in range(plan.k):
        nodes.append(_visit(plan, v, nodes, catalog, rules))
    answer = nodes[-1]
    spent = [at_least_0(answer.total[metric]) for metric in RESOURCE_NAMES]
    sources = tuple(
        Source(v, metric, node.sources[metric]) for v, node in enumerate(nodes) for metric in METRIC_NAMES
    )
    return replace(Estimate.of(plan, [*spent, answer.qoa]), provenance=sources)


def _visit(plan: Plan, v: int, nodes: list[Node], catalog: Catalog, rules: QualityRules) -> Node:
    node = Node()
    spend(node, plan, v, nodes, catalog)
    node.qoa, node.reference, node.sources["qoa"] = _qoa(plan, v, nodes, rules)
    if match := catalog.match(plan.subplan(v), "qoa", rules.similar):
        trust = 1.0 if math.isnan(node.qoa) else rules.trust(match.record)
        if trust > 0:
            ruled = 0.0 if trust == 1 else (1 - trust) * node.qoa
            node.qoa = trust * match.record.qoa + ruled
            node.sources["qoa"] = match.source if trust == 1 else f"shrunk n={match.record.n_observations}"
    return node


def _qoa(plan: Plan, v: int, nodes: list[Node], rules: QualityRules) -> tuple[float, float, str]:
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
