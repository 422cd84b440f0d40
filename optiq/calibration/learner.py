"""Chooses which plans to run on which labelled questions, learns from the outcomes, and says what is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optiq.calibration.beliefs import LOG_RATIO, OUTCOME_DEVIATIONS, QOA, Arms, Beliefs
from optiq.calibration.utility import QOA_COLUMN, Preference
from optiq.calibration.value import value_of_trying
from optiq.planning.frontier import losses, nondominated
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
_WITHIN = 1.96  # 95 of 100
_WORK = 2e7  # comparisons per round: above, several executions are chosen on one evaluation


@dataclass(frozen=True)
class Trials:
    """All that could be run. ``pairs`` (n, 2) are arm and question; ``predicted`` (arms, metrics) the estimates to
    start from, NaN where unknown; ``observed`` (arms) the executions that they stand on."""

    arms: Arms
    plans: tuple[Plan, ...]
    topics: tuple[str, ...]
    tasks: tuple[str, ...]
    """``open`` or ``choice`` per topic."""
    pairs: NDArray[np.intp]
    n_questions: int
    predicted: FloatArray
    observed: FloatArray

    def groups(self) -> list[NDArray[np.intp]]:
        """The arms of each topic."""
        return [np.flatnonzero(self.arms.topic == topic) for topic in range(len(self.topics))]


@dataclass(frozen=True)
class Standing:
    """What is known of one topic: the plan that would be chosen, its figures, the frontier.

    ``low`` and ``high`` bound its QoA in 95 of 100 cases; ``width`` is the mean width of such intervals over the
    plans of the frontier. ``plan`` None: no plan is within the limits.
    """

    topic: str
    plan: Plan | None
    figures: tuple[float, ...]
    low: float
    high: float
    frontier: tuple[Plan, ...]
    width: float


@dataclass
class Learner:
    """Beliefs about all arms, and the rule that chooses.

    ``shrink`` False takes every arm for itself; ``focus`` False tries what is least certain, wherever it stands.
    Both are there to be measured against (``python -m benchmarks.calibration``).
    """

    trials: Trials
    preference: Preference
    seed: int = 0
    shrink: bool = True
    focus: bool = True
    left: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        trials = self.trials
        scale = np.array(
            [
                OUTCOME_DEVIATIONS.get(trials.tasks[topic], OUTCOME_DEVIATIONS["open"])
                for topic in trials.arms.topic.tolist()
            ]
        )
        start = np.nan_to_num(trials.predicted[:, QOA_COLUMN], nan=0.5)
        n, shrink = trials.n_questions, self.shrink
        self.qoa = Beliefs(start, trials.arms.covariance(QOA, shrink), n, QOA, shrink, scale)
        zero = np.zeros(len(start))
        ratio = Beliefs(zero, trials.arms.covariance(LOG_RATIO, shrink), n, LOG_RATIO, shrink)
        for arm in np.flatnonzero(trials.observed > 0).tolist():
            self.qoa.observe_mean(arm, trials.observed[arm])
            ratio.observe_mean(arm, trials.observed[arm])
        # Cost, latency and energy are as certain as each other; only their means differ.
        self.ratios = ratio
        self.ratio_means = np.zeros((QOA_COLUMN, len(ratio.mean)))
        self.left = np.ones(len(trials.pairs), dtype=bool)
        self._groups = trials.groups()
        self._random = np.random.default_rng(self.seed)
        self._tie = self._random.random(len(trials.pairs))
        self._asked = np.zeros(n)
        self._tried = np.zeros(len(trials.topics))
        self._known: set[tuple[int, int]] = set()

    def figures(self) -> FloatArray:
        """(arms, metrics): what is expected of each now, in the order of METRICS; NaN where nothing is known."""
        found = self.trials.predicted.copy()
        found[:, :QOA_COLUMN] *= np.exp(self.ratio_means[:, : len(found)]).T
        found[:, QOA_COLUMN] = np.clip(self.qoa.arms, 0.0, 1.0)
        return found

    def observe(self, arm: int, question: int, outcome: Sequence[float | None]) -> None:
        """Learn from one execution; ``outcome`` in the order of METRICS, None where it is not known."""
        if (arm, question) in self._known:
            return
        self._known.add((arm, question))
        if outcome[QOA_COLUMN] is not None:
            self.qoa.observe(arm, question, outcome[QOA_COLUMN])
        given = [
            math.log(value / expected) if value is not None and value > 0 and expected > 0 else None
            for value, expected in zip(
                outcome[:QOA_COLUMN], self.trials.predicted[arm].tolist(), strict=False
            )
        ]
        if any(value is not None for value in given):
            self.ratios.observe_rows(arm, question, given, self.ratio_means)

    def forget(self, places: Sequence[int]) -> None:
        """These pairs are not to be run any more."""
        self.left[list(places)] = False

    def next_batch(
        self,
        size: int,
        allowed: BoolArray | None = None,
        spend: FloatArray | None = None,
        per_question: int | None = None,
    ) -> list[int]:
        """Places of up to ``size`` pairs to run next, the most valuable first.

        ``allowed`` (arms) leaves out others. ``spend`` (arms) is what an execution takes of what is limited:
        then the value per unit counts. No question gets more than ``per_question`` plans. A topic on which nothing
        was tried comes before all others.
        """
        trials = self.trials
        qoa, ratios = self.qoa.copy(), self.ratios.copy()
        tried, asked, left = self._tried.copy(), self._asked.copy(), self.left.copy()
        if allowed is not None:
            left &= allowed[trials.pairs[:, 0]]
        if per_question is not None:
            left &= asked[trials.pairs[:, 1]] < per_question
        figures = self.figures()
        every = max(1, round(len(figures) ** 2 * size / _WORK))
        chosen: list[int] = []
        worth = np.zeros(len(figures))
        while len(chosen) < size and left.any():
            if len(chosen) % every == 0:
                worth = self._worth(figures, qoa, ratios, spend)
            open_arms = np.bincount(trials.pairs[left, 0], minlength=len(figures)) > 0
            new = tried[trials.arms.topic] == 0
            candidates = open_arms & new if (open_arms & new).any() else open_arms
            arm = int(np.where(candidates, worth, -np.inf).argmax())
            at = np.flatnonzero(left & (trials.pairs[:, 0] == arm))
            # A question that other plans were asked before: what makes it hard is known, and cancels.
            place = int(at[np.lexsort((self._tie[at], -asked[trials.pairs[at, 1]]))[0]])
            question = int(trials.pairs[place, 1])
            chosen.append(place)
            left[place] = False
            tried[trials.arms.topic[arm]] += 1
            asked[question] += 1
            if per_question is not None and asked[question] >= per_question:
                left[trials.pairs[:, 1] == question] = False
            qoa.observe(arm, question, None)
            ratios.observe(arm, question, None)
        return chosen

    def begun(self, places: Sequence[int]) -> None:
        """These pairs are run now."""
        for arm, question in self.trials.pairs[list(places)].tolist():
            self._tried[self.trials.arms.topic[arm]] += 1
            self._asked[question] += 1
        self.forget(places)

    def _worth(
        self, figures: FloatArray, qoa: Beliefs, ratios: Beliefs, spend: FloatArray | None
    ) -> FloatArray:
        if not self.focus:
            worth = qoa.deviations
        else:
            utility, slopes = self.preference.linear(figures, self._groups)
            every = np.arange(len(figures))
            moved = ratios.moves(every)
            moves = [slopes[QOA_COLUMN][:, None] * qoa.moves(every)]
            moves += [slopes[m][:, None] * moved for m in range(QOA_COLUMN) if slopes[m].any()]
            plausible = self.preference.plausible(figures, self.deviations(qoa, ratios), self._groups)
            worth = value_of_trying(utility, tuple(moves), self._groups, plausible)
            worth = np.where(plausible, worth, 0.0)
        return worth if spend is None else worth / np.maximum(spend, np.nanmax(spend) * 1e-6)

    def deviations(self, qoa: Beliefs | None = None, ratios: Beliefs | None = None) -> FloatArray:
        """(arms, metrics): how uncertain each is: QoA in its unit, the others as logarithms."""
        ratio = (ratios or self.ratios).deviations
        return np.stack([ratio, ratio, ratio, (qoa or self.qoa).deviations], axis=1)

    def standings(self) -> list[Standing]:
        """What is known of each topic now."""
        figures, deviations = self.figures(), self.qoa.deviations
        found = []
        for topic, group in enumerate(self._groups):
            arm = self.preference.favourite(figures, topic, group)
            front = group[nondominated(losses(figures[group].T))]
            width = float(_interval_widths(figures[front, QOA_COLUMN], deviations[front]).mean())
            at = int(group[0]) if arm is None else arm
            low = max(float(figures[at, QOA_COLUMN] - _WITHIN * deviations[at]), 0.0)
            high = min(float(figures[at, QOA_COLUMN] + _WITHIN * deviations[at]), 1.0)
            found.append(
                Standing(
                    self.trials.topics[topic],
                    None if arm is None else self.plan(arm),
                    tuple(figures[at].tolist()),
                    low,
                    high,
                    tuple(sorted((self.plan(i) for i in front.tolist()), key=lambda plan: plan.order)),
                    width,
                )
            )
        return found

    def plan(self, arm: int) -> Plan:
        """The plan of an arm."""
        return self.trials.plans[int(self.trials.arms.plan[arm])]

    def bill(self, places: Sequence[int], metric: str = "cost_usd") -> tuple[float, float, float]:
        """Expected total of ``places`` with bounds for 95 of 100 runs; NaN if a figure is unknown.

        A model that writes longer than expected does so everywhere: uncertainty of arms adds up in full.
        """
        arms = self.trials.pairs[list(places), 0]
        cost = self.figures()[arms, METRIC_NAMES.index(metric)]
        total = float(cost.sum())
        if not len(arms) or not total > 0:
            return total, total, total
        common = float((cost * self.ratios.deviations[arms]).sum()) / total
        single = math.sqrt(self.ratios.noise * float((cost**2).sum())) / total
        wide = math.exp(_WITHIN * math.hypot(common, single))
        return total, total / wide, total * wide


def _interval_widths(means: FloatArray, deviations: FloatArray) -> FloatArray:
    """Widths of 95 % intervals within 0 to 1."""
    found: FloatArray = np.clip(means + _WITHIN * deviations, 0, 1) - np.clip(
        means - _WITHIN * deviations, 0, 1
    )
    return found
