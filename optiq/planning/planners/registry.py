"""The planners by name, and which one is used for a space of plans."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import cast

from optiq.errors import OptiqWarning
from optiq.extensions.built_in import PLANNERS
from optiq.planning.task import Planner, PlanningTask
from optiq.plans.enumeration import count_plans

EXACT_LIMIT = 2_500_000
"""Plans up to which enumeration is allowed: about a second and 300 MB."""

EXACT_OPERATIONS = 6
"""Operations up to which enumeration is allowed where there are blends."""

FALLBACK = "nsga2"


def make_planner(name: str) -> Planner:
    """A planner by name; :class:`~optiq.errors.UnknownName` lists those that there are."""
    return cast(Planner, PLANNERS.load(name)())


@dataclass(frozen=True, slots=True)
class PlannerDecision:
    """Which planner is used, for how many plans, and why, in one line."""

    planner: str
    n_plans: int
    reason: str


def decide_planner(name: str, n_models: int, blender: bool, max_operations: int) -> PlannerDecision:
    """``name``, unless it is ``exact`` and the space is too large for it: then ``nsga2``.

    Too large is more than 2,500,000 plans, or blends of seven operations, whose 138,101 topologies take longer
    to lay out than plans to estimate.
    """
    PLANNERS.check(name)
    n_plans = space_size(n_models, blender, max_operations)
    plans = "1 plan" if n_plans == 1 else f"{n_plans:,} plans"
    if name != "exact":
        return PlannerDecision(name, n_plans, f"{name} was asked for; the space has {plans}")
    if n_plans > EXACT_LIMIT:
        why = f"{plans} are more than {EXACT_LIMIT:,}"
    elif blender and max_operations > EXACT_OPERATIONS:
        why = f"blends of {max_operations} operations are more than {EXACT_OPERATIONS}"
    else:
        few = "is all there is" if n_plans == 1 else "are few enough: all are estimated"
        return PlannerDecision(name, n_plans, f"{plans} {few}")
    return PlannerDecision(FALLBACK, n_plans, f"{why}: {FALLBACK} searches instead of estimating all")


def usable_planner(name: str, task: PlanningTask) -> str:
    """The planner that is used for a task; an :class:`~optiq.errors.OptiqWarning` says why where it is another."""
    decision = decide_planner(name, len(task.pool.models), task.pool.blender is not None, task.max_operations)
    if decision.planner != name:
        warnings.warn(decision.reason, OptiqWarning, stacklevel=3)
    return decision.planner


def space_size(n_models: int, blender: bool, max_operations: int) -> int:
    """The number of plans with up to ``max_operations`` calls."""
    return sum(count_plans(k, n_models, blender) for k in range(1, max_operations + 1))
