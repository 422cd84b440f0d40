"""Plans from their parts: what a chain or a blend is worth when it was run rarely or never.

The value of a node lies between its own model's and what it hears: ``(1 - w) · own + w · heard + g``. The share
``w`` and the gain ``g`` are learned from the composed plans that were run, apart for chains and blends, and start
from an even share without a gain. Such an estimate cannot compound to 1, as ratios do, and a plan that was
run is drawn towards it by as much as its runs are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.plans.plan import Plan

FloatArray = NDArray[np.float64]

PRIOR_WEIGHT = 25.0
"""So many observations' worth of an even share without a gain, before anything is learned."""


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
