"""How a question's neighbours move the figures of models, and through them those of every plan.

A plan hears its models in shares (:mod:`optiq.estimation.composition`): its quality moves by the mean of its models'
shifts, weighted by those shares. What was recorded of the plan on the topic is a mean over the topic's questions, so
it moves, too. Everything is linear, so that arrays of plans and questions are a product of two matrices.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.composition import Rule
from optiq.estimation.pool import Pool
from optiq.estimation.rows import Rows
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts

FloatArray = NDArray[np.float64]

DIGITS = 3
"""Shifts are rounded to so many decimals: less is noise."""


def plan_weights(plan: Plan, rule: Rule) -> dict[str, float]:
    """How much each model counts in a plan; the weights sum to 1. A branch weighs as much as its leaves."""
    nodes: list[dict[str, float]] = []
    for v, model in enumerate(plan.models):
        before = plan.predecessors(v)
        share = rule.of(len(before) > 1)[0] if before else 0.0
        found = {model: 1.0 - share}
        many = sum(len(plan.topology.leaves[u]) for u in before)
        for u in before:
            part = share * len(plan.topology.leaves[u]) / many
            for name, weight in nodes[u].items():
                found[name] = found.get(name, 0.0) + part * weight
        nodes.append(found)
    return nodes[-1]


def moved(qoa: float, plan: Plan, shifts: Shifts | None, rule: Rule) -> float:
    """The quality of a plan on a question, from its quality on the topic; within 0 to 1, unknown stays unknown."""
    if shifts is None or math.isnan(qoa):
        return qoa
    shift = sum(weight * shifts.of(name) for name, weight in plan_weights(plan, rule).items())
    return min(max(qoa + shift, 0.0), 1.0)


def row_shifts(rows: Rows, pool: Pool, by_name: FloatArray, rule: Rule) -> FloatArray:
    """(rows): by how much every plan moves where models move by ``by_name`` (names of the pool)."""
    found: FloatArray = np.zeros(rows.n_rows)
    own = by_name[pool.of_base]
    chain, blend = rule.chain[0], rule.blend[0]
    for chunk in rows.chunks:
        if len(chunk.branches) == 0:
            found[chunk.rows] = own[chunk.last]
        elif len(chunk.branches) == 1:
            before = found.take(chunk.branches[0].ravel())
            found[chunk.rows] = chain * before + (1 - chain) * own[chunk.last]
        else:
            heard: FloatArray = np.zeros(1)
            for branch, share in zip(chunk.branches, chunk.shares, strict=True):
                heard = heard + found.take(branch) * share
            found[chunk.rows] = (blend * heard + (1 - blend) * by_name[pool.blender_number]).ravel()
    return found


def model_shares(rows: Rows, pool: Pool, rule: Rule) -> FloatArray:
    """(names of the pool, plans of ``rows``): how much each model counts in each plan."""
    each = np.eye(len(pool.names))
    return np.stack([row_shifts(rows, pool, alone, rule).take(rows.plan_rows) for alone in each])
