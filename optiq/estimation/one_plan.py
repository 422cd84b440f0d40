"""One plan on one question, with where each figure comes from: topics, bounds and neighbours around the oracle.

:mod:`optiq.estimation.many_plans` gives the same values for many plans at once.
"""

from __future__ import annotations

from dataclasses import replace

from optiq.estimation.catalog import catalogs
from optiq.estimation.estimates import Confidence, Estimate, Topics, clip, combine, topic_weights
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.oracle import estimate_on
from optiq.estimation.risk import Risk
from optiq.estimation.shifts import moved
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
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
            risk = Risk(catalog, confidence, estimator.start_answers, estimator.part_answers)
            part = replace(part, bounds=risk.bound(part))
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
