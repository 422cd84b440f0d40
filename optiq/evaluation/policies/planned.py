"""Opti-Q with estimates per question: plan before execution, within limits that hold with a chosen probability.

Of the plans within the limits the one with the best lower bound on quality, less what its cost is worth. With a total
for the batch, that worth follows from the total: money goes to the questions where it is expected to yield most.
Everything that is not in the paper's estimator can be switched off (``parts``, ``neighbours``, ``topics``, ``priors``;
``looks`` for costs and times), so that its worth is measured.
"""

from __future__ import annotations

import math

import numpy as np

from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.evaluation.policies.spending import spend
from optiq.evaluation.quality import Quality, Switches
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.evaluation.resources import Resources


class Planned:
    """``tradeoff``: the quality that one call of the best single model is worth; ``caution``: how many standard
    deviations below its estimate a plan is judged, so that two lucky runs do not beat two hundred. ``mean_cost``:
    the USD that a question of the batch may cost on average; ``as_single``: no more on average than the best single
    model is expected to cost on the same questions. With either, ``tradeoff`` counts for nothing.
    """

    def __init__(
        self,
        tradeoff: float = 0.01,
        caution: float = 0.5,
        parts: bool = True,
        neighbours: bool = True,
        topics: bool = True,
        priors: bool = True,
        looks: bool = True,
        singles: bool = False,
        mean_cost: float = math.inf,
        as_single: bool = False,
    ) -> None:
        self.tradeoff, self.caution, self.singles = tradeoff, caution, singles
        self.mean_cost, self.as_single = mean_cost, as_single
        self.switches = Switches(parts, neighbours, topics)
        self.priors, self.looks = priors, looks

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.setting, self.history = setting, history
        self.quality = Quality(history, self.switches, setting.priors if self.priors else {})
        self.resources = Resources(history, self.switches.parts, self.looks)

    def decide(self, held: Held) -> list[Decision]:
        quality, deviation = self.quality.estimate(held)
        expected = self.resources.estimate(held)
        held_to = (
            expected
            if self.setting.confidence is None
            else self.resources.estimate(held, self.setting.confidence)
        )
        singles = self.history.singles
        every = np.arange(len(held.questions))
        usual = singles[np.argmax(quality[:, singles], axis=1)] if len(singles) else np.zeros_like(every)
        able: list[IntArray] = []
        for q in range(len(held.questions)):
            fit = held.candidates(q)
            fit = fit[fits(held_to[q, fit], self.setting.budget)]
            able.append(fit[np.isin(fit, singles)] if self.singles else fit)
        asked = [q for q, fit in enumerate(able) if len(fit)]
        gains = [np.round(quality[q, able[q]] - self.caution * deviation[q, able[q]], 9) for q in asked]
        costs = [np.nan_to_num(expected[q, able[q], 0]) for q in asked]
        of_single = np.nan_to_num(expected[every, usual, 0])
        total = min(
            self.mean_cost * len(asked), float(of_single[asked].sum()) if self.as_single else math.inf
        )
        if math.isfinite(total):
            picked = spend(gains, costs, total)
        else:
            picked = [
                _best(gain, cost / max(of_single[q], 1e-15), self.tradeoff)
                for q, gain, cost in zip(asked, gains, costs, strict=True)
            ]
        found = [Decision(None)] * len(able)
        for q, place in zip(asked, picked, strict=True):
            best = int(able[q][place])
            found[q] = Decision(best, predicted=(*expected[q, best].tolist(), float(quality[q, best])))
        return found


def _best(gain: FloatArray, price: FloatArray, tradeoff: float) -> int:
    """Of equal plans the cheapest, then the first in plan order."""
    return int(np.lexsort((price, -np.round(gain - tradeoff * price, 9)))[0])
