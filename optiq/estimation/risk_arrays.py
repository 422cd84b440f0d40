"""Bounds of many plans on one topic, as arrays: :mod:`optiq.estimation.risk` for whole spaces and for lists.

What a plan's bounds depend on besides its figures, whether it ran and which models it calls, does not depend on
the question's length and is worked out once per topic and confidence.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import Estimator
from optiq.estimation.ingredients import Ingredients
from optiq.estimation.matches import Records
from optiq.estimation.risk import Risk
from optiq.estimation.space import Group, Space
from optiq.estimation.spread import (
    CLASSES,
    METRICS,
    between_questions,
    drawn_variance,
    independent,
    log_variance,
)
from optiq.estimation.tables import Overrides
from optiq.plans.plan import Plan

if TYPE_CHECKING:
    from optiq.estimation.plan_list import PlanList

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QOA = 3
SPAN = 1000
"""Characters between the two lengths by which slopes are told."""


class RiskArrays:
    """The bounds on one topic over a pool. Get one from :func:`risk_arrays`."""

    def __init__(self, risk: Risk, given: Ingredients) -> None:
        self.risk = risk
        self.given = given
        pool = given.pool
        self.unrun: FloatArray = np.array(
            [[risk.unrun_factor(c, m) for c in range(len(CLASSES))] for m in range(len(METRICS))]
        )
        """(metrics, classes): the factor of plans that did not run."""
        singles = [Plan.of([name]) for name in pool.names]
        self.single: FloatArray = np.array(
            [[risk.factor(plan, m) for plan in singles] for m in range(len(METRICS))]
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
        found = np.ones((len(METRICS), len(records)))
        for m in range(len(METRICS)):
            variance = np.array([between_questions(record, m) for record in records])
            own = log_variance(self.given.recorded[:, m], variance, slopes[:, m], chars)
            before = np.array([self.risk.spread.start(record, m).value for record in records])
            known = ~np.isnan(own) & (runs >= 2)
            within = np.where(known, drawn_variance(before, np.nan_to_num(own), runs - 1), before)
            spread = np.sqrt(within + within / np.maximum(runs, 1))
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

    # --- all plans of a space ----------------------------------------------------------------------------

    def of_space(self, space: Space, overrides: Overrides, values: FloatArray) -> FloatArray:
        """(4, rows): the bounds of plans with expected ``values`` (4, rows); of QoA not yet cut to 0 and above."""
        found = np.empty_like(values)
        for m in range(len(METRICS)):
            found[m] = self._spent(space, overrides, values[m], m)
        exact_rows, exact_records = self._answered(space, overrides)
        parts, offsets = self._parts(space)
        for index, (group, rows) in enumerate(_groups(space)):
            table = parts[offsets[index] : offsets[index + 1]]
            margin = self._single_margins() if group.k == 1 else self.margins(table, 0.0)
            found[QOA, rows] = (values[QOA, rows].reshape(len(group.topologies), -1) - margin).ravel()
        at = _positions(space, exact_rows, offsets)
        found[QOA, exact_rows] = values[QOA, exact_rows] - self.margins(
            parts[at], self.answers[exact_records]
        )
        return found

    def latencies(self, space: Space, overrides: Overrides, finish: FloatArray) -> FloatArray:
        """(rows): the bounds of the latency alone."""
        return self._spent(space, overrides, finish, METRICS.index("latency_s"))

    def _spent(self, space: Space, overrides: Overrides, values: FloatArray, m: int) -> FloatArray:
        found = np.empty_like(values)
        for group, part in _groups(space):
            if group.k == 1:
                found[part] = values[part] * self.single[m, self.given.pool.of_base]
            else:
                found[part] = values[part] * self.unrun[m, 2 if group.n_free < group.k else 1]
        rows, records = overrides.rows[m], overrides.records[m]
        if len(rows):
            found[rows] = values[rows] * self.ran[m, records]
        return found

    def _single_margins(self) -> FloatArray:
        return np.asarray(max(self.risk.z, 0.0) * np.sqrt(self.variance[self.given.pool.of_base]))

    def _answered(self, space: Space, overrides: Overrides) -> tuple[IntArray, IntArray]:
        """Rows that have a record of their quality, and which: what stands for similar plans does not count."""
        if not self.given.fuzzy:
            return overrides.rows[QOA], overrides.records[QOA]
        known = ~np.isnan(self.given.recorded[:, QOA])
        plans = [record.plan for record in self.given.records]
        return Overrides.find(space, Records(plans, known.tolist(), self.given.pool, False))

    def _parts(self, space: Space) -> tuple[FloatArray, IntArray]:
        """Per group of topologies and assignment the mean uncertainty of the models, and where groups start."""
        pool = self.given.pool
        base = self.variance[pool.of_base]
        blender = self.variance[pool.blender_number] if pool.blender is not None else 0.0
        sums = [np.zeros(1)]
        tables = []
        for group, _ in _groups(space):
            while len(sums) <= group.n_free:
                sums.append((sums[-1][:, None] + base).ravel())
            tables.append((sums[group.n_free] + (group.k - group.n_free) * blender) / group.k)
        return np.concatenate(tables), np.cumsum([0, *map(len, tables)])

    # --- lists of plans ----------------------------------------------------------------------------------

    def of_list(self, plans: PlanList, own: IntArray, values: FloatArray) -> FloatArray:
        """(4, plans, lengths): the bounds of plans with expected ``values`` (4, plans, lengths), QoA not yet cut to 0.

        ``own`` (4, plans) are the plans' own records per metric, -1 where there is none.
        """
        pool = self.given.pool
        sizes = np.array([shape.k for shape in plans.shapes])[plans.which]
        free = np.zeros((len(plans.shapes), plans.digits.shape[1]), dtype=bool)
        for i, shape in enumerate(plans.shapes):
            free[i, list(shape.free_nodes)] = True
        free = free[plans.which]
        n_free = free.sum(axis=1)
        models = pool.of_base[plans.digits]
        first = models[:, 0]
        classes = np.where(sizes == 1, 0, np.where(n_free < sizes, 2, 1))
        found = np.empty_like(values)
        for m in range(len(METRICS)):
            factor = self.unrun[m, classes]
            if len(self.given.records):
                factor = np.where(own[m] >= 0, self.ran[m, own[m]], factor)
            found[m] = values[m] * np.where(sizes == 1, self.single[m, first], factor)[:, None]
        blender = self.variance[pool.blender_number] if pool.blender is not None else 0.0
        parts = np.where(free, self.variance[models], 0.0).sum(axis=1) + (sizes - n_free) * blender
        answers = np.zeros(len(sizes))
        if len(self.given.records):
            answers = np.where(own[QOA] >= 0, self.answers[own[QOA]], 0.0)
        margin = self.margins(parts / sizes, answers)
        alone = max(self.risk.z, 0.0) * np.sqrt(self.variance[first])
        found[QOA] = values[QOA] - np.where(sizes == 1, alone, margin)[:, None]
        return found


def risk_arrays(estimator: Estimator, catalog: Catalog, given: Ingredients, confidence: float) -> RiskArrays:
    """The bounds on a topic, made once per snapshot."""
    shape = catalog.shape
    templates = shape.bases, shape.context_chars, shape.blend_chars
    key = "risk", catalog.topic, str(catalog.kind), given.pool, templates, confidence
    if key not in estimator.derived:
        risk = Risk(catalog, confidence, estimator.start_answers)
        estimator.derived[key] = RiskArrays(risk, given)
    found: RiskArrays = estimator.derived[key]
    return found


def _groups(space: Space) -> list[tuple[Group, slice]]:
    """The groups of a space with their rows."""
    found, start = [], 0
    for group in space.structure.groups:
        stop = start + len(group.topologies) * space.n_models**group.n_free
        found.append((group, slice(start, stop)))
        start = stop
    return found


def _positions(space: Space, rows: IntArray, offsets: IntArray) -> IntArray:
    """Where the rows stand in the tables of :meth:`RiskArrays._parts`."""
    group_of = np.repeat(
        np.arange(len(space.structure.groups)), [len(group.topologies) for group in space.structure.groups]
    )
    index = np.searchsorted(space.starts, rows, side="right") - 1
    return np.asarray(offsets[group_of[index]] + rows - space.starts[index])
