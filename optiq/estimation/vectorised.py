"""Estimates of all plans of a space on one question, as arrays: what the exact planner searches.

:class:`SpaceEstimator` keeps what every question length shares; :meth:`SpaceEstimator.values` does the
rest. The values are those of :func:`optiq.estimation.scalar.estimate` to 1e-9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.estimates import Estimate, Topics, topic_weights
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.ingredients import Ingredients, Pool, TokenArrays, ingredients
from optiq.estimation.risk_arrays import risk_arrays
from optiq.estimation.shifts import row_shifts
from optiq.estimation.space import Space, space
from optiq.estimation.tables import Overrides, Tables, finish_times
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Kind
from optiq.statistics.snapshot import METRICS, Statistics

FloatArray = NDArray[np.float64]
QOA = METRICS.index("qoa")


class SpaceEstimator:
    """Estimates of every plan over ``pool`` with up to ``max_operations`` calls, on the given topics."""

    def __init__(
        self,
        known: Estimator | Statistics,
        topics: Topics,
        kind: Kind | str,
        pool: Pool,
        max_operations: int,
        confidence: float | None = None,
    ) -> None:
        self.estimator = as_estimator(known)
        self.topics = topic_weights(topics)
        self.kind = kind
        self.pool = pool
        self.confidence = confidence
        self.space: Space = space(len(pool.models), max_operations, pool.blender is not None)

    def values(self, shape: PromptShape) -> FloatArray:
        """(4, rows of the space): the metrics in the order of METRICS, averaged over topics, none below 0."""
        return self.values_and_bounds(shape)[0]

    def values_and_bounds(self, shape: PromptShape, cut: bool = True) -> tuple[FloatArray, FloatArray]:
        """The values and, with a confidence, their bounds (:mod:`optiq.estimation.risk`), else the same again.

        Without ``cut`` bounds of the quality may be below 0: those that neighbours are to move yet.
        """
        total = np.zeros((len(METRICS), self.space.n_rows))
        bounds = total if self.confidence is None else np.zeros_like(total)
        for topic, weight in self.topics:
            catalog, given = ingredients(self.estimator, topic, self.kind, shape, self.pool)
            overrides = self._overrides(given)
            values = Tables(self.space, given, TokenArrays(catalog, given), overrides).values
            np.maximum(values[:3], 0.0, out=values[:3])
            bounded = values
            if self.confidence is not None:
                bounded = risk_arrays(self.estimator, catalog, given, self.confidence).of_space(
                    self.space, overrides, values
                )
            if weight == 1.0:
                total, bounds = values, bounded
            else:
                total += weight * values
                if self.confidence is not None:
                    bounds += weight * bounded
        self._moved(total)
        if self.confidence is None:
            return total, total
        self._moved(bounds)
        if cut:
            np.maximum(bounds[QOA], 0.0, out=bounds[QOA])
        return total, bounds

    def _moved(self, values: FloatArray) -> None:
        """What the question's neighbours say is added to the quality in ``values``."""
        shifts = self.estimator.shifts
        if shifts is not None:
            by_name = shifts.among(self.pool.names)
            qoa = values[QOA] + row_shifts(self.space, self.pool, by_name, self.estimator.shares(self.kind))
            values[QOA] = np.clip(qoa, 0.0, 1.0)

    def latencies(self, shape: PromptShape) -> FloatArray:
        """(rows of the space): the latencies alone, or their bounds, at a fraction of the work."""
        total = np.zeros(self.space.n_rows)
        for topic, weight in self.topics:
            catalog, given = ingredients(self.estimator, topic, self.kind, shape, self.pool)
            tokens, overrides = TokenArrays(catalog, given), self._overrides(given)
            finish = np.maximum(finish_times(self.space, given, tokens, overrides), 0.0)
            if self.confidence is not None:
                finish = risk_arrays(self.estimator, catalog, given, self.confidence).latencies(
                    self.space, overrides, finish
                )
            total += weight * finish
        return total

    def _overrides(self, given: Ingredients) -> Overrides:
        if self.space not in given.overrides:
            # topics on which the same plans were measured, as often, share their matches
            plans = tuple(record.plan for record in given.records)
            key = "overrides", self.space, self.pool, plans, np.isnan(given.recorded).tobytes()
            derived = self.estimator.derived
            if key not in derived:
                derived[key] = Overrides(self.space, given)
            given.overrides[self.space] = derived[key]
        found: Overrides = given.overrides[self.space]
        return found

    def estimate(self, row: int, values: FloatArray, bounds: FloatArray | None = None) -> Estimate:
        """The estimate of a canonical row, without provenance."""
        plan = self.space.plan(row, self.pool.models, self.pool.blender)
        kept = None if bounds is None else bounds[:, row].tolist()
        return Estimate.of(plan, values[:, row].tolist(), kept, self.confidence)
