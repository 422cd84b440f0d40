"""Opti-Q as `optiq plan` does it: statistics of the history, the plan predicted best within the limits.

Every recorded plan is estimated, so no planner could find a better one: they differ in speed only.
"""

from __future__ import annotations

import math

from optiq.estimation import estimate
from optiq.evaluation.outcomes import Asked, Outcomes
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.evaluation.snapshot import statistics_of
from optiq.plan import Plan
from optiq.question import Budget, Question
from optiq.statistics import ANY_TOPIC


class PublishedEstimator:
    """The plan with the highest quality by the paper's estimator (section 4.2); of equal ones the cheapest."""

    estimator = "paper"

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.budget: Budget = setting.budget
        self.statistics = statistics_of(history).with_estimator(self.estimator)
        self._known: dict[tuple[object, ...], tuple[float, float, float, float]] = {}

    def decide(self, held: Held) -> list[Decision]:
        found = []
        for q, asked in enumerate(held.questions):
            able = []
            for p in held.candidates(q).tolist():
                figures = self.figures(asked, held.plans[p])
                if _fits(figures, self.budget) and not math.isnan(figures[3]):
                    able.append((figures[3], -figures[0], -p, figures))
            if not able:
                found.append(Decision(None))
                continue
            *_, place, figures = max(able)
            found.append(Decision(-place, predicted=figures))
        return found

    def figures(self, asked: Asked, plan: Plan) -> tuple[float, float, float, float]:
        """The estimate of one plan; questions that look alike to the estimator share it."""
        from optiq.execution.prompt_builder import prompt_shape

        topics = asked.topics or ((ANY_TOPIC, 1.0),)
        shape = prompt_shape(Question(asked.question_id, asked.text, topics, kind=asked.kind))
        key = (topics, asked.kind, shape, plan)
        if key not in self._known:
            self._known[key] = estimate(plan, self.statistics, topics, asked.kind, shape).metrics
        return self._known[key]


class ShrunkEstimator(PublishedEstimator):
    """The same with the shrunk estimator (:mod:`optiq.estimation.shrunk`)."""

    estimator = "shrunk"


def _fits(figures: tuple[float, ...], budget: Budget) -> bool:
    limits = (budget.max_cost_usd, budget.max_latency_s, budget.max_energy_j)
    return all(limit is None or value <= limit for limit, value in zip(limits, figures[:3], strict=True))
