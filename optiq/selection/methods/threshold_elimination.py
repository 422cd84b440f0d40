"""Threshold successive elimination: all combinations above a quality, not the single best (AgentOpt, 5.2)."""

from __future__ import annotations

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.intervals import standard_errors
from optiq.selection.methods.base import Method
from optiq.selection.protocol import Problem, Ranking

_FIRST, _PIECE = 8, 4
"""Examples for all, and then at once for those whose side is not clear."""


class ThresholdElimination(Method):
    """Classifies every combination as above or below ``threshold`` and stops with each as soon as that is clear.

    ``threshold`` None takes the objective's floor or lowest accuracy, else 0.5. ``certainty`` is in standard
    deviations: with 2 three times as much is run, for two points more accuracy where much is near the threshold
    (docs/selection.md). Those above are ranked by their lower bounds; which of them is best is not looked into.
    """

    name = "threshold-successive-elimination"

    def __init__(self, problem: Problem, threshold: float | None = None, certainty: float = 1.0) -> None:
        super().__init__(problem)
        objective = problem.objective
        given = threshold if threshold is not None else objective.floor or objective.min_accuracy or 0.5
        if not 0 <= given <= 1 or not certainty > 0:
            raise InputError(
                f"threshold {given}, certainty {certainty} cannot be used",
                "Give a threshold from 0 to 1 and a certainty above 0.",
            )
        self.threshold, self.certainty = float(given), float(certainty)

    def ask(self, evidence: Evidence) -> list[Run]:
        """The next piece of examples for all whose side is not clear."""
        order = self.problem.order
        first = min(_FIRST, len(order))
        if runs := self.fresh(evidence, range(len(self.space)), order[:first]):
            return runs
        radius = self.certainty * standard_errors(evidence.score)
        self.eliminated = evidence.accuracy + radius < self.threshold
        unclear = np.abs(evidence.accuracy - self.threshold) <= radius
        runs = []
        for place in np.flatnonzero(unclear & (evidence.counts < len(order))).tolist():
            runs += self.fresh(evidence, [place], order[: int(evidence.counts[place]) + _PIECE])
        return runs

    def ranking(self, evidence: Evidence) -> Ranking:
        """Those that are not below, by the lower bound of what they are worth."""
        if self.problem.objective.kind == "cheapest":
            return super().ranking(evidence)
        errors = standard_errors(self.problem.objective.rewards(evidence))
        value = self.values(evidence) - np.where(np.isfinite(errors), self.certainty * errors, np.inf)
        return self.rank_by(evidence, value)

    def floor(self, evidence: Evidence) -> float | None:
        """The threshold stands for the floor that was not given."""
        objective = self.problem.objective
        if objective.kind == "cheapest" and objective.floor is None:
            return self.threshold
        return super().floor(evidence)
