"""What each plan costs and takes on a question: from its parts, its own runs and how the question looks.

On the scale of logarithms, per task: the sum over the calls of a plan (for latency the longest path) of
what its models cost alone, times what plans of that size cost above it; drawn towards the plan's own runs; times
how much dearer questions that look like this one are. A calculation of two lines makes a model write more than an
essay question of five: on recorded multiple choice, looks explain nine tenths of what tells questions apart, length
alone eight. What is left over gives the quantiles that hold a budget with a chosen probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.evaluation.features import HasQuestions, surface
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.plans.plan import Plan

PARTS_STRENGTH = 1.5
"""So many runs' worth of what the parts say."""

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Strengths of the ridge on looks; the one that predicts left-out questions of the history best is taken."""

MINOR = 0.5
"""Scale of all looks but the length, which is what tokens are counted in."""

SPREAD_STRENGTH = 10.0
"""So many runs' worth of what other plans say of how widely figures scatter."""

TINY = 1e-12
METRICS = 3
"""Cost, latency, energy: the first three of the four."""


class Resources:
    """Estimates of cost, latency and energy, learned from a history."""

    def __init__(self, history: Outcomes, parts: bool = True, looks: bool = True) -> None:
        self.history = history
        self.looks = looks
        self.tasks = sorted({asked.kind.task for asked in history.questions})
        task_of = np.array([self.tasks.index(asked.kind.task) for asked in history.questions])
        seen = _looks(history, self.looks)
        self._models = [
            [_Model(history.plans, history.values[rows, :, m], seen[rows], m, parts) for m in range(METRICS)]
            for rows in (np.flatnonzero(task_of == t) for t in range(len(self.tasks)))
        ]

    def estimate(self, asked: HasQuestions, confidence: float | None = None) -> FloatArray:
        """(questions, plans, 3): expected figures, or those that are held with probability ``confidence``."""
        seen = _looks(asked, self.looks)
        found = np.full((len(asked.questions), len(self.history.plans), METRICS), np.nan)
        for q, one in enumerate(asked.questions):
            task = self.tasks.index(one.kind.task) if one.kind.task in self.tasks else 0
            for m, model in enumerate(self._models[task]):
                found[q, :, m] = model.estimate(seen[q], confidence)
        return found


class _Model:
    """One metric on one task."""

    def __init__(
        self, plans: tuple[Plan, ...], values: FloatArray, looks: FloatArray, metric: int, parts: bool
    ) -> None:
        logs = np.log(np.maximum(values, TINY))
        n = (~np.isnan(logs)).sum(axis=0).astype(np.float64)
        self.known = bool(n.sum())
        if not self.known:
            return
        self.dearer = _Dearer(logs, looks)
        flat = logs - self.dearer.of(looks)[:, None]
        observed = np.where(n > 0, np.nansum(flat, axis=0) / np.maximum(n, 1), np.nan)
        start = _from_parts(plans, observed, n, metric) if parts else np.full(len(plans), np.nan)
        own = np.isnan(start)
        start = np.where(
            own, np.nan_to_num(observed, nan=float(np.average(observed[n > 0], weights=n[n > 0]))), start
        )
        strength = np.where(own, 0.0, PARTS_STRENGTH)
        self.level: FloatArray = (n * np.nan_to_num(observed) + strength * start) / np.maximum(
            n + strength, 1e-9
        )
        self.level = np.where(n + strength > 0, self.level, start)
        self.n = n
        # what new questions will differ by: each question's looks judged by the others
        left = logs - self.dearer.left_out[:, None] - self.level
        # a mean is learned from the very runs: new ones differ by a little more
        left /= np.sqrt(max(1 - (n > 0).sum() / max(n.sum(), 1), 0.25))
        self.spread: FloatArray = _spreads(plans, left)
        known = ~np.isnan(left)
        self.left: FloatArray = np.sort((left / self.spread)[known])
        self.smear = float(np.log(np.mean(np.exp(np.clip(left[known], -5, 5)))))

    def estimate(self, looks: FloatArray, confidence: float | None) -> FloatArray:
        if not self.known:
            return np.array(np.nan)
        at = self.level + float(self.dearer.of(looks[None])[0])
        if confidence is None:
            return np.exp(at + self.smear)
        # the conformal quantile: one more than so many would be needed to be sure
        share = min(confidence * (1 + 1 / max(len(self.left), 1)), 1.0)
        wider = np.sqrt(1 + 1 / (self.n + PARTS_STRENGTH))
        return np.exp(at + np.quantile(self.left, share) * self.spread * wider)


def _spreads(plans: tuple[Plan, ...], left: FloatArray) -> FloatArray:
    """(plans): the standard deviation of what is left of a plan's figures: that of its models, drawn to its own.

    Some models write one line or twenty, others always three; one width for all would hold limits too tightly for
    the former and shut the latter out.
    """
    known = ~np.isnan(left)
    squares, n = np.nansum(left**2, axis=0), known.sum(axis=0)
    usual = max(float(squares.sum() / max(n.sum(), 1)), TINY)
    names = sorted({model for plan in plans for model in plan.models})
    of_model = np.zeros(len(names))
    share = np.array([[plan.models.count(name) / plan.k for name in names] for plan in plans])
    for i in range(len(names)):
        of_model[i] = (share[:, i] @ squares + SPREAD_STRENGTH * usual) / (share[:, i] @ n + SPREAD_STRENGTH)
    start = share @ of_model
    return np.asarray(np.sqrt((squares + SPREAD_STRENGTH * start) / (n + SPREAD_STRENGTH)))


class _Dearer:
    """How much dearer a question is than others, as a logarithm, by its looks: ridge regression.

    ``left_out`` (questions of the history): the same for each when it is left out of the fit.
    """

    def __init__(self, logs: FloatArray, looks: FloatArray) -> None:
        target, ran = _question_effects(logs)
        self.middle, self.spread = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-9)
        self.slopes: FloatArray = np.zeros(looks.shape[1])
        self.offset = 0.0
        self.left_out: FloatArray = np.zeros(len(looks))
        if ran.sum() < 4:
            return
        rows = self._scaled(looks)[ran]
        centre, self.offset = rows.mean(axis=0), float(target[ran].mean())
        x, y = rows - centre, target[ran] - self.offset
        best = np.inf
        for penalty in PENALTIES:
            inverse = np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1]))
            slopes = inverse @ x.T @ y
            # leaving one out, in closed form: its residual over one less its own pull, that of the mean included
            pull = np.einsum("ij,jk,ik->i", x, inverse, x) + 1 / len(x)
            left = (y - x @ slopes) / np.maximum(1 - pull, 1e-9)
            error = float((left**2).sum())
            if error < best * (1 - 1e-9):
                best, self.slopes = error, slopes
                self.left_out[ran] = target[ran] - left
        self.offset -= float(centre @ self.slopes)

    def of(self, looks: FloatArray) -> FloatArray:
        """(questions): the logarithms."""
        return np.asarray(self._scaled(looks) @ self.slopes + self.offset)

    def _scaled(self, looks: FloatArray) -> FloatArray:
        scaled = np.clip((looks - self.middle) / self.spread, -4, 4)
        scaled[:, 1:] *= MINOR
        return np.asarray(scaled)


def _question_effects(logs: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(questions): how far a question's figures lie above the means of its plans; and which have any.

    In turns, since dear plans may have been run on dear questions alone.
    """
    ran = ~np.isnan(logs)
    per_question, per_plan = np.maximum(ran.sum(axis=1), 1), np.maximum(ran.sum(axis=0), 1)
    effect = np.zeros(len(logs))
    for _ in range(20):
        level = np.nansum(logs - effect[:, None], axis=0) / per_plan
        effect = np.nansum(logs - level, axis=1) / per_question
    return effect, np.asarray(ran.any(axis=1))


def _looks(outcomes: HasQuestions, every: bool) -> FloatArray:
    """(questions, looks): the logarithm of the length first; without ``every`` that alone."""
    rows = np.array([surface(asked.text) for asked in outcomes.questions], dtype=np.float64)
    return rows if every else rows[:, :1]


def _from_parts(plans: tuple[Plan, ...], observed: FloatArray, n: FloatArray, metric: int) -> FloatArray:
    """Logarithm of what the parts say per plan; NaN for singles, and where a part never ran alone."""
    alone = {
        plan.models[0]: float(np.exp(observed[i])) for i, plan in enumerate(plans) if plan.k == 1 and n[i] > 0
    }
    total = np.full(len(plans), np.nan)
    for i, plan in enumerate(plans):
        if plan.k > 1 and all(model in alone for model in plan.models):
            total[i] = np.log(_path(plan, alone) if metric == 1 else sum(alone[m] for m in plan.models))
    above = observed - total
    size: IntArray = np.array([plan.k for plan in plans])
    overall = _mean(above, n, ~np.isnan(above))
    for k in np.unique(size).tolist():
        for blends in (False, True):
            group = (size == k) & np.array([bool(plan.blend_nodes) is blends for plan in plans])
            known = group & ~np.isnan(above)
            runs = n[known].sum()
            factor = (runs * _mean(above, n, known) + 3 * overall) / (runs + 3)
            total[group] += factor
    return total


def _mean(values: FloatArray, weights: FloatArray, rows: FloatArray) -> float:
    kept = rows.astype(bool) & (weights > 0)
    return float(np.average(values[kept], weights=weights[kept])) if kept.any() else 0.0


def _path(plan: Plan, alone: dict[str, float]) -> float:
    ends: list[float] = []
    for node, model in enumerate(plan.models):
        ends.append(alone[model] + max((ends[u] for u in plan.predecessors(node)), default=0.0))
    return ends[-1]
