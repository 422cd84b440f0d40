"""Bottom-up dynamic programming over canonical topologies (Opti-Q, section 4.3), with the paper's prunings.

Plans of k − 1 operations are extended by one node in every admissible way and merged by their canonical
form, so that each bucket (a connectivity map) holds every assignment once. The new node either comes last
and reads the answer and any other nodes, or is a source that feeds any nodes; the second alone reaches every
plan, the first gives the Δ gate the parents that the paper compares with.

Without pruning the result is that of ``exact``, more slowly: this planner is here as the baseline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optiq.errors import InputError
from optiq.estimation.estimates import Estimate
from optiq.planning.planners.evaluator import Evaluator
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan, canonical_plan

PRUNINGS = ("none", "delta", "epsilon")


@dataclass(frozen=True)
class DynamicProgrammingPlanner:
    """The paper's exact baseline, and its prunings.

    ``pruning`` is ``none``, ``delta`` (a child stays if its QoA is ``delta`` above a parent's) or ``epsilon``
    (in a bucket a plan goes if another is within 1 + ``epsilon`` of it on all metrics).
    """

    pruning: str = "none"
    delta: float = 0.05
    epsilon: float = 0.05
    name: str = "dp"

    def __post_init__(self) -> None:
        if self.pruning not in PRUNINGS:
            raise InputError(f"unknown pruning {self.pruning!r}", f"Prunings are {', '.join(PRUNINGS)}.")

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """See :class:`~optiq.planning.task.Planner`."""
        evaluator = Evaluator(task)
        layer = [Plan.of([model]) for model in task.pool.models]
        evaluator.figures(layer)
        kept = list(layer)
        for _ in range(1, task.max_operations):
            layer = self._pruned(self._children(layer, task, evaluator), evaluator)
            kept += layer
        return evaluator.frontier(kept)

    def _children(self, parents: list[Plan], task: PlanningTask, evaluator: Evaluator) -> list[Plan]:
        """The extensions of ``parents`` that the gate lets through, each once."""
        families = [(parent, list(dict.fromkeys(_extensions(parent, task)))) for parent in parents]
        children = list(dict.fromkeys(child for _, found in families for child in found))
        evaluator.figures(children)
        if self.pruning != "delta":
            return children
        progressed: set[Plan] = set()
        for parent, found in families:
            floor = evaluator.known[parent][-1] + self.delta
            progressed.update(child for child in found if evaluator.known[child][-1] >= floor)
        return [child for child in children if child in progressed]

    def _pruned(self, plans: list[Plan], evaluator: Evaluator) -> list[Plan]:
        """Within each bucket: drop what another plan ε-dominates."""
        if self.pruning != "epsilon":
            return plans
        buckets: dict[int, list[Plan]] = {}
        for plan in sorted(plans, key=lambda plan: plan.order):
            buckets.setdefault(plan.connectivity_map, []).append(plan)
        return [plan for bucket in buckets.values() for plan in self._cover(bucket, evaluator)]

    def _cover(self, bucket: list[Plan], evaluator: Evaluator) -> list[Plan]:
        """Plans of the bucket such that each is within 1 + ε of one of them on every metric."""
        costs = evaluator.figures(bucket)
        # with QoA as a divisor: within 1 + ε means qoa · (1 + ε) ≥ the other's
        costs[-1] = 1.0 / np.maximum(costs[-1], 1e-9)
        costs = np.where(np.isnan(costs), np.inf, costs)
        left = np.arange(len(bucket))
        kept: list[int] = []
        while len(left):
            best = int(left[np.argmin(np.log(np.maximum(costs[:, left], 1e-300)).sum(axis=0))])
            kept.append(best)
            covered = (costs[:, [best]] <= costs[:, left] * (1 + self.epsilon)).all(axis=0)
            left = left[~covered & (left != best)]
        return [bucket[i] for i in sorted(kept)]


def _extensions(plan: Plan, task: PlanningTask) -> Iterator[Plan]:
    """All plans with one node more, as a last node or as a source."""
    k = plan.k
    blender = task.pool.blender
    others = range(k - 1)
    for chosen in range(1 << (k - 1)):
        edges = tuple(sorted([*plan.edges, (k - 1, k), *((u, k) for u in others if chosen >> u & 1)]))
        if not chosen:
            yield from (canonical_plan((*plan.models, model), edges) for model in task.pool.models)
        elif blender is not None:
            yield canonical_plan((*plan.models, blender), edges)
    if blender is None:
        return
    shifted = [(i + 1, j + 1) for i, j in plan.edges]
    for fed in range(1, 1 << k):
        edges = (*((0, v + 1) for v in range(k) if fed >> v & 1), *shifted)
        # a node that reads one output already becomes a blend
        models = tuple(
            blender if fed >> v & 1 and plan.predecessors(v) else name for v, name in enumerate(plan.models)
        )
        yield from (canonical_plan((model, *models), edges) for model in task.pool.models)
