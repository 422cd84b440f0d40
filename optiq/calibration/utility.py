"""Which plan would be chosen on a topic, and how its figures count: limits first, then the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.planning.choose import WORTH, meets, pick
from optiq.questions.metric import COST, METRICS, QOA

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
COST_COLUMN, QOA_COLUMN = METRICS.index(COST), METRICS.index(QOA)
_LEAST_SPREAD = 0.2  # of the mean of a figure
_LEAST_QOA_SPREAD = 0.1
_BEYOND = 1.96
_MISSED = 2.0  # what missing a limit costs: more than all weights together


@dataclass(frozen=True)
class Preference:
    """``weights`` (metrics and worth) as of :func:`optiq.planning.choose.weight_array`; ``limits`` (topics,
    metrics), NaN where none is.

    ``caution`` (arms, metrics): by what figures are multiplied, and how much is taken off QoA, to hold with the
    confidence that plans will be chosen with; None if none was given.
    """

    weights: FloatArray
    limits: FloatArray
    caution: FloatArray | None = None

    def favourite(self, figures: FloatArray, topic: int, group: IntArray) -> int | None:
        """The arm of ``group`` that :func:`optiq.planning.choose.choose` takes; None if none is within the limits."""
        judged = self.judged(figures, group)
        within: NDArray[np.bool_] = np.all(meets(judged, self.limits[topic]), axis=1)
        return int(group[int(pick(judged, within, self.weights))]) if within.any() else None

    def judged(self, figures: FloatArray, group: IntArray) -> FloatArray:
        """The figures of the arms of ``group`` that limits hold for."""
        found = figures[group]
        if self.caution is not None:
            found[:, :QOA_COLUMN] *= self.caution[group, :QOA_COLUMN]
            found[:, QOA_COLUMN] = np.maximum(found[:, QOA_COLUMN] - self.caution[group, QOA_COLUMN], 0.0)
        return found

    def linear(self, figures: FloatArray, groups: list[IntArray]) -> tuple[FloatArray, FloatArray]:
        """(arms) utilities and (metrics, arms) their slopes: by the logarithm of resources, and by QoA.

        Figures are scaled by their spread over the topic, as the choice does it; narrow spreads, which early
        estimates have, are widened, so that no figure counts for more than it should. An unknown figure is the
        worst of the topic. A missed limit costs more than all else.
        """
        utility, slopes = np.zeros(len(figures)), np.zeros((len(METRICS), len(figures)))
        for topic, group in enumerate(groups):
            values = figures[group]
            for metric in self._counting():
                column = values[:, metric]
                if np.isnan(column).all():
                    continue
                worst = np.nanmin(column) if metric == QOA_COLUMN else np.nanmax(column)
                column = np.where(np.isnan(column), worst, column)
                least = _LEAST_QOA_SPREAD if metric == QOA_COLUMN else _LEAST_SPREAD * float(column.mean())
                spread = max(float(np.ptp(column)), least) or 1.0
                weight = self._per_unit(metric, spread)
                good = metric == QOA_COLUMN
                utility[group] += weight * (column if good else -column)
                slopes[metric, group] = weight if good else -weight * column
            missed = ~meets(self.judged(figures, group), self.limits[topic]).all(axis=1)
            utility[group] -= _MISSED * missed
        return utility, slopes

    def _counting(self) -> list[int]:
        """The metrics that the choice depends on."""
        if math.isnan(self.weights[WORTH]):
            return [int(metric) for metric in np.flatnonzero(self.weights[:WORTH] > 0)]
        return [COST_COLUMN, QOA_COLUMN]

    def _per_unit(self, metric: int, spread: float) -> float:
        """What one unit of a metric counts: its weight over its spread, or by what a right answer is worth."""
        worth = float(self.weights[WORTH])
        if worth == 0:  # the cost comes first
            return float(metric != QOA_COLUMN) / spread
        if math.isnan(worth):
            return float(self.weights[metric]) / spread
        return 1.0 if metric == QOA_COLUMN else 1.0 / worth

    def plausible(
        self, figures: FloatArray, deviations: FloatArray, groups: list[IntArray]
    ) -> NDArray[np.bool_]:
        """(arms): whether an arm may be within the limits, going by its 95 % intervals."""
        found = np.ones(len(figures), dtype=bool)
        for topic, group in enumerate(groups):
            limits = self.limits[topic]
            best = figures[group] * np.exp(-_BEYOND * deviations[group])
            best[:, QOA_COLUMN] = np.minimum(
                figures[group, QOA_COLUMN] + _BEYOND * deviations[group, QOA_COLUMN], 1.0
            )
            found[group] = meets(best, limits).all(axis=1)
        return found


def no_limits(n_topics: int) -> FloatArray:
    """(topics, metrics) without a limit."""
    return np.full((n_topics, len(METRICS)), math.nan)
