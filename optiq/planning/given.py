"""Choose among plans that are given, by the estimates, limits and weights that planning searches with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optiq.estimation.estimates import Estimate
from optiq.planning.choose import choose
from optiq.planning.frontier import losses, nondominated
from optiq.planning.pipeline import PlannedQuestion, Planning
from optiq.plans.plan import Plan
from optiq.questions.question import Question


def plan_among(
    planning: Planning, questions: Sequence[Question], plans: Sequence[Sequence[Plan]]
) -> list[PlannedQuestion]:
    """What :meth:`Planning.plan` would choose for each question if there were no plans but those given with it."""
    return [
        _chosen(planning, question, estimates)
        for question, estimates in zip(questions, planning.estimates(questions, plans), strict=True)
    ]


def _chosen(planning: Planning, question: Question, estimates: Sequence[Estimate]) -> PlannedQuestion:
    ordered = sorted(estimates, key=lambda estimate: estimate.plan.order)
    frontier: list[Estimate] = []
    if ordered:
        values = np.array([estimate.judged for estimate in ordered]).T
        frontier = [replace(ordered[i], provenance=()) for i in nondominated(losses(values)).tolist()]
    return PlannedQuestion(question, tuple(frontier), choose(frontier, question.budget, planning.weights))
