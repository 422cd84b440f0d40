"""What every planner is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from optiq.estimation.estimates import Estimate
from optiq.estimation.estimator import Estimator
from optiq.estimation.ingredients import Pool
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Kind


@dataclass(frozen=True)
class PlanningTask:
    """One planning problem: find the non-dominated plans over ``pool`` with up to ``max_operations`` calls.

    ``topics`` are (topic, weight) with weights that sum to 1. ``budget`` may guide a search; it does not
    change the frontier that is looked for, whose feasible part is chosen from afterwards.
    A planner that draws random numbers draws all of them from ``seed``. With ``confidence`` plans are
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
    confidence: float | None = None


class Planner(Protocol):
    """A search for the frontier. Made without arguments from the entry-point group ``optiq.planners``."""

    name: str

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """Non-dominated plans with their estimates (no provenance), in plan order.

        Of plans with equal figures the first in plan order is kept.
        """
        ...
