"""Search for the plans that no other plan beats on all four metrics (Opti-Q, section 4.3).

:func:`plan_frontier` gives them for one question and :func:`optiq.planning.choose.choose` picks one;
:func:`plan_batch` does both for many questions.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from optiq.errors import OptiqWarning
from optiq.estimation.estimates import Estimate, Topics
from optiq.estimation.estimator import Estimator
from optiq.planning.batch import BatchItem, plan_batch
from optiq.planning.bounds import OperationBound, bound_operations
from optiq.planning.planners.protocol import Planner, PlanningTask
from optiq.planning.planners.registry import PLANNERS, PlannerDecision, decide_planner, make_planner
from optiq.planning.planners.tasks import planning_task
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind
from optiq.statistics.snapshot import Statistics

__all__ = [
    "PLANNERS",
    "BatchItem",
    "OperationBound",
    "Planner",
    "PlannerDecision",
    "PlanningTask",
    "bound_operations",
    "decide_planner",
    "make_planner",
    "plan_batch",
    "plan_frontier",
    "planning_task",
]


def plan_frontier(
    known: Estimator | Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    models: Sequence[str] | None = None,
    blender: str | None = None,
    max_operations: int = 3,
    planner: str = "exact",
    seed: int = 0,
    budget: Budget | None = None,
    confidence: float | None = None,
) -> list[Estimate]:
    """The non-dominated plans for a question, in plan order, without provenance.

    ``known`` is an estimator on a snapshot; from statistics alone plans are estimated as in the paper.
    ``models`` None means all that it knows; ``blender`` None means no plan with a blend.
    ``budget`` may guide a search but does not change what is looked for. With ``confidence`` the plans are those
    whose bounds no other plan beats. ``exact`` gives way to ``nsga2``
    where the space is too large, with a warning (:func:`decide_planner` states the rule).

    Raises :class:`~optiq.errors.InputError` for more operations than supported and
    :class:`~optiq.errors.UnknownName` for an unknown planner or a pool without figures.
    """
    task = planning_task(
        known, topics, kind, shape, models, blender, max_operations, seed, budget, confidence
    )
    decision = decide_planner(
        planner, len(task.pool.models), task.pool.blender is not None, task.max_operations
    )
    if decision.planner != planner:
        warnings.warn(decision.reason, OptiqWarning, stacklevel=2)
    return make_planner(decision.planner).frontier(task)
