"""From a question to a chosen plan (Opti-Q, sections 3.2 and 4.3); :mod:`optiq.planning.pipeline` lists the steps.

:class:`Planning` plans questions; :func:`plan_batch` does so without their texts, and :func:`plan_frontier` gives the
plans that no other plan beats on all four metrics.
"""

from optiq.planning.bounds import OperationBound, bound_operations
from optiq.planning.explain import estimates_frame
from optiq.planning.items import BatchItem, new_topics
from optiq.planning.pipeline import PlannedQuestion, Planning, estimate_rows, plan_batch, plan_frontier
from optiq.planning.planners.registry import PlannerDecision, decide_planner, make_planner
from optiq.planning.pool import choose_blender, choose_pool
from optiq.planning.task import Planner, PlanningTask, planning_task

__all__ = [
    "BatchItem",
    "OperationBound",
    "PlannedQuestion",
    "Planner",
    "PlannerDecision",
    "Planning",
    "PlanningTask",
    "bound_operations",
    "choose_blender",
    "choose_pool",
    "decide_planner",
    "estimate_rows",
    "estimates_frame",
    "make_planner",
    "new_topics",
    "plan_batch",
    "plan_frontier",
    "planning_task",
]
