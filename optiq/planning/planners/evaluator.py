"""What searching planners share: estimates made once each, and the repair of changed plans.

:class:`Evaluator` remembers the figures of every plan it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.estimates import Confidence, Estimate
from optiq.estimation.plan_rows import PlanRows
from optiq.planning.frontier import losses, nondominated
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan, canonical_plan
from optiq.plans.topology import Edge
from optiq.questions.metric import METRICS

FloatArray = NDArray[np.float64]

BATCH = 4096
"""Plans that are estimated at once."""


class Evaluator:
    """The figures that plans are judged by, each estimated once: expected ones, with a confidence their bounds."""

    def __init__(self, task: PlanningTask) -> None:
        self.task = task
        self._arrays = task.arrays()
        self.known: dict[Plan, tuple[float, ...]] = {}
        self._expected: dict[Plan, tuple[float, ...]] = {}

    def figures(self, plans: Sequence[Plan]) -> FloatArray:
        """(metrics, plans): the figures in the order of METRICS."""
        new = list(dict.fromkeys(plan for plan in plans if plan not in self.known))
        for first in range(0, len(new), BATCH):
            part = new[first : first + BATCH]
            rows = PlanRows.of(part, self.task.pool)
            values, judged = self._arrays.values_and_bounds(rows, self.task.shape)
            judged = judged.take(rows.plan_rows, axis=1)
            self.known.update(zip(part, map(tuple, judged.T.tolist()), strict=True))
            if self.task.confidence is not None:
                values = values.take(rows.plan_rows, axis=1)
                self._expected.update(zip(part, map(tuple, values.T.tolist()), strict=True))
        return np.array([self.known[plan] for plan in plans]).reshape(-1, len(METRICS)).T

    def losses(self, plans: Sequence[Plan]) -> FloatArray:
        """(metrics, plans): smaller is better, rounded as on the frontier."""
        return losses(self.figures(plans))

    def frontier(self, plans: Iterable[Plan]) -> list[Estimate]:
        """The non-dominated among ``plans``, in plan order."""
        found = list(dict.fromkeys(plans))
        judged = expected = self.figures(found)
        if self.task.confidence is not None:
            expected = np.array([self._expected[plan] for plan in found]).reshape(-1, len(METRICS)).T
        return frontier_of(found, judged, expected, self.task.confidence)


def frontier_of(
    plans: Sequence[Plan], judged: FloatArray, expected: FloatArray, confidence: Confidence | None = None
) -> list[Estimate]:
    """The non-dominated among distinct ``plans``, in plan order.

    ``judged`` (metrics, plans) are the figures that they are judged by: with ``confidence`` the bounds of the
    ``expected`` ones, else these.
    """
    order = sorted(range(len(plans)), key=lambda i: plans[i].order)
    best = [order[i] for i in nondominated(losses(judged[:, order])).tolist()]
    return [Estimate.of(plans[i], expected[:, i].tolist(), judged[:, i].tolist(), confidence) for i in best]


def repaired(models: Sequence[str], edges: Iterable[Edge], task: PlanningTask, spare: str) -> Plan | None:
    """The canonical plan of a graph with edges from lower to higher nodes, mended to be one.

    Nodes that feed nothing feed the last one. Nodes with several predecessors get the blender; if there is
    none the plan cannot be mended (None). A blender that is left at a node with one predecessor gives way to
    ``spare`` unless it is a base model, too.
    """
    k = len(models)
    found = set(edges)
    found |= {(v, k - 1) for v in range(k - 1) if not any(i == v for i, _ in found)}
    names = []
    for v, name in enumerate(models):
        if sum(j == v for _, j in found) > 1:
            if task.pool.blender is None:
                return None
            names.append(task.pool.blender)
        else:
            names.append(name if name in task.pool.models else spare)
    return canonical_plan(tuple(names), tuple(sorted(found)))
