"""What each plan is worth on a question: plan means, shrunk towards their parts, and what neighbours say.

``mean(task, plan) + difficulty(question) + preference(question, plan)``: the mean over the history, drawn
towards what the plan's parts predict; how much easier the question's neighbours were than the mean; and how
much better this plan did on them than on others. The last two are votes of the nearest questions
(:mod:`optiq.estimation.neighbours`). Each part can be switched off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.composition import learn_rule, node_values
from optiq.estimation.likeness import Likeness
from optiq.estimation.neighbours import Neighbours
from optiq.evaluation.features import HasQuestions, seen_of
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.plans.plan import Plan

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Switches:
    """Parts of the estimate: pull towards the parts of a plan; neighbours; topics and looks among the features."""

    parts: bool = True
    neighbours: bool = True
    topics: bool = True
    surface: bool = True


class Quality:
    """Estimates of quality, learned from a history. ``mean`` and ``deviation`` are (tasks, plans)."""

    def __init__(
        self, history: Outcomes, switches: Switches, priors: Mapping[tuple[str, str], float] | None = None
    ) -> None:
        self.history = history
        self.tasks = sorted({asked.kind.task for asked in history.questions})
        self._task_of = np.array([self.tasks.index(asked.kind.task) for asked in history.questions])
        means = [
            plan_means(
                history,
                np.flatnonzero(self._task_of == number),
                switches.parts,
                {model: qoa for (name, model), qoa in (priors or {}).items() if name == task},
            )
            for number, task in enumerate(self.tasks)
        ]
        self.mean: FloatArray = np.array([mean for mean, _ in means])
        self.deviation: FloatArray = np.array([deviation for _, deviation in means])
        self._neighbours: Neighbours | None = None
        if switches.neighbours and history.questions[0].vector is not None:
            likeness = Likeness(
                *seen_of(history), 0.3 if switches.surface else 0.0, 1.0 if switches.topics else 0.0
            )
            self._neighbours = Neighbours(likeness, history.qoa, self.mean[self._task_of], history.cost)

    def estimate(self, asked: HasQuestions) -> tuple[FloatArray, FloatArray]:
        """(questions, plans): the estimates, within 0 to 1, and their standard deviations."""
        rows = np.array(
            [self.tasks.index(a.kind.task) if a.kind.task in self.tasks else -1 for a in asked.questions]
        )
        mean = np.where(rows[:, None] >= 0, self.mean[rows], np.nanmean(self.mean, axis=0))
        deviation = np.where(rows[:, None] >= 0, self.deviation[rows], np.nanmax(self.deviation, axis=0))
        if self._neighbours is not None:
            mean = mean + self._neighbours.votes(self._neighbours.likeness.to_history(*seen_of(asked)))
        return np.clip(mean, 0.0, 1.0), deviation

    def left_out(self) -> FloatArray:
        """(questions of the history, plans): the estimates for each when its neighbours are all but itself."""
        mean = self.mean[self._task_of]
        if self._neighbours is not None:
            mean = mean + self._neighbours.votes(self._neighbours.likeness.to_others())
        return np.clip(mean, 0.0, 1.0)


def plan_means(
    history: Outcomes, rows: IntArray, parts: bool, priors: Mapping[str, float]
) -> tuple[FloatArray, FloatArray]:
    """Per plan the mean over ``rows``, shrunk, and its standard deviation.

    Singles are drawn towards the mean of singles, composed plans towards their parts; without ``parts`` all
    towards the grand mean. The strength is the variance within plans over that between them.
    """
    qoa = history.qoa[rows]
    n = (~np.isnan(qoa)).sum(axis=0).astype(np.float64)
    if not n.sum():
        return np.full(len(history.plans), 0.5), np.full(len(history.plans), 0.5)
    observed = np.where(n > 0, np.nansum(qoa, axis=0) / np.maximum(n, 1), np.nan)
    ran = n > 0
    within = float(np.nansum((qoa - observed) ** 2) / max(n.sum() - (n > 0).sum(), 1))
    singles = np.array([plan.k == 1 for plan in history.plans])
    grand = float(np.nansum(observed * n) / n.sum())
    if not parts or not (ran & singles).any():
        return _shrink(observed, n, np.full(len(history.plans), grand), within, ran)
    start = _start_of_singles(history.plans, observed, n, ran & singles, priors)
    mean_of_singles, deviation_of_singles = _shrink(observed, n, start, within, ran & singles)
    alone = {plan.models[0]: float(mean_of_singles[i]) for i, plan in enumerate(history.plans) if plan.k == 1}
    usual = float(np.mean(list(alone.values())))
    alone |= {model: usual for plan in history.plans for model in plan.models if model not in alone}
    rule = learn_rule(history.plans, np.nan_to_num(observed), n, alone)
    start = np.array([node_values(plan, alone, rule)[-1] for plan in history.plans])
    mean, deviation = _shrink(observed, n, start, within, ran & ~singles)
    return np.where(singles, mean_of_singles, mean), np.where(singles, deviation_of_singles, deviation)


def _start_of_singles(
    plans: tuple[Plan, ...],
    observed: FloatArray,
    n: FloatArray,
    group: BoolArray,
    priors: Mapping[str, float],
) -> FloatArray:
    """What to believe of each model alone before its own runs: what published figures say, on the scale of
    the history (a line through the models that have both), else the mean of all.
    """
    middle = float(np.average(observed[group], weights=n[group]))
    start = np.full(len(plans), middle)
    published = np.array([priors.get(plan.models[0], np.nan) if plan.k == 1 else np.nan for plan in plans])
    both = group & ~np.isnan(published)
    if both.sum() < 3:
        return start
    x, y, w = published[both], observed[both], n[both]
    centre, level = float(np.average(x, weights=w)), float(np.average(y, weights=w))
    # drawn to a slope of 0 by as much as a spread of 0.1 over 10 runs says
    slope = float((w * (x - centre) * (y - level)).sum() / ((w * (x - centre) ** 2).sum() + 0.1))
    known = ~np.isnan(published)
    start[known] = level + max(slope, 0.0) * (published[known] - centre)
    return np.clip(start, 0.0, 1.0)


def _shrink(
    observed: FloatArray, n: FloatArray, start: FloatArray, within: float, group: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Posterior means and deviations; the variance between plans of ``group`` by the method of moments."""
    between = 0.02
    if group.sum() > 2:
        gap = (observed - start)[group] ** 2 - within / n[group]
        between = max(float(np.average(gap, weights=n[group])), 0.002)
    strength = within / between
    known = np.where(n > 0, np.nan_to_num(observed), 0.0)
    mean = (n * known + strength * start) / (n + strength)
    return mean, np.sqrt(between * strength / (n + strength))
