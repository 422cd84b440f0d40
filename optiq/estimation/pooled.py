"""What plans do on all topics of a task together, and the rule of compositions that follows from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from optiq.estimation.composition import Rule, learn_rule
from optiq.plans.plan import Plan
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ANY_TOPIC, Record, Statistics

STRENGTH = 10.0
"""So many observations weigh as much as what the parts say: the variance within plans over that between them, which
is 0.2 over 0.02 on recorded multiple choice and 0.05 over 0.005 on recorded open questions."""


class Pooled(NamedTuple):
    """Mean QoA of a plan over all topics of a task, and on how many observations."""

    n: float
    qoa: float


def pooled(statistics: Statistics, kind: Kind | str) -> dict[str, Pooled]:
    """Per plan_key the mean over topics; over questions without a topic where there are no others."""
    key = "pooled", getattr(kind, "task", str(kind))
    if key not in statistics.derived:
        sums: dict[str, list[float]] = {}
        for topic in statistics.topics or (ANY_TOPIC,):
            for plan_key, record in statistics.records(topic, kind).items():
                if not math.isnan(record.qoa):
                    total = sums.setdefault(plan_key, [0.0, 0.0])
                    n = observations(record)
                    total[0] += n
                    total[1] += n * record.qoa
        statistics.derived[key] = {k: Pooled(n, s / n) for k, (n, s) in sums.items() if n > 0}
    found: dict[str, Pooled] = statistics.derived[key]
    return found


def rule_of(statistics: Statistics, kind: Kind | str) -> Rule:
    """The shares and gains of chains and blends on questions of a kind; the same on all topics.

    Learned from the pairs and blends of single models.
    """
    key = "rule", getattr(kind, "task", str(kind))
    if key not in statistics.derived:
        known = pooled(statistics, kind)
        plans = [p for p in map(Plan.from_key, known) if p.k == 2 or (2 < p.k < 6 and is_flat(p))]
        names = {name for plan in plans for name in plan.models}
        alone = {name: q for name in sorted(names) if not math.isnan(q := usual(statistics, kind, name))}
        found = [known[plan.key] for plan in plans]
        means, weights = np.array([f.qoa for f in found]), np.array([f.n for f in found])
        statistics.derived[key] = learn_rule(plans, means, weights, alone)
    rule: Rule = statistics.derived[key]
    return rule


def usual(statistics: Statistics, kind: Kind | str, model: str) -> float:
    """A model alone on any topic: its runs, drawn to its published figure."""
    figure = statistics.figures(model, ANY_TOPIC, kind).qoa
    return drawn(pooled(statistics, kind).get(f"1:0:{model}"), figure)


def drawn(found: Pooled | None, start: float) -> float:
    """A mean drawn to its start by as much as it is unsure; the one that is known where the other is not."""
    if found is None or found.n == 0 or math.isnan(found.qoa):
        return start
    if math.isnan(start):
        return found.qoa
    return (found.n * found.qoa + STRENGTH * start) / (found.n + STRENGTH)


def observations(record: Record) -> float:
    """How much a record knows: its distinct questions where they are told, else its executions."""
    return float(record.n_questions or record.n_observations)


def is_flat(plan: Plan) -> bool:
    """Whether a plan is one blend of single models."""
    return plan.k > 2 and plan.edges == tuple((v, plan.k - 1) for v in range(plan.k - 1))
