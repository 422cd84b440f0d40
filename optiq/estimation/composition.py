"""Plans from their parts: what a chain or a blend is worth when it was run rarely or never.

The value of a node lies between its own model's and what it hears: ``(1 - w) · own + w · heard + g``. The share
``w`` and the gain ``g`` are learned from the composed plans that were run, apart for chains and blends, and start
from an even share without a gain. Such an estimate cannot compound to 1, as ratios do, and a plan that was
run is drawn towards it by as much as its runs are few. What is learned from is what plans do on all topics of a task
together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optiq.plans.plan import Plan
from optiq.plans.wired import single_key
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ANY_TOPIC, Record, Statistics

FloatArray = NDArray[np.float64]

PRIOR_WEIGHT = 25.0
"""So many observations' worth of an even share without a gain, before anything is learned."""

STRENGTH = 10.0
"""So many observations weigh as much as what the parts say: the variance within plans over that between them, which
is 0.2 over 0.02 on recorded multiple choice and 0.05 over 0.005 on recorded open questions."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Share of what is heard, and gain, for chains and for blends."""

    chain: tuple[float, float] = (0.5, 0.0)
    blend: tuple[float, float] = (0.5, 0.0)

    def of(self, blends: bool) -> tuple[float, float]:
        """(share, gain) of a node with one predecessor, or of one that blends."""
        return self.blend if blends else self.chain


def node_values(plan: Plan, alone: Mapping[str, float], rule: Rule) -> list[float]:
    """The value at each node, from what the models are worth ``alone``; within 0 to 1."""
    found: list[float] = []
    for node, model in enumerate(plan.models):
        before = plan.predecessors(node)
        if not before:
            found.append(alone[model])
            continue
        share, gain = rule.of(len(before) > 1)
        heard = sum(found[u] for u in before) / len(before)
        found.append(min(max((1 - share) * alone[model] + share * heard + gain, 0.0), 1.0))
    return found


def learn_rule(
    plans: Sequence[Plan], means: FloatArray, weights: FloatArray, alone: Mapping[str, float]
) -> Rule:
    """The rule that fits the observed ``means`` of composed ``plans``, each with its weight, best.

    Three rounds: what a node hears follows from the rule itself where plans are deeper than two.
    """
    rule = Rule()
    rows = [
        (plan, float(mean), float(weight))
        for plan, mean, weight in zip(plans, means, weights, strict=True)
        if plan.k > 1 and weight > 0 and all(model in alone for model in plan.models)
    ]
    for _ in range(3):
        fitted = []
        for blends in (False, True):
            design, target, weight = [], [], []
            for plan, mean, n in rows:
                before = plan.predecessors(plan.sink)
                if (len(before) > 1) is not blends:
                    continue
                values = node_values(plan, alone, rule)
                own = alone[plan.models[-1]]
                design.append((sum(values[u] for u in before) / len(before) - own, 1.0))
                target.append(mean - own)
                weight.append(n)
            fitted.append(
                _share_and_gain(np.array(design).reshape(-1, 2), np.array(target), np.array(weight))
            )
        rule = Rule(*fitted)
    return rule


def _share_and_gain(design: FloatArray, target: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Weighted least squares, drawn towards a share of a half and no gain; the share within 0 to 1."""
    start = np.array([0.5, 0.0])
    # a unit of QoA difference between a node and what it hears is rare: a tenth stands for one observation
    precision = PRIOR_WEIGHT * np.diag([0.01, 1.0])
    left = precision + design.T @ (design * weight[:, None])
    right = precision @ start + design.T @ (target * weight)
    share, gain = np.linalg.solve(left, right)
    return float(np.clip(share, 0, 1)), float(gain)


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
    return drawn(pooled(statistics, kind).get(single_key(model)), figure)


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
