"""The hindsight oracle: the best recorded plan of each question, chosen after seeing the outcomes.

No policy can do this; it is a bound that says how much there was to win, never a result.
"""

from __future__ import annotations

from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.evaluation.replay import Decision, Setting


class Oracle:
    """The best plan that turned out to be within the limits; of equally good ones the cheapest."""

    def choose(self, outcomes: Outcomes, setting: Setting) -> list[Decision]:
        found = []
        for q in range(len(outcomes.questions)):
            figures = outcomes.values[q]
            able = [p for p in outcomes.scored(q).tolist() if fits(figures[p, :-1], setting.budget)]
            best = max(able, key=lambda p: (figures[p, -1], -figures[p, 0], -p), default=None)
            found.append(Decision(best))
        return found
