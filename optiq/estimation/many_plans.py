"""Estimates of many plans on one question, as arrays: what planners search.

The values are those of :func:`optiq.estimation.one_plan.estimate`, to 1e-9, for the rows of any layout: all plans up to
a size (:func:`optiq.estimation.space.space`) or those of a list (:class:`optiq.estimation.plan_rows.PlanRows`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.engine import LATENCY, latencies_of, metrics_of
from optiq.estimation.estimates import Confidence, Topics, topic_weights
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.ingredients import Ingredients, TokenArrays, ingredients
from optiq.estimation.pool import Pool
from optiq.estimation.risk_arrays import RiskArrays, risk_arrays
from optiq.estimation.rows import Rows
from optiq.estimation.shifts import row_shifts
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import Statistics

FloatArray = NDArray[np.float64]
QOA = METRIC_NAMES.index("qoa")

KEPT_SHAPES = 4
"""Lengths of questions whose arrays are kept: those that a search asks for again and again."""


class ArrayEstimator:
    """Estimates plans over ``pool`` on the given topics. ``known`` is an estimator; of statistics alone the paper's."""

    def __init__(
        self,
        known: Estimator | Statistics,
        topics: Topics,
        kind: Kind | str,
        pool: Pool,
        confidence: Confidence | None = None,
    ) -> None:
        self.estimator = as_estimator(known)
        self.topics = topic_weights(topics)
        self.kind = kind
        self.pool = pool
        self.confidence = confidence
        self._at_shape: dict[PromptShape, list[_Topic]] = {}

    def values(self, rows: Rows, shape: PromptShape) -> FloatArray:
        """(4, rows): the metrics in the order of METRIC_NAMES, averaged over topics, none below 0."""
        return self.values_and_bounds(rows, shape)[0]

    def values_and_bounds(
        self, rows: Rows, shape: PromptShape, cut: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """The values and, with a confidence, their bounds (:mod:`optiq.estimation.risk`), else the same again.

        Without ``cut`` bounds of the quality may be below 0: those that neighbours are to move yet.
        """
        values, bounds = self._mean(topic.values_and_bounds(rows) for topic in self._topics(shape))
        self._move(rows, values)
        if self.confidence is None:
            return values, values
        self._move(rows, bounds)
        if cut:
            np.maximum(bounds[QOA], 0.0, out=bounds[QOA])
        return values, bounds

    def latencies(self, rows: Rows, shape: PromptShape) -> FloatArray:
        """(rows): the latencies alone, with a confidence their bounds, at a fraction of the work."""
        return self._mean(topic.latencies(rows, topic.tokens) for topic in self._topics(shape))[1]

    def latencies_between(
        self, rows: Rows, shape: PromptShape, other: PromptShape, shares: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(rows, shares) twice: the latencies, and their bounds, ``shares`` of the way from one length to another.

        The shapes may differ in the question only, not in the templates.
        """
        pairs = zip(self._topics(shape), self._topics(other), strict=True)
        return self._mean(
            start.latencies(rows, start.tokens.between(end.tokens, shares)) for start, end in pairs
        )

    def _topics(self, shape: PromptShape) -> list[_Topic]:
        if shape not in self._at_shape:
            if len(self._at_shape) >= KEPT_SHAPES:
                self._at_shape.clear()
            self._at_shape[shape] = [self._topic(topic, shape) for topic, _ in self.topics]
        return self._at_shape[shape]

    def _topic(self, topic: str, shape: PromptShape) -> _Topic:
        catalog, given = ingredients(self.estimator, topic, self.kind, shape, self.pool)
        risk = None
        if self.confidence is not None:
            risk = risk_arrays(self.estimator, catalog, given, self.confidence)
        return _Topic(given, TokenArrays(catalog, given), risk)

    def _mean(self, parts: Iterable[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        """The means over topics of values and bounds; one array twice where they are one. The arrays are changed."""
        total: list[FloatArray] = []
        for (_, weight), (values, bounds) in zip(self.topics, parts, strict=True):
            both = [values] if bounds is values else [values, bounds]
            for part in both if weight != 1.0 else ():
                part *= weight
            total = [one + other for one, other in zip(total, both, strict=True)] if total else both
        return total[0], total[-1]

    def _move(self, rows: Rows, values: FloatArray) -> None:
        """What the question's neighbours say is added to the quality in ``values``."""
        shifts = self.estimator.shifts
        if shifts is not None:
            by_name = shifts.among(self.pool.names)
            moved = row_shifts(rows, self.pool, by_name, self.estimator.shares(self.kind))
            values[QOA] = np.clip(values[QOA] + moved, 0.0, 1.0)


class _Topic:
    """The estimates on one topic at one length."""

    def __init__(self, given: Ingredients, tokens: TokenArrays, risk: RiskArrays | None) -> None:
        self.given, self.tokens, self.risk = given, tokens, risk

    def values_and_bounds(self, rows: Rows) -> tuple[FloatArray, FloatArray]:
        values = metrics_of(rows, self.given, self.tokens)
        return values, values if self.risk is None else self.risk.bounds(rows, values)

    def latencies(self, rows: Rows, tokens: TokenArrays) -> tuple[FloatArray, FloatArray]:
        values = latencies_of(rows, self.given, tokens)
        return values, values if self.risk is None else self.risk.bound(rows, values, LATENCY)
