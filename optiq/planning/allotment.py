"""A total for a file, kept while it is answered: which plan each question takes, anew as spending becomes known.

The worth of a right answer is found on a sample of what is left (:mod:`optiq.planning.spending`), so that what is
left of the total buys most. What questions took so far against what was expected says how dear the rest will be. A
little is kept back: the last questions may each start only if what they take at the very most is left.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from optiq.planning.choose import Choice
from optiq.planning.pipeline import PlannedQuestion, Planning
from optiq.planning.spending import spend
from optiq.questions.metric import LATENCY, Metric
from optiq.questions.question import Question

SAMPLE = 300
"""Questions by which the worth is found."""

LAST = 10
"""Questions at the end that may each still start."""

_AMPLE = 4.0
_TRUSTED = 5.0
"""So many questions as the expectations weigh against what was observed."""


class Allotment:
    """The questions of one run and what there is for them.

    ``left`` says at any time what may still be committed, in the unit of ``metric`` (of latency: seconds of model
    time); ``most`` what a plan may take of it for a question at the very most.
    """

    def __init__(
        self,
        planning: Planning,
        questions: Sequence[Question],
        metric: Metric,
        left: Callable[[], float],
        most: Callable[[Question, PlannedQuestion], float],
    ) -> None:
        self.metric = metric
        self._left = left
        self._most = most
        self._waiting = len(questions)
        self._expected = self._taken = 0.0
        self._n = 0
        self._in_flight: dict[str, float] = {}
        self._lock = threading.Lock()
        step = max(len(questions) / SAMPLE, 1.0)
        chosen = [questions[int(i * step)] for i in range(min(len(questions), SAMPLE))]
        planned = [self._known(item) for item in planning.plan_all(chosen, frontiers=True)]
        self._sample = [item for item in planned if item.choice.feasible]
        self._share = len(self._sample) / len(planned) if planned else 0.0
        self._gap = self._kept_back(planning.plan_all(questions[-LAST:], frontiers=True))

    def is_ample(self, total: float) -> bool:
        """Whether so much is several times what the questions take as they are preferred: there is nothing to share."""
        choices = [item.choice for item in self._sample]
        usual = self._cost(choices, [_place(choice) for choice in choices])
        return usual * self._waiting * self._share / max(len(choices), 1) * _AMPLE <= total

    def plan(self, planning: Planning, questions: Sequence[Question]) -> list[PlannedQuestion]:
        """The questions planned for their share of what is left; they count as begun."""
        return self.share(planning.plan_all(questions, frontiers=True))

    def share(self, planned: Sequence[PlannedQuestion]) -> list[PlannedQuestion]:
        """Questions that were planned with their frontiers, with the plans that their share of what is left buys."""
        found = [self._known(item) for item in planned]
        questions = [item.question for item in planned]
        with self._lock:
            able = [place for place, item in enumerate(found) if item.choice.feasible]
            choices = [found[place].choice for place in able]
            total = self._total_for(choices, len(questions))
            for place, pick in zip(able, self._picks(choices, total), strict=True):
                found[place] = self.taking(found[place], pick)
            for item in found:
                if item.choice.chosen is not None:
                    name = item.question.question_id
                    self._in_flight[name] = self._of(item.choice)
            self._waiting = max(self._waiting - len(questions), 0)
        return found

    def took(self, question_id: str, amount: float | None) -> None:
        """A question is over and took so much; None: it does not count."""
        with self._lock:
            expected = self._in_flight.pop(question_id, None)
            if expected is not None and amount is not None and expected > 0:
                self._expected, self._taken, self._n = (
                    self._expected + expected,
                    self._taken + amount,
                    self._n + 1,
                )

    def cheaper(self, planned: PlannedQuestion) -> PlannedQuestion | None:
        """The question with the best feasible plan that what is left is enough for; None if none is."""
        left = self._left()
        fits = [
            place
            for place, plan in enumerate(planned.choice.feasible)
            if place != _place(planned.choice)
            and self._most(planned.question, self.taking(planned, place)) <= left
        ]
        if not fits:
            return None
        plans = planned.choice.feasible
        return self.taking(planned, max(fits, key=lambda place: (plans[place].judged[-1], -place)))

    def with_total(self, planned: Sequence[PlannedQuestion], total: float) -> list[PlannedQuestion]:
        """All questions of a run, planned with their frontiers, with the plans that ``total`` would buy; none begins.

        These are the plans of a run that begins with so much. Nobody looks whether each of them may start: a total
        that is less than the cheapest plans take leaves questions out.
        """
        found = [self._known(item) for item in planned]
        able = [place for place, item in enumerate(found) if item.choice.feasible]
        picks = self._picks([found[place].choice for place in able], max(total - self._gap, 0.0))
        for place, pick in zip(able, picks, strict=True):
            found[place] = self.taking(found[place], pick)
        return found

    def buys(self, total: float, questions: int) -> float:
        """The mean QoA that ``total`` is expected to buy if it is enough for so many questions; NaN if none."""
        choices = [item.choice for item in self._sample]
        able = questions * self._share
        if not choices or not able:
            return math.nan
        picks = self._picks(choices, max(total - self._gap, 0.0) * len(choices) / able)
        return float(
            np.mean([choice.feasible[pick].qoa for choice, pick in zip(choices, picks, strict=True)])
        )

    def total_for(self, qoa: float, questions: int) -> float:
        """The least total that is expected to buy a mean QoA; infinite if none does."""
        choices = [item.choice for item in self._sample]
        if not choices:
            return math.inf
        costs = [[getattr(plan, self.metric.name) for plan in choice.feasible] for choice in choices]
        scale = questions * self._share / len(choices)
        low, high = scale * sum(map(min, costs)) + self._gap, scale * sum(map(max, costs)) + self._gap
        qoa -= 1e-9  # means of many are a hair less
        if not self.buys(high, questions) >= qoa:
            return math.inf
        if self.buys(low, questions) >= qoa:
            return low
        for _ in range(40):
            middle = (low + high) / 2
            if self.buys(middle, questions) >= qoa:
                high = middle
            else:
                low = middle
        return high

    def taking(self, planned: PlannedQuestion, place: int) -> PlannedQuestion:
        """The question with the feasible plan at ``place``."""
        choice = planned.choice
        return replace(planned, choice=replace(choice, chosen=choice.feasible[place]))

    def _total_for(self, choices: Sequence[Choice], questions: int) -> float:
        """The share of ``choices``, of so many questions, in what is expected to be left for all that wait."""
        off = (self._taken + _TRUSTED * self._expected / max(self._n, 1)) / max(
            self._expected * (1 + _TRUSTED / max(self._n, 1)), 1e-300
        )
        off = off if self._n else 1.0
        left = max((self._left() - sum(self._in_flight.values()) * off - self._gap) / off, 0.0)
        if self._waiting <= questions or not self._sample:
            return left
        waiting = self._waiting * self._share
        others = [item.choice for item in self._sample]
        worth = spend(others, left * len(others) / max(waiting, 1.0), self.metric).worth_usd
        # by one rule for both: what is off in all pieces alike would leave nothing for the last
        mine, usual = self._at(choices, worth), self._at(others, worth)
        like = mine / len(choices) / (usual / len(others)) if choices and usual > 0 else 1.0
        return left * len(choices) / max(waiting, len(choices)) * min(max(like, 0.5), 2.0)

    def _picks(self, choices: Sequence[Choice], total: float) -> list[int]:
        """The feasible plan that each takes: what is preferred anyhow where the total is enough for it."""
        preferred = [_place(choice) for choice in choices]
        if self._cost(choices, preferred) <= total:
            return preferred
        return [int(pick) for pick in spend(choices, total, self.metric).picks]

    def _at(self, choices: Sequence[Choice], worth: float) -> float:
        """What the choices cost at one worth of a right answer."""
        cost = 0.0
        for choice in choices:
            plans = choice.feasible
            if math.isinf(worth):
                best = max(plans, key=lambda plan: plan.judged[-1])
            else:
                best = min(
                    plans,
                    key=lambda plan: getattr(plan, self.metric.name) / max(worth, 1e-15) - plan.judged[-1],
                )
            cost += getattr(best, self.metric.name)
        return cost

    def _cost(self, choices: Sequence[Choice], picks: Sequence[int]) -> float:
        pairs = zip(choices, picks, strict=True)
        return math.fsum(getattr(choice.feasible[pick], self.metric.name) for choice, pick in pairs)

    def _of(self, choice: Choice) -> float:
        return 0.0 if choice.chosen is None else float(getattr(choice.chosen, self.metric.name))

    def _known(self, planned: PlannedQuestion) -> PlannedQuestion:
        """Without the plans of which nobody knows what they take."""
        choice = planned.choice
        known = tuple(plan for plan in choice.feasible if not math.isnan(getattr(plan, self.metric.name)))
        if not known or len(known) == len(choice.feasible):
            return planned if known else replace(planned, choice=replace(choice, feasible=()))
        chosen = choice.chosen
        if chosen is None or all(plan.plan != chosen.plan for plan in known):
            chosen = max(known, key=lambda plan: plan.judged[-1])
        return replace(planned, choice=replace(choice, feasible=known, chosen=chosen))

    def _kept_back(self, last: Sequence[PlannedQuestion]) -> float:
        """What must be left over for each of the last questions to start: its most, less what it and those after it
        are expected to take, by their cheapest plans.
        """
        if self.metric is LATENCY:
            return 0.0
        kept = expected = 0.0
        for item in reversed([item for item in map(self._known, last) if item.choice.feasible]):
            costs = [getattr(plan, self.metric.name) for plan in item.choice.feasible]
            expected += min(costs)
            most = self._most(item.question, self.taking(item, int(np.argmin(costs))))
            if math.isfinite(most):
                kept = max(kept, most - expected)
        return kept


def _place(choice: Choice) -> int:
    """Where the chosen plan stands among the feasible ones."""
    chosen = choice.chosen
    return next((i for i, plan in enumerate(choice.feasible) if chosen and plan.plan == chosen.plan), 0)
