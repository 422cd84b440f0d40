"""Ensembles of single models, re-implemented from their papers under per-question limits (section 6.1).

They call several models side by side and give the answer that most of the weight votes for. The votes are
those that were recorded, so that a question is scored by the recorded quality of the winning answer.
"""

from __future__ import annotations

import math

import numpy as np

from optiq.errors import InputError
from optiq.evaluation.outcomes import FloatArray, Outcomes
from optiq.evaluation.policies.affordable import Expected, fits
from optiq.evaluation.policies.votes import vote
from optiq.evaluation.replay import Decision, Held, Setting

CLASSES = {"choice": 4.0, "open": 20.0}
"""So many answers that are about as likely; the weight of a vote depends on it only a little."""


class WeightedEnsemble:
    """LLM-Ensemble*: models weighted by their accuracy; as many of the heaviest as the limits allow vote."""

    def learn(self, history: Outcomes, setting: Setting) -> None:
        if not history.answers:
            raise InputError("ensembles vote on answers, and the traces hold none", "Leave them out.")
        self.setting, self.history = setting, history
        self.expected = Expected(history, setting, history.singles)

    def decide(self, held: Held) -> list[Decision]:
        quality = self.expected.qualities(held.questions)
        figures = self.expected.figures(held.questions)
        singles = set(self.history.singles.tolist())
        found = []
        for q in range(len(held.questions)):
            able = [p for p in held.candidates(q).tolist() if p in singles]
            able.sort(key=lambda p: (-quality[q, p], p))
            found.append(self.decide_one(held, q, able, quality[q], figures[q]))
        return found

    def decide_one(
        self, held: Held, q: int, able: list[int], quality: FloatArray, figures: FloatArray
    ) -> Decision:
        """Of the models ``able``, best first: the vote of those that the limits allow together."""
        called: list[int] = []
        for p in able:
            if fits(together(figures, [*called, p]), self.setting.budget):
                called.append(p)
        return _elect(held, q, called, quality)


class ThriftEnsemble(WeightedEnsemble):
    """ThriftLLM*: per question the affordable set that most likely holds a right answer, grown by gain per
    cost, or the best single model if that is likelier; calls stop when no vote can change the outcome.
    """

    def decide_one(
        self, held: Held, q: int, able: list[int], quality: FloatArray, figures: FloatArray
    ) -> Decision:
        chosen: list[int] = []
        wrong = 1.0
        left = list(able)
        while left:
            fit = [p for p in left if fits(together(figures, [*chosen, p]), self.setting.budget)]
            if not fit:
                break
            price = {p: max(np.nan_to_num(figures[p, 0]), 1e-15) for p in fit}
            best = max(fit, key=lambda p: (wrong * quality[p] / price[p], -p))
            chosen.append(best)
            wrong *= 1 - quality[best]
            left.remove(best)
        alone = [p for p in able if fits(figures[p], self.setting.budget)]
        kind = held.questions[q].kind
        if alone and quality[alone[0]] >= 1 - wrong:
            return Decision(alone[0])
        chosen.sort(key=lambda p: (-quality[p], p))
        weights = {p: _weight(quality[p], kind.task) for p in chosen}
        called: list[int] = []
        tally: dict[str, float] = {}
        for place, p in enumerate(chosen):
            called.append(p)
            said = vote(held.run(q, p).answer, kind)
            if said is not None:
                tally[said] = tally.get(said, 0.0) + weights[p]
            ranked = [*sorted(tally.values(), reverse=True), 0.0, 0.0]
            if ranked[0] - ranked[1] > sum(weights[rest] for rest in chosen[place + 1 :]):
                break
        return _elect(held, q, called, quality, in_turn=True)


class Blender(WeightedEnsemble):
    """LLM-Blender*: all models answer, whatever it costs; the answers are ranked by pairs and the best fused.

    A pair is decided by agreement with the others, then by the models' quality. Fusing is replayed where a blend
    of the best answers was recorded; elsewhere the best answer is given as it is.
    """

    def decide_one(
        self, held: Held, q: int, able: list[int], quality: FloatArray, figures: FloatArray
    ) -> Decision:
        if not able:
            return Decision(None)
        votes = {p: vote(held.run(q, p).answer, held.questions[q].kind) for p in able}
        agree = {p: sum(votes[p] is not None and votes[p] == votes[o] for o in able if o != p) for p in able}
        ranked = sorted(able, key=lambda p: (-agree[p], -quality[p], p))
        best = [held.plans[p].models[0] for p in ranked]
        for n in range(len(ranked), 1, -1):
            for p in held.candidates(q).tolist():
                plan = held.plans[p]
                blend = plan.k == n + 1 and plan.level == 1 and len(plan.predecessors(plan.sink)) == n
                if blend and sorted(plan.models[:-1]) == sorted(best[:n]):
                    return Decision(p, (p, *ranked[n:]))
        return Decision(ranked[0], tuple(ranked))


def together(figures: FloatArray, columns: list[int]) -> FloatArray:
    """Cost, latency and energy of calls made side by side."""
    rows = figures[columns]
    return np.array([rows[:, 0].sum(), rows[:, 1].max(), rows[:, 2].sum()])


def _weight(quality: float, task: str) -> float:
    """The log odds that an answer of a model with this accuracy is right, against one of the wrong ones."""
    right = min(max(quality, 0.02), 0.98)
    return max(math.log((CLASSES.get(task, CLASSES["open"]) - 1) * right / (1 - right)), 0.0) + 1e-6


def _elect(held: Held, q: int, called: list[int], quality: FloatArray, in_turn: bool = False) -> Decision:
    """The answer with most of the weight, given by the best model that said it."""
    if not called:
        return Decision(None)
    kind = held.questions[q].kind
    tally: dict[str, float] = {}
    by: dict[str, int] = {}
    for p in sorted(called, key=lambda p: (-quality[p], p)):
        said = vote(held.run(q, p).answer, kind)
        if said is not None:
            tally[said] = tally.get(said, 0.0) + _weight(quality[p], kind.task)
            by.setdefault(said, p)
    if not tally:
        return Decision(called[0], tuple(called), in_turn)
    winner = max(tally, key=lambda said: (tally[said], quality[by[said]], -by[said]))
    return Decision(by[winner], tuple(called), in_turn)
