"""A checked planning task from what a caller gives."""

from __future__ import annotations

from collections.abc import Sequence

from optiq.errors import InputError
from optiq.estimation.estimates import Topics, topic_weights
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.risk import parse_confidence
from optiq.planning.planners.protocol import PlanningTask
from optiq.planning.pool import usable_pool
from optiq.plans.enumeration import check_operations
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind
from optiq.statistics.snapshot import Statistics

MAX_ASSIGNMENTS = 1 << 44
"""Assignments of models to one topology up to which plans can be numbered: 78 models in 7 operations."""


def planning_task(
    known: Estimator | Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    models: Sequence[str] | None = None,
    blender: str | None = None,
    max_operations: int = 3,
    seed: int = 0,
    budget: Budget | None = None,
    confidence: float | None = None,
) -> PlanningTask:
    """The checked task that planners are given: usable models, weights that sum to 1, a supported size.

    ``known`` is an estimator on a snapshot; from statistics alone plans are estimated as in the paper.
    """
    check_operations(max_operations)
    estimator, weights = as_estimator(known), topic_weights(topics)
    pool = usable_pool(estimator, weights, kind, models, blender)
    if len(pool.models) ** max_operations > MAX_ASSIGNMENTS:
        raise InputError(
            f"{len(pool.models)} models in {max_operations} operations are more than supported",
            "Plan over fewer models (--models) or fewer operations (--max-operations).",
        )
    if confidence is not None:
        parse_confidence(confidence, "confidence")
    given = budget or Budget()
    return PlanningTask(estimator, weights, kind, shape, pool, max_operations, given, seed, confidence)
