"""Bounds of many plans on one topic, as arrays: :mod:`optiq.estimation.risk` for the rows of any layout.

What a plan's bounds depend on besides its figures, whether it ran and which models it calls, does not depend on
the question's length and is worked out once per topic and confidence.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import Confidence
from optiq.estimation.estimator import Estimator
from optiq.estimation.ingredients import Ingredients
from optiq.estimation.risk import Risk
from optiq.estimation.rows import Rows
from optiq.estimation.spread import (
    CLASSES,
    between_questions,
    drawn_variance,
    independent,
    log_variance,
)
from optiq.plans.plan import Plan
from optiq.questions.metric import RESOURCE_NAMES

FloatArray = NDArray[np.float64]

QOA = len(RESOURCE_NAMES)
SPAN = 1000
"""Characters between the two lengths by which slopes are told."""


class RiskArrays:
    """The bounds on one topic over a pool. Get one from :func:`risk_arrays`."""

    def __init__(self, risk: Risk, given: Ingredients) -> None:
        self.risk = risk
        self.given = given
        pool = given.pool
        self.unrun: FloatArray = np.array(
            [[risk.unrun_factor(c, m) for c in range(len(CLASSES))] for m in range(len(RESOURCE_NAMES))]
        )
        """(metrics, classes): the factor of plans that did not run."""
        singles = [Plan.of([name]) for name in pool.names]
        self.single: FloatArray = np.array(
            [[risk.factor(plan, m) for plan in singles] for m in range(len(RESOURCE_NAMES))]
        )
        """(metrics, models): the factor of a lone call."""
        self.variance: FloatArray = np.array([risk.variance_of(name) for name in pool.names])
        """(models): how uncertain the mean QoA of a lone call is."""

    @cached_property
    def ran(self) -> FloatArray:
        """(metrics, records): the factor of plans that ran."""
        records, catalog = self.given.records, self.risk.catalog
        further = Catalog(
            catalog.statistics,
            catalog.topic,
            catalog.kind,
            replace(catalog.shape, question_chars=SPAN, question_tokens=()),
            catalog.blender,
        )
        nearer = replace(catalog.shape, question_chars=0, question_tokens=())
        start = Catalog(catalog.statistics, catalog.topic, catalog.kind, nearer, catalog.blender)
        slopes = (self.given.recorded_at(further) - self.given.recorded_at(start)) / SPAN
        runs = np.array([independent(record) for record in records])
        chars = np.array([record.var_question_chars for record in records])
        found = np.ones((len(RESOURCE_NAMES), len(records)))
        for m in range(len(RESOURCE_NAMES)):
            variance = np.array([between_questions(record, m) for record in records])
            own = log_variance(self.given.recorded[:, m], variance, slopes[:, m], chars)
            before = np.array([self.risk.spread.start(record, m).value for record in records])
            known = ~np.isnan(own) & (runs >= 2)
            within = np.where(known, drawn_variance(before, np.nan_to_num(own), runs - 1), before)
            spread = np.sqrt(within + within / np.maximum(runs, 1))
            if self.risk.holds(m):
                found[m] = np.maximum(np.exp(self.risk.heavy * spread - within / 2), 1.0)
        return found

    @cached_property
    def answers(self) -> FloatArray:
        """(records): judged answers."""
        return np.array([self.risk.answers(record.plan) for record in self.given.records])

    def margins(self, parts: FloatArray, answers: FloatArray | float) -> FloatArray:
        """By how much bounds of QoA lie below the mean, from the uncertainty of the parts and own answers."""
        strength = self.risk.strength
        total = np.asarray(answers + strength, dtype=np.float64)
        pull = np.where(total > 0, strength / np.maximum(total, 1e-300), 1.0)
        variance = self.risk.spread.within_qoa.value / np.maximum(total, 1.0) + pull**2 * parts
        return np.asarray(max(self.risk.z, 0.0) * np.sqrt(variance))

    def bounds(self, rows: Rows, values: FloatArray) -> FloatArray:
        """(4, rows): the bounds of plans with expected ``values`` (4, rows); of QoA not yet cut to 0 and above."""
        found = np.empty_like(values)
        for metric in range(len(RESOURCE_NAMES)):
            found[metric] = self.bound(rows, values[metric], metric)
        if self.risk.sure.against is not None:
            found[QOA] = values[QOA] - self.risk.sure.deviations * np.sqrt(self._against(rows))
            return found
        pool = self.given.pool
        of_blender = self.variance[pool.blender_number] if pool.blender is not None else 0.0
        parts = rows.means(self.variance[pool.of_base], float(of_blender))
        places, records = rows.matched(self.given.own[QOA])
        found[QOA] = values[QOA] - self.margins(parts, 0.0)
        found[QOA, places] = values[QOA, places] - self.margins(parts[places], self.answers[records])
        for at, number in rows.classes():
            if CLASSES[number] == "single":  # what it is drawn to is in its variance already
                found[QOA, at] = values[QOA, at] - max(self.risk.z, 0.0) * np.sqrt(parts[at])
        return found

    def _against(self, rows: Rows) -> FloatArray:
        """(rows): :meth:`~optiq.estimation.risk.Risk.variance_against` of the model that plans are compared with."""
        pool, model = self.given.pool, self.risk.sure.against
        assert model is not None
        gaps = np.array([self.risk.gap(name, model) for name in pool.names])
        of_blender = float(gaps[pool.blender_number]) if pool.blender is not None else 0.0
        parts: FloatArray = rows.means(gaps[pool.of_base], of_blender) ** 2
        found = parts + self.risk.own_gap(0.0)
        places, records = rows.matched(self.given.own[QOA])
        found[places] = parts[places] + [self.risk.own_gap(n) for n in self.answers[records]]
        for at, number in rows.classes():
            if CLASSES[number] == "single":
                found[at] = parts[at]
        return found

    def bound(self, rows: Rows, values: FloatArray, metric: int) -> FloatArray:
        """(rows, …): the bounds of one of cost, latency and energy."""
        found = np.zeros_like(values)
        for at, number in rows.classes():
            found[at] = values[at] * self.unrun[metric, number]
        singles = next(iter(rows.chunks))
        places, records = rows.matched(self.given.own[metric])
        for at, factor in (
            (singles.rows, self.single[metric, self.given.pool.of_base[singles.last]]),
            (places, self.ran[metric, records]),
        ):
            found[at] = values[at] * factor.reshape(-1, *(1 for _ in values.shape[1:]))
        return found


def risk_arrays(
    estimator: Estimator, catalog: Catalog, given: Ingredients, confidence: Confidence
) -> RiskArrays:
    """The bounds on a topic, made once per snapshot."""
    shape = catalog.shape
    templates = shape.bases, shape.context_chars, shape.blend_chars
    key = "risk", catalog.topic, str(catalog.kind), given.pool, templates, confidence
    if key not in estimator.derived:
        risk = Risk(catalog, confidence, estimator.start_answers, estimator.part_answers)
        estimator.derived[key] = RiskArrays(risk, given)
    found: RiskArrays = estimator.derived[key]
    return found
