"""What plans are expected to cost and to take before they run, and which of them fit the limits.

The estimates are the product's (:mod:`optiq.planning`), so that no policy has better ones than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.replay import Setting
from optiq.evaluation.snapshot import planning_of
from optiq.questions.metric import RESOURCES
from optiq.questions.question import Budget, Question

STRENGTH = 10.0
"""So many answers weigh as much as the mean of all plans: a model that ran twice is not the best by luck."""


def fits(figures: FloatArray, budget: Budget) -> NDArray[np.bool_]:
    """(…): whether resources (…, metrics) are within their limits; an unknown figure meets no limit."""
    found = np.ones(figures.shape[:-1], dtype=np.bool_)
    for m, limit in enumerate(budget.limits[:-1]):
        if limit is not None:
            with np.errstate(invalid="ignore"):
                found &= figures[..., m] <= limit
    return found


class Expected:
    """What a history lets expect: figures of ``plans`` (columns of the outcomes) and what each did on its task."""

    def __init__(self, history: Outcomes, setting: Setting, plans: IntArray) -> None:
        self.history, self.plans = history, plans
        self.planning = planning_of(history, neighbours=False, confidence=setting.confidence)
        if setting.budget == Budget():
            # nothing is ruled out, but the cheaper of equals is taken
            self.planning = replace(self.planning, confidence=None)

    def figures(self, questions: Sequence[Question]) -> FloatArray:
        """(questions, plans of the outcomes, 3): what limits are held to; NaN for other plans."""
        found = np.full((len(questions), len(self.history.plans), len(RESOURCES)), np.nan)
        given = [self.history.plans[p] for p in self.plans]
        every = self.planning.estimates(questions, [given] * len(questions))
        for q, estimates in enumerate(every):
            found[q, self.plans] = [estimate.judged[:-1] for estimate in estimates]
        return found

    def qualities(self, questions: Sequence[Question]) -> FloatArray:
        """(questions, plans of the outcomes): the mean on the task, drawn to that of all plans on it."""
        tasks = np.array([question.kind.task for question in self.history.questions])
        by_task = {task: _means(self.history.qoa[tasks == task]) for task in sorted(set(tasks.tolist()))}
        usual = _means(self.history.qoa)
        return np.array([by_task.get(question.kind.task, usual) for question in questions])


def _means(qoa: FloatArray) -> FloatArray:
    n = (~np.isnan(qoa)).sum(axis=0)
    everything = float(np.nanmean(qoa)) if n.any() else 0.5
    return np.asarray((np.nansum(qoa, axis=0) + STRENGTH * everything) / (n + STRENGTH))
