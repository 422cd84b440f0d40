"""What a planner is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from optiq.errors import InputError
from optiq.estimation.catalog import price_tiers
from optiq.estimation.estimates import Confidence, Estimate, Topics, probability_of, topic_weights
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.pool import Pool
from optiq.estimation.risk import parse_confidence
from optiq.estimation.space import Space, space
from optiq.planning.pool import usable_pool
from optiq.plans.enumeration import check_operations
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind
from optiq.statistics.snapshot import Statistics

MAX_ASSIGNMENTS = 1 << 44
"""Assignments of models to one topology up to which plans can be numbered: 78 models in 7 operations."""


@dataclass(frozen=True)
class PlanningTask:
    """One planning problem: find the non-dominated plans over ``pool`` with up to ``max_operations`` calls.

    ``topics`` are (topic, weight) with weights that sum to 1. ``budget`` may guide a search; it does not
    change the frontier that is looked for, whose feasible part is chosen from afterwards. A planner that draws
    random numbers draws all of them from ``seed``. With ``confidence`` plans are
    compared by their bounds (:attr:`~optiq.estimation.estimates.Estimate.judged`), and limits hold for those.
    """

    estimator: Estimator
    topics: tuple[tuple[str, float], ...]
    kind: Kind | str
    shape: PromptShape
    pool: Pool
    max_operations: int
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    confidence: Confidence | None = None

    def arrays(self) -> ArrayEstimator:
        """What estimates many plans at once."""
        return ArrayEstimator(self.estimator, self.topics, self.kind, self.pool, self.confidence)

    def price_tiers(self, question_chars: int) -> tuple[int, ...]:
        """Which tiers of prices questions of that length reach: () where no price depends on it."""
        shape, names = replace(self.shape, question_chars=question_chars), self.pool.names
        known = self.estimator.statistics
        return tuple(
            tier for topic, _ in self.topics for tier in price_tiers(known, topic, self.kind, shape, names)
        )

    def space(self) -> Space:
        """All plans, as rows."""
        return space(len(self.pool.models), self.max_operations, self.pool.blender is not None)


class Planner(Protocol):
    """A search for the frontier. Made without arguments from the entry-point group ``optiq.planners``."""

    name: str

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """Non-dominated plans with their estimates (no provenance), in plan order.

        Of plans with equal figures the first in plan order is kept.
        """
        ...


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
    confidence: Confidence | None = None,
) -> PlanningTask:
    """The checked task that planners are given: usable models, weights that sum to 1, a supported size.

    ``known`` is an estimator on a snapshot; from statistics alone plans are estimated as in the paper.
    ``models`` None means all that it knows; ``blender`` None means no plan with a blend.

    Raises :class:`~optiq.errors.InputError` for more operations than supported and
    :class:`~optiq.errors.UnknownName` for a pool without figures.
    """
    check_operations(max_operations)
    estimator, weights = as_estimator(known), topic_weights(topics)
    pool = usable_pool(estimator, weights, kind, models, blender)
    if len(pool.models) ** max_operations > MAX_ASSIGNMENTS:
        raise InputError(
            f"{len(pool.models)} models in {max_operations} operations are more than supported",
            "Plan over fewer models (--models) or fewer operations (--max-operations).",
        )
    if (probability := probability_of(confidence)) is not None:
        parse_confidence(probability, "confidence")
    given = budget or Budget()
    return PlanningTask(estimator, weights, kind, shape, pool, max_operations, given, seed, confidence)
