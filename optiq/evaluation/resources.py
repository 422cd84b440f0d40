"""What each plan costs and takes on a question: from its parts, its own runs and the question's length.

On the scale of logarithms, per task: the sum over the calls of a plan (for latency the longest path) of
what its models cost alone, times what plans of that size cost above it; drawn towards the plan's own runs; times
a power of the question's length. What is left over gives the quantiles that hold a budget with a chosen
probability.
"""

from __future__ import annotations

import numpy as np

from optiq.evaluation.features import HasQuestions
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.plan import Plan

PARTS_STRENGTH = 1.5
"""So many runs' worth of what the parts say."""

LENGTH_STRENGTH = 4.0
"""Draws the power of the length to 0: in units of squared log-lengths."""

TINY = 1e-12
METRICS = 3
"""Cost, latency, energy: the first three of the four."""


class Resources:
    """Estimates of cost, latency and energy, learned from a history."""

    def __init__(self, history: Outcomes, parts: bool = True) -> None:
        self.history = history
        self.tasks = sorted({asked.kind.task for asked in history.questions})
        task_of = np.array([self.tasks.index(asked.kind.task) for asked in history.questions])
        lengths = _lengths(history)
        self._models = [
            [
                _Model(history.plans, history.values[rows, :, m], lengths[rows], m, parts)
                for m in range(METRICS)
            ]
            for rows in (np.flatnonzero(task_of == t) for t in range(len(self.tasks)))
        ]

    def estimate(self, asked: HasQuestions, confidence: float | None = None) -> FloatArray:
        """(questions, plans, 3): expected figures, or those that are held with probability ``confidence``."""
        lengths = _lengths(asked)
        found = np.full((len(asked.questions), len(self.history.plans), METRICS), np.nan)
        for q, one in enumerate(asked.questions):
            task = self.tasks.index(one.kind.task) if one.kind.task in self.tasks else 0
            for m, model in enumerate(self._models[task]):
                found[q, :, m] = model.estimate(lengths[q], confidence)
        return found


class _Model:
    """One metric on one task."""

    def __init__(
        self, plans: tuple[Plan, ...], values: FloatArray, lengths: FloatArray, metric: int, parts: bool
    ) -> None:
        logs = np.log(np.maximum(values, TINY))
        n = (~np.isnan(logs)).sum(axis=0).astype(np.float64)
        self.middle = float(lengths.mean()) if len(lengths) else 0.0
        self.known = bool(n.sum())
        if not self.known:
            return
        self.power = _power(logs, lengths - self.middle)
        flat = logs - self.power * (lengths - self.middle)[:, None]
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
        left = (flat - self.level)[~np.isnan(flat)]
        # a mean is learned from the very runs: new ones differ by a little more
        spare = max(1 - (n > 0).sum() / max(n.sum(), 1), 0.25)
        self.left: FloatArray = np.sort(left) / np.sqrt(spare)
        self.smear = float(np.log(np.mean(np.exp(np.clip(left, -5, 5)))))

    def estimate(self, length: float, confidence: float | None) -> FloatArray:
        if not self.known:
            return np.array(np.nan)
        at = self.level + self.power * (length - self.middle)
        if confidence is None:
            return np.exp(at + self.smear)
        # the conformal quantile: one more than so many would be needed to be sure
        share = min(confidence * (1 + 1 / max(len(self.left), 1)), 1.0)
        return np.exp(at + np.quantile(self.left, share) * np.sqrt(1 + 1 / (self.n + PARTS_STRENGTH)))


def _lengths(outcomes: HasQuestions) -> FloatArray:
    return np.log(np.array([max(len(asked.text), 1) for asked in outcomes.questions], dtype=np.float64))


def _power(logs: FloatArray, lengths: FloatArray) -> float:
    """How figures grow with the question's length, from differences within plans; drawn to 0."""
    x = np.where(np.isnan(logs), np.nan, lengths[:, None])
    with np.errstate(invalid="ignore"):
        runs = np.maximum((~np.isnan(x)).sum(axis=0), 1)
        x = x - np.nansum(x, axis=0) / runs
        y = logs - np.nansum(logs, axis=0) / runs
    return float(np.nansum(x * y) / (np.nansum(x * x) + LENGTH_STRENGTH))


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
