"""Opti-Q as `optiq plan` does it: statistics of the history, the plan predicted best within the limits.

Every recorded plan is estimated, so no planner could find a better one: they differ in speed only. With a
confidence limits hold for bounds and plans are compared by the lower bound of their quality, as in
`optiq plan --confidence`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optiq.estimation import Estimate, estimate
from optiq.estimation.estimator import make_estimator
from optiq.estimation.past_questions import ANYTHING, QuestionFigures
from optiq.estimation.shifts import moved
from optiq.evaluation.outcomes import Asked, Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.evaluation.snapshot import past_questions, statistics_of
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import ANY_TOPIC
from optiq.text.word_vectors import available


class PublishedEstimator:
    """The plan with the highest quality by the paper's estimator (section 4.2); of equal ones the cheapest."""

    rules = "paper"

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.budget: Budget = setting.budget
        self.confidence = setting.confidence
        self.estimator = make_estimator(self.rules, statistics_of(history))
        self._known: dict[tuple[object, ...], Estimate] = {}

    def decide(self, held: Held) -> list[Decision]:
        found = []
        for q, (asked, shifts) in enumerate(zip(held.questions, self.shifts(held.questions), strict=True)):
            able = []
            for p in held.candidates(q).tolist():
                item = self.estimate(asked, held.plans[p], shifts)
                judged = item.judged
                if fits(np.array(judged[:3]), self.budget) and not math.isnan(judged[3]):
                    able.append((judged[3], -judged[0], -p, item.metrics))
            if not able:
                found.append(Decision(None))
                continue
            *_, place, figures = max(able)
            found.append(Decision(-place, predicted=figures))
        return found

    def shifts(self, questions: Sequence[Asked]) -> list[Shifts | None]:
        """How each question's neighbours move the figures of models; the paper asks none."""
        return [None] * len(questions)

    def figures(
        self, asked: Asked, plan: Plan, shifts: Shifts | None = None
    ) -> tuple[float, float, float, float]:
        """What is expected of one plan."""
        return self.estimate(asked, plan, shifts).metrics

    def estimate(self, asked: Asked, plan: Plan, shifts: Shifts | None = None) -> Estimate:
        """The estimate of one plan; questions that look alike to the estimator share it."""
        from optiq.prompts.prompt_builder import prompt_shape

        topics = asked.topics or ((ANY_TOPIC, 1.0),)
        shape = prompt_shape(Question(asked.question_id, asked.text, topics, kind=asked.kind))
        key = (topics, asked.kind, shape, plan)
        if key not in self._known:
            self._known[key] = estimate(
                plan, self.estimator, topics, asked.kind, shape, confidence=self.confidence
            )
        if shifts is None:
            return self._known[key]
        if self.confidence is not None:  # a bound that was cut to 0 cannot be moved
            shifted = self.estimator.shifted(shifts)
            return estimate(plan, shifted, topics, asked.kind, shape, confidence=self.confidence)
        found = self._known[key]
        return replace(found, qoa=moved(found.qoa, plan, shifts, self.estimator.shares(asked.kind)))


class ShrunkEstimator(PublishedEstimator):
    """The same with the shrunk estimator (:mod:`optiq.estimation.shrunk`), moved by what ``neighbours`` say."""

    rules = "shrunk"

    def __init__(self, neighbours: bool = True) -> None:
        self.neighbours = neighbours

    def learn(self, history: Outcomes, setting: Setting) -> None:
        super().learn(history, setting)
        self._past: QuestionFigures | None = None
        if self.neighbours and available():
            self._past = QuestionFigures(past_questions(history), self.estimator)

    def shifts(self, questions: Sequence[Asked]) -> list[Shifts | None]:
        if self._past is None or self._past.silent:
            return super().shifts(questions)
        texts, tasks = [asked.text for asked in questions], [asked.kind.task for asked in questions]
        return list(self._past.shifts(texts, [asked.topics or ANYTHING for asked in questions], tasks))
