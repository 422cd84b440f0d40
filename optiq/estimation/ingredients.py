"""The ingredients of a :class:`~optiq.estimation.catalog.Catalog` as arrays over a pool of models.

Models are numbered in the order of their names, the blender among them. What does not depend on a
question's length (effects, blend references, which record matches which sub-plan) is made once per snapshot
and topic and kept for as long as the snapshot lives.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import Estimator, QualityRules
from optiq.estimation.matches import Matches
from optiq.estimation.pool import Pool
from optiq.prompts.shape import PromptShape, chars_per_token
from optiq.questions.metric import METRIC_NAMES, RESOURCE_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import Record

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QOA = METRIC_NAMES.index("qoa")


class Ingredients:
    """What one topic knows about a pool, whatever the question's length. See :func:`ingredients`."""

    def __init__(self, catalog: Catalog, rules: QualityRules, pool: Pool, derived: dict[object, Any]) -> None:
        self.catalog = catalog
        self.rules = rules
        self.pool = pool
        self.qoa: FloatArray = np.array([rules.alone(name).value for name in pool.names])
        steps = [[rules.step(before, name) for name in pool.names] for before in pool.names]
        self.share: FloatArray = np.array([[step.share for step in row] for row in steps])
        self.bonus: FloatArray = np.array([[step.bonus for step in row] for row in steps])
        """(before, model): after the step the QoA is share · QoA before + bonus."""
        self.records: tuple[Record, ...] = tuple(sorted(catalog.records.values(), key=_strongest_first))
        """The topic's records; where two are equally similar the earlier one stands."""
        self._references: dict[tuple[int, ...], float] = {}
        plans = tuple(record.plan for record in self.records)

        def matches(metric: int, similar: bool) -> Matches:
            # metrics and topics of which the same plans were measured, as often, share their matches
            known = ~np.isnan(self.recorded[:, metric])
            key = "matches", pool, plans, known.tobytes(), similar
            if key not in derived:
                derived[key] = Matches(plans, known.tolist(), pool, similar)
            found: Matches = derived[key]
            return found

        self.own = tuple(matches(metric, False) for metric in range(len(METRIC_NAMES)))
        """Per metric which plan has a record of its own."""
        self.matches = (*self.own[:QOA], matches(QOA, rules.similar))
        """Per metric which record stands for which plan."""

    def references(self, leaf_sets: Iterable[tuple[int, ...]]) -> FloatArray:
        """QoA references of blends of base models."""
        known = self._references
        for leaves in leaf_sets:
            if leaves not in known:
                known[leaves] = self.rules.blend(tuple(self.pool.models[i] for i in leaves)).value
        return np.array([known[leaves] for leaves in leaf_sets])

    @cached_property
    def trust(self) -> FloatArray:
        """(records): how much each counts against the rules for QoA."""
        return np.array([self.rules.trust(record) for record in self.records])

    def change(self, qoa: FloatArray, reference: FloatArray) -> FloatArray:
        """How much better branches are than their references, 0 where unknown."""
        change = self.rules.change(qoa, reference)
        return np.where(np.isnan(change), 0.0, change)

    def held(self, ruled: FloatArray, records: IntArray) -> FloatArray:
        """QoA where records stand: theirs, drawn to what the rules say by as much as they are not trusted."""
        observed, trust = self.recorded[records, QOA], self.trust[records]
        return np.where(np.isnan(ruled) | (trust == 1), observed, trust * observed + (1 - trust) * ruled)

    @cached_property
    def recorded(self) -> FloatArray:
        """(records, 4): the recorded means in the order of METRIC_NAMES, as they were measured."""
        rows = [[getattr(record, metric) for metric in METRIC_NAMES] for record in self.records]
        return np.array(rows, dtype=np.float64).reshape(-1, len(METRIC_NAMES))

    @cached_property
    def _length_counts(self) -> tuple[list[str], FloatArray]:
        """Models, and (token metrics, records, models): how often each reads the question, per record."""
        names = sorted({name for record in self.records for name in record.plan.models})
        number = {name: i for i, name in enumerate(names)}
        counts = np.zeros((len(RESOURCE_NAMES), len(self.records), len(names)))
        for r, record in enumerate(self.records):
            if np.isnan(record.mean_question_chars):
                continue
            for m, metric in enumerate(RESOURCE_NAMES):
                for name in self.catalog.length_models(record, metric):
                    counts[m, r, number[name]] += 1
        return names, counts

    def recorded_at(self, catalog: Catalog) -> FloatArray:
        """(records, 4): the recorded means, brought to the question length of ``catalog``."""
        values = self.recorded.copy()
        chars = np.array([record.mean_question_chars for record in self.records])
        if np.isnan(chars).all():
            return values
        names, counts = self._length_counts
        per_char = np.array([1 / chars_per_token(catalog.figures(name)) for name in names])
        tokens = np.array([catalog.question_tokens(name) for name in names])
        for m, metric in enumerate(RESOURCE_NAMES):
            rates = np.array([catalog.rates(name, metric).prompt for name in names])
            unknown = counts[m] @ np.isnan(rates).astype(np.float64) > 0
            rates = np.nan_to_num(rates)
            now, then = counts[m] @ (rates * tokens), counts[m] @ (rates * per_char) * chars
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.where(then > 0, np.minimum(1.0, values[:, m] / then), 1.0)
                moved = values[:, m] + (now - then) * share
            values[:, m] = np.where(unknown | np.isnan(chars), values[:, m], moved)
        return values


class TokenArrays:
    """What calls cost on one topic at one question's length.

    ``lone`` (3, models): a lone call; ``context`` (3, models): what the context prompt adds, ``blend`` (3, models) the
    blend prompt; ``heard`` (3, before, model): what reading the output of ``before`` adds to ``model``; ``recorded``
    (records, 4).
    """

    def __init__(self, catalog: Catalog, given: Ingredients) -> None:
        names = given.pool.names
        shape = catalog.shape
        self.lone = _table(lambda metric, name: catalog.lone(name, metric).value, names)
        self.context = _table(
            lambda metric, name: _template(catalog, name, metric, shape.context_chars), names
        )
        self.blend = _table(lambda metric, name: _template(catalog, name, metric, shape.blend_chars), names)
        outputs = [catalog.output_tokens(name) for name in names]
        self.heard: FloatArray = np.array(
            [
                [[catalog.added(name, metric, tokens) for name in names] for tokens in outputs]
                for metric in RESOURCE_NAMES
            ]
        )
        self.recorded = given.recorded_at(catalog)

    def between(self, other: TokenArrays, shares: FloatArray) -> TokenArrays:
        """At the lengths that lie ``shares`` of the way to that of ``other``: a last axis more.

        Lone calls and records are lines in the length, so that nothing is looked up again; the rest is of no length.
        """
        found = copy(self)
        for name in ("lone", "recorded"):
            start, end = getattr(self, name)[..., None], getattr(other, name)[..., None]
            setattr(found, name, start + (end - start) * shares)
        return found


def _template(catalog: Catalog, name: str, metric: str, chars: int) -> float:
    return catalog.added(name, metric, catalog.template_tokens(name, chars))


def _table(figure: Any, names: tuple[str, ...]) -> FloatArray:
    return np.array([[figure(metric, name) for name in names] for metric in RESOURCE_NAMES])


def ingredients(
    estimator: Estimator, topic: str, kind: Kind | str, shape: PromptShape, pool: Pool
) -> tuple[Catalog, Ingredients]:
    """The catalog at this question's length, and the ingredients that all lengths share."""
    catalog = Catalog(estimator.statistics, topic, kind, shape, pool.blender)
    # output lengths may be derived with the template's length, and the critical path of a record with them
    key = "ingredients", topic, str(kind), pool, shape.bases
    if key not in estimator.derived:
        estimator.derived[key] = Ingredients(catalog, estimator.on(catalog), pool, estimator.derived)
    return catalog, estimator.derived[key]


def _strongest_first(record: Record) -> tuple[int, tuple[int, int, tuple[str, ...]]]:
    return -record.n_observations, record.plan.order
