"""Opti-Q as `optiq plan` and `optiq answer` run it, on statistics of the history, among the plans that were recorded.

Statistics and past questions are those that a refresh would publish of the history
(:mod:`optiq.evaluation.snapshot`); estimates, limits and choice are planning's own (:mod:`optiq.planning.given`). Every
recorded plan is estimated, so no planner could find a better one: they differ in speed only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.evaluation.snapshot import planning_of
from optiq.planning.given import plan_among
from optiq.planning.pipeline import PlannedQuestion
from optiq.planning.spending import spend_mean
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question, Weights


class OptiQ:
    """``estimator``, ``neighbours``, ``looks`` and ``caution`` are settings of the product.

    What is preferred within the limits: quality alone, or with ``worth`` what a right answer is worth (USD), or with
    ``tradeoff`` a worth at which one call of the best single model is worth so much quality. ``mean_cost`` is the USD
    that a question of the batch may cost on average (`optiq plan --mean-cost`), ``as_single`` no more than the best
    single model is expected to cost on the same questions. ``singles``: plans of one call alone; ``topics`` off: as if
    there were none. ``priors``: what was observed of models is drawn to their published qualities, as a refresh does.
    """

    def __init__(
        self,
        estimator: str = "shrunk",
        neighbours: bool = True,
        looks: bool = True,
        topics: bool = True,
        priors: bool = False,
        caution: float = 0.0,
        safe_limits: bool = True,
        gain_probability: float = 0.8,
        worth: float = math.inf,
        tradeoff: float = 0.0,
        mean_cost: float = math.inf,
        as_single: bool = False,
        singles: bool = False,
    ) -> None:
        self.estimator, self.neighbours, self.looks = estimator, neighbours, looks
        self.topics, self.priors, self.caution = topics, priors, caution
        self.safe_limits, self.gain_probability = safe_limits, gain_probability
        self.worth, self.tradeoff = worth, tradeoff
        self.mean_cost, self.as_single, self.singles = mean_cost, as_single, singles

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.budget = setting.budget
        weights = Weights(0, 0, 0, 1) if math.isinf(self.worth) else Weights(worth_usd=self.worth)
        self.planning = planning_of(
            history if self.topics else _without_topics(history),
            {} if not self.priors else setting.priors,
            self.estimator,
            self.neighbours and setting.neighbours,
            self.looks,
            weights=weights,
            confidence=setting.confidence,
            caution=self.caution,
            safe_limits=self.safe_limits,
            gain_probability=self.gain_probability,
        )

    def decide(self, held: Held) -> list[Decision]:
        questions = self.asked(held.questions)
        plans = [[held.plans[p] for p in held.candidates(q)] for q in range(len(questions))]
        number = {plan: p for p, plan in enumerate(held.plans)}
        found = []
        for item in self._planned(questions, plans):
            chosen = item.choice.chosen
            if chosen is None:
                found.append(Decision(None))
            else:
                found.append(Decision(number[chosen.plan], predicted=chosen.metrics))
        return found

    def asked(self, questions: Sequence[Question]) -> list[Question]:
        """The questions as they are planned: with the limits, and without topics where those do not count."""
        return [
            replace(one, budget=self.budget, topics=one.topics if self.topics else ()) for one in questions
        ]

    def _planned(self, questions: list[Question], plans: list[list[Plan]]) -> list[PlannedQuestion]:
        alone = [[plan for plan in given if plan.k == 1] for given in plans]
        planning, total = self.planning, self.mean_cost
        if self.as_single or self.tradeoff:
            # what the model that is expected to do best alone costs, whatever the limits
            unlimited = [replace(question, budget=Budget()) for question in questions]
            best = plan_among(replace(planning, weights=Weights(0, 0, 0, 1)), unlimited, alone)
            usual = float(
                np.mean([item.choice.chosen.cost_usd for item in best if item.choice.chosen] or [0.0])
            )
            if self.as_single:
                total = min(total, usual)
            if self.tradeoff and usual > 0:
                planning = replace(planning, weights=Weights(worth_usd=usual / self.tradeoff))
        planned = plan_among(planning, questions, alone if self.singles else plans)
        return planned if math.isinf(total) else spend_mean(planned, total)[0]


def _without_topics(history: Outcomes) -> Outcomes:
    questions = [replace(question, topics=()) for question in history.questions]
    return Outcomes(questions, history.plans, history.values, history.counts, history.answers, history.calls)
