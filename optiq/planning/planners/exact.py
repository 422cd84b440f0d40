"""The exact planner: estimate every plan, keep the non-dominated ones (section 4.3).

Enumeration with shared prefixes is exact also where records override estimates, where nodes feed several
successors and where pruning of partial plans would not be, and it is faster than the
published searches up to six operations with five models.
"""

from __future__ import annotations

from optiq.estimation.estimates import Estimate
from optiq.planning.frontier import losses, nondominated
from optiq.planning.task import PlanningTask


class ExactPlanner:
    """All non-dominated plans. Time and memory grow with the number of plans: about 60 bytes each."""

    name = "exact"

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """See :class:`~optiq.planning.task.Planner`."""
        every, pool = task.space(), task.pool
        values, bounds = task.arrays().values_and_bounds(every, task.shape)
        rows = every.plan_rows
        found = []
        for row in rows[nondominated(losses(bounds.take(rows, axis=1)))].tolist():
            plan = every.plan(row, pool.models, pool.blender)
            found.append(Estimate.of(plan, values[:, row].tolist(), bounds[:, row].tolist(), task.confidence))
        return found
