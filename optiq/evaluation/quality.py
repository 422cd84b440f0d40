"""What each plan is worth on a question: plan means, shrunk towards their parts, and what neighbours say.

``mean(task, plan) + difficulty(question) + preference(question, plan)``: the mean over the history, drawn
towards what the plan's parts predict; how much easier the question's neighbours were than the mean; and how
much better this plan did on them than on others. The last two are votes of the nearest questions, drawn to 0
by a strength that is tuned by leaving each question of the history out. Each part can be switched off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.composition import learn_rule, node_values
from optiq.evaluation.features import HasQuestions, Likeness
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.plan import Plan

BoolArray = NDArray[np.bool_]

NEIGHBOURS = (10, 25, 50, 100, 200)
STRENGTHS = (0.0, 1.0, 4.0, 16.0, 64.0, np.inf)
"""Votes of "no difference" that the neighbours' votes are weighed against; inf: neighbours say nothing."""

ENOUGH = 500
"""Questions from which on neighbours are tuned by what picks are worth; with fewer, luck would choose."""

PICK_STRENGTHS = (0.0, 16.0, 64.0)
PER_CALL = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Quality that the dearest call is worth, in turn."""


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
        self._likeness: Likeness | None = None
        if switches.neighbours and history.questions[0].vector is not None:
            self._likeness = Likeness(
                history, 0.3 if switches.surface else 0.0, 1.0 if switches.topics else 0.0
            )
            self._prepare()
            self._tune()

    def estimate(self, asked: HasQuestions) -> tuple[FloatArray, FloatArray]:
        """(questions, plans): the estimates, within 0 to 1, and their standard deviations."""
        rows = np.array(
            [self.tasks.index(a.kind.task) if a.kind.task in self.tasks else -1 for a in asked.questions]
        )
        mean = np.where(rows[:, None] >= 0, self.mean[rows], np.nanmean(self.mean, axis=0))
        deviation = np.where(rows[:, None] >= 0, self.deviation[rows], np.nanmax(self.deviation, axis=0))
        if self._likeness is not None:
            near = _nearest(self._likeness.to_history(asked), self.n_neighbours)
            mean = mean + self._votes(near, self.difficulty_strength, self.preference_strength)
        return np.clip(mean, 0.0, 1.0), deviation

    def left_out(self) -> FloatArray:
        """(questions of the history, plans): the estimates for each when its neighbours are all but itself."""
        mean = self.mean[self._task_of]
        if self._likeness is None:
            return np.clip(mean, 0.0, 1.0)
        near = _nearest(self._to_others(), self.n_neighbours)
        return np.clip(mean + self._votes(near, self.difficulty_strength, self.preference_strength), 0.0, 1.0)

    def _to_others(self) -> FloatArray:
        """(history, history): likeness, with none of a question to itself."""
        assert self._likeness is not None
        found = self._likeness.to_history(self.history)
        np.fill_diagonal(found, -np.inf)
        return found

    def _prepare(self) -> None:
        """Residuals of the history: per question how much above the means, and per cell what is left."""
        residual = self.history.qoa - self.mean[self._task_of]
        self._ran: FloatArray = (~np.isnan(residual)).astype(np.float64)
        residual = np.nan_to_num(residual)
        runs = self._ran.sum(axis=1)
        self._level: FloatArray = residual.sum(axis=1) / np.maximum(runs, 1)
        self._judged: FloatArray = (runs > 0).astype(np.float64)
        self._left: FloatArray = (residual - self._level[:, None]) * self._ran
        self._residual: FloatArray = residual

    def _votes(self, near: FloatArray, difficulty: float, preference: float) -> FloatArray:
        return _weighed(self._counted(near), difficulty, preference)

    def _counted(self, near: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What the nearest say: their levels added up and how many they are; per plan the same of what is left."""
        return (
            near @ (self._level * self._judged),
            near @ self._judged,
            near @ self._left,
            near @ self._ran,
        )

    def _tune(self) -> None:
        """Number of neighbours and strengths with the least squared error when each question is left out."""
        order = np.argsort(-self._to_others(), axis=1, kind="stable")
        others = np.isfinite(np.take_along_axis(self._to_others(), order, axis=1))
        best = np.inf
        self.n_neighbours, self.difficulty_strength, self.preference_strength = 1, np.inf, np.inf
        for n in NEIGHBOURS:
            if n >= len(order) and n > NEIGHBOURS[0]:
                break
            counted = self._counted(_among(order[:, :n], others[:, :n], len(order)))
            for difficulty in STRENGTHS:
                for preference in STRENGTHS:
                    votes = _weighed(counted, difficulty, preference)
                    error = float((((self._residual - votes) ** 2) * self._ran).sum())
                    if error < best - 1e-9:
                        best = error
                        self.n_neighbours = n
                        self.difficulty_strength, self.preference_strength = difficulty, preference
        if len(order) >= ENOUGH:
            self._tune_picks(order, others)

    def _tune_picks(self, order: IntArray, others: BoolArray) -> None:
        """Number of neighbours and strength with which picks on left-out questions are worth most.

        Least squares weighs all plans alike, while only the best few are ever picked. Worth is quality less cost, at
        several prices of a call.
        """
        mean = self.mean[self._task_of]
        price = np.nan_to_num(self.history.cost)
        price = price / max(float(price.max()), 1e-15)
        ran, every = self._ran > 0, np.arange(len(mean))
        best = -np.inf
        for n in NEIGHBOURS:
            counted = self._counted(_among(order[:, :n], others[:, :n], len(order)))
            for preference in PICK_STRENGTHS:
                estimate = mean + _weighed(counted, self.difficulty_strength, preference)
                worth = 0.0
                for per_call in PER_CALL:
                    picked = np.where(ran, estimate - per_call * price, -np.inf).argmax(axis=1)
                    gained = np.nan_to_num(self.history.qoa[every, picked]) - per_call * price[every, picked]
                    worth += float(gained.mean())
                if worth > best + 1e-9:
                    best = worth
                    self.n_neighbours, self.preference_strength = n, preference


def _weighed(
    counted: tuple[FloatArray, FloatArray, FloatArray, FloatArray], difficulty: float, preference: float
) -> FloatArray:
    """(questions, plans): the votes, each against so many for "no difference"."""
    level, voters, left, ran = counted
    easier = level / np.maximum(voters + difficulty, 1e-9)
    return np.asarray(easier[:, None] + left / np.maximum(ran + preference, 1e-9))


def _nearest(likeness: FloatArray, n: int) -> FloatArray:
    """(questions, history): 1 for each of the ``n`` most alike, 0 for others; ties go to the earlier."""
    order: IntArray = np.argsort(-likeness, axis=1, kind="stable")[:, :n]
    return _among(order, np.isfinite(np.take_along_axis(likeness, order, axis=1)), likeness.shape[1])


def _among(order: IntArray, counts: BoolArray, width: int) -> FloatArray:
    near = np.zeros((len(order), width))
    np.put_along_axis(near, order, counts.astype(np.float64), axis=1)
    return near


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
