"""Opti-Q with estimates per question: plan before execution, within limits that hold with a chosen probability.

Of the plans within the limits the one with the best lower bound on quality, less what its cost is worth.
Everything that is not in the paper's estimator can be switched off (``parts``, ``neighbours``, ``topics``), so
that its worth is measured.
"""

from __future__ import annotations

import numpy as np

from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.evaluation.quality import Quality, Switches
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.evaluation.resources import Resources


class Planned:
    """``tradeoff``: the quality that one call of the best single model is worth; ``caution``: how many standard
    deviations below its estimate a plan is judged, so that two lucky runs do not beat two hundred.
    """

    def __init__(
        self,
        tradeoff: float = 0.01,
        caution: float = 0.5,
        parts: bool = True,
        neighbours: bool = True,
        topics: bool = True,
        priors: bool = True,
        singles: bool = False,
    ) -> None:
        self.tradeoff, self.caution, self.singles = tradeoff, caution, singles
        self.switches = Switches(parts, neighbours, topics)
        self.priors = priors

    def learn(self, history: Outcomes, setting: Setting) -> None:
        self.setting, self.history = setting, history
        self.quality = Quality(history, self.switches, setting.priors if self.priors else {})
        self.resources = Resources(history, self.switches.parts)

    def decide(self, held: Held) -> list[Decision]:
        quality, deviation = self.quality.estimate(held)
        expected = self.resources.estimate(held)
        held_to = (
            expected
            if self.setting.confidence is None
            else self.resources.estimate(held, self.setting.confidence)
        )
        singles = self.history.singles
        found = []
        for q in range(len(held.questions)):
            able = [p for p in held.candidates(q).tolist() if fits(held_to[q, p], self.setting.budget)]
            if self.singles:
                able = [p for p in able if p in singles]
            if not able:
                found.append(Decision(None))
                continue
            best_single = singles[np.argmax(quality[q, singles])] if len(singles) else able[0]
            price = np.nan_to_num(expected[q, able, 0] / max(expected[q, best_single, 0], 1e-15))
            score = quality[q, able] - self.caution * deviation[q, able] - self.tradeoff * price
            # of equal plans the cheapest, then the first in plan order
            best = able[int(np.lexsort((price, -np.round(score, 9)))[0])]
            found.append(Decision(best, predicted=(*expected[q, best].tolist(), float(quality[q, best]))))
        return found
