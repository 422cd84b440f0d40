"""Rules that anybody would try first: one model for all, the best per topic, any plan at random."""

from __future__ import annotations

import zlib

import numpy as np

from optiq.errors import UnknownName
from optiq.evaluation.outcomes import FloatArray, Outcomes
from optiq.evaluation.policies.affordable import Expected, fits
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.plans.plan import Plan


class Single:
    """Always the same model."""

    def __init__(self, model: str) -> None:
        self.model = model

    def learn(self, history: Outcomes, setting: Setting) -> None:
        plan = Plan.of([self.model], ())
        if plan not in history.number:
            known = ", ".join(history.plans[i].models[0] for i in history.singles) or "none"
            raise UnknownName(f"{self.model!r} never ran alone in the traces", f"Models that did: {known}.")
        self.column = history.number[plan]

    def decide(self, held: Held) -> list[Decision]:
        ran = [self.column in held.candidates(q) for q in range(len(held.questions))]
        return [Decision(self.column if known else None, recorded=known) for known in ran]


class BestSingle:
    """The model that did best in the history on questions of the task, within the limits."""

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.setting = setting
        self.history = history
        self.expected = Expected(history, setting, history.singles)

    def scores(self, held: Held) -> FloatArray:
        """(questions, plans): how good each plan is believed to be."""
        return self.expected.qualities(held.questions)

    def decide(self, held: Held) -> list[Decision]:
        scores, figures = self.scores(held), self.expected.figures(held.questions)
        singles = set(self.history.singles.tolist())
        found = []
        for q in range(len(held.questions)):
            ran = [p for p in held.candidates(q).tolist() if p in singles]
            able = [p for p in ran if fits(figures[q, p], self.setting.budget)]
            if not able:
                found.append(Decision(None, recorded=bool(ran)))
                continue
            best = max(able, key=lambda p: (scores[q, p], -figures[q, p, 0], -p))
            found.append(Decision(best, predicted=(*figures[q, best].tolist(), scores[q, best])))
        return found


class BestSinglePerTopic(BestSingle):
    """The model that did best on the question's main topic; where the topic is new, on the task."""

    def scores(self, held: Held) -> FloatArray:
        found = super().scores(held).copy()
        topics = [_main(asked.topics) for asked in self.history.questions]
        for q, asked in enumerate(held.questions):
            rows = [i for i, topic in enumerate(topics) if topic and topic == _main(asked.topics)]
            if rows:
                qoa = self.history.qoa[rows]
                runs = (~np.isnan(qoa)).sum(axis=0)
                mean = np.nansum(qoa, axis=0) / np.maximum(runs, 1)
                found[q] = np.where(runs > 0, mean, found[q] - 1)
        return found


class RandomPlan:
    """Any plan that was recorded and fits the limits, each as likely."""

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.setting = setting
        self.expected = Expected(history, setting, np.arange(len(history.plans)))

    def decide(self, held: Held) -> list[Decision]:
        figures = self.expected.figures(held.questions)
        found = []
        for q, asked in enumerate(held.questions):
            able = [p for p in held.candidates(q).tolist() if fits(figures[q, p], self.setting.budget)]
            # the draw depends on the question alone, not on its place
            seed = (self.setting.seed, zlib.crc32(asked.question_id.encode()))
            found.append(Decision(int(np.random.default_rng(seed).choice(able)) if able else None))
        return found


def _main(topics: tuple[tuple[str, float], ...]) -> str:
    return max(topics, key=lambda item: (item[1], item[0]))[0] if topics else ""
