"""Estimates of any plans, many at once: what planners use that search instead of enumerating.

The same rules as in :mod:`optiq.estimation.tables`, but node by node over a list of plans of any topologies,
at one or several question lengths. A test holds them equal to the scalar oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.composition import Rule
from optiq.estimation.estimator import Estimator, as_estimator
from optiq.estimation.ingredients import Ingredients, Pool, TokenArrays, ingredients
from optiq.estimation.matches import Records
from optiq.estimation.plan_list import WIDTH, PlanList, wiring
from optiq.estimation.risk_arrays import RiskArrays, risk_arrays
from optiq.plans.topology import Topology
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Kind
from optiq.statistics.snapshot import METRICS, Statistics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

QOA = METRICS.index("qoa")


class PlanEstimator:
    """Estimates plans over ``pool`` for a question, at the lengths of ``shapes`` (at least one).

    The shapes may differ in the question only, not in the templates.
    """

    def __init__(
        self,
        known: Estimator | Statistics,
        topics: Sequence[tuple[str, float]],
        kind: Kind | str,
        pool: Pool,
        shapes: Sequence[PromptShape],
        confidence: float | None = None,
    ) -> None:
        self.pool = pool
        estimator = as_estimator(known)
        self.shifts = estimator.shifts
        self.rule = estimator.shares(kind) if self.shifts is not None else Rule()
        self.confidence = confidence
        self.topics = []
        for topic, weight in topics:
            found = [ingredients(estimator, topic, kind, shape, pool) for shape in shapes]
            at_lengths = [catalog for catalog, _ in found]
            risk = None if confidence is None else risk_arrays(estimator, *found[0], confidence)
            self.topics.append((weight, _Topic(found[0][1], at_lengths, risk)))

    def between(self, shares: FloatArray) -> PlanEstimator:
        """The estimator at the lengths that lie ``shares`` of the way from the first length to the second.

        Lone calls and records are lines in the length, so that nothing has to be looked up again.
        """
        found = object.__new__(PlanEstimator)
        found.pool, found.confidence = self.pool, self.confidence
        found.shifts, found.rule = self.shifts, self.rule
        found.topics = [(weight, topic.between(shares)) for weight, topic in self.topics]
        return found

    def values(self, plans: PlanList) -> FloatArray:
        """(4, plans, lengths): the metrics in the order of METRICS, none below 0."""
        found = self._mean([(weight, topic.values(plans)) for weight, topic in self.topics])
        return self._moved(plans, found)

    def values_and_bounds(self, plans: PlanList, cut: bool = True) -> tuple[FloatArray, FloatArray]:
        """The values and, with a confidence, their bounds (:mod:`optiq.estimation.risk`), else the same again.

        Without ``cut`` bounds of the quality may be below 0: those that neighbours are to move yet.
        """
        if self.confidence is None:
            values = self.values(plans)
            return values, values
        parts = [(weight, topic.values_and_bounds(plans)) for weight, topic in self.topics]
        values, bounds = (self._mean([(weight, both[i]) for weight, both in parts]) for i in (0, 1))
        bounds = self._moved(plans, bounds)
        if cut:
            np.maximum(bounds[QOA], 0.0, out=bounds[QOA])
        return self._moved(plans, values), bounds

    @staticmethod
    def _mean(parts: list[tuple[float, FloatArray]]) -> FloatArray:
        if len(parts) == 1:
            return parts[0][1]
        return np.asarray(np.sum([weight * values for weight, values in parts], axis=0))

    def _moved(self, plans: PlanList, found: FloatArray) -> FloatArray:
        """What the question's neighbours say is added to the quality; ``found`` is changed."""
        if self.shifts is not None:
            shift = plans.shifts(self.pool, self.shifts.among(self.pool.names), self.rule)
            found[QOA] = np.clip(found[QOA] + shift[:, None], 0.0, 1.0)
        return found


class _Topic:
    """The estimates on one topic."""

    def __init__(self, given: Ingredients, catalogs: Sequence[Catalog], risk: RiskArrays | None) -> None:
        self.given = given
        self.risk = risk
        tokens = [TokenArrays(catalog, given) for catalog in catalogs]
        self.tokens = tokens[0]  # only lone calls and records depend on the length
        self.lone: FloatArray = np.stack([t.lone for t in tokens], axis=-1)
        self.recorded: FloatArray = np.stack([t.recorded for t in tokens], axis=-1)
        self.references: dict[tuple[int, ...], float] = {}
        if given.matches is None:
            given.matches = _Matches(given)
        self.matches: _Matches = given.matches

    def between(self, shares: FloatArray) -> _Topic:
        found = copy(self)
        for name in ("lone", "recorded"):
            ends = getattr(self, name)
            setattr(found, name, ends[..., :1] + (ends[..., 1:2] - ends[..., :1]) * shares)
        return found

    def values(self, plans: PlanList) -> FloatArray:
        n, n_lengths = len(plans.which), self.lone.shape[-1]
        wirings = [wiring(shape) for shape in plans.shapes]
        branches = np.stack([w.branches for w in wirings])[plans.which]
        extra = np.stack([w.extra for w in wirings])[plans.which]
        shares = np.stack([w.shares for w in wirings])[plans.which]
        leaves = np.stack([w.leaves for w in wirings])[plans.which]
        sizes = np.array([shape.k for shape in plans.shapes])[plans.which]
        fan_in = branches.sum(axis=2)
        models = np.where(fan_in > 1, self.given.pool.blender_number, self.given.pool.of_base[plans.digits])
        total = np.zeros((3, n, WIDTH, n_lengths))  # of latency: the finish
        own = np.zeros((3, n, WIDTH, n_lengths))
        qoa, change = np.zeros((n, WIDTH)), np.zeros((n, WIDTH))
        for v in range(int(sizes.max())):
            reads, model = branches[:, v, :v], models[:, v]
            gathered = np.where(reads[None, :, :, None], total[:, :, :v], 0.0)
            times = extra[:, v, :v, None]
            before = gathered.sum(axis=2) - np.where(times > 0, own[:, :, :v] * times, 0.0).sum(axis=2)
            before[1] = gathered[1].max(axis=1, initial=0.0)
            grown = self._growth(fan_in[:, v], reads, models[:, :v], model)
            total[:, :, v] = before + (self.lone[:, model] + grown[:, :, None])
            reference = self._reference(fan_in[:, v], leaves[:, v], plans.digits, model)
            moved = np.where(reads, change[:, :v] * shares[:, v, :v], 0.0).sum(axis=1)
            stepped = self._stepped(reads, qoa[:, :v], models[:, :v], model)
            ruled = np.where(fan_in[:, v] > 1, self.given.rules.blended(reference, moved), stepped)
            qoa[:, v] = np.where(fan_in[:, v] == 0, reference, np.clip(ruled, 0.0, 1.0))
            for metric, (rows, records) in enumerate(self.matches.find(plans, v)):
                if metric == QOA:
                    qoa[rows, v] = self.given.held(qoa[rows, v], records)
                else:
                    total[metric, rows, v] = self.recorded[records, metric]
            own[:, :, v] = total[:, :, v] - before
            change[:, v] = self.given.change(qoa[:, v], reference)
        every, last = np.arange(n), sizes - 1
        found = np.empty((len(METRICS), n, n_lengths))
        found[:QOA] = np.maximum(total[:, every, last], 0.0)
        found[QOA] = qoa[every, last, None]
        return found

    def values_and_bounds(self, plans: PlanList) -> tuple[FloatArray, FloatArray]:
        assert self.risk is not None
        values = self.values(plans)
        return values, self.risk.of_list(plans, self._own(plans), values)

    def _own(self, plans: PlanList) -> IntArray:
        """(4, plans): each plan's own record per metric, -1 where there is none."""
        if self.given.exact_matches is None:
            self.given.exact_matches = _Matches(self.given, fuzzy=False) if self.given.fuzzy else self.matches
        found = np.full((len(METRICS), len(plans.which)), -1, dtype=np.int64)
        sizes = np.array([shape.k for shape in plans.shapes])[plans.which]
        for v in range(1, int(sizes.max(initial=1))):
            for metric, (rows, records) in enumerate(self.given.exact_matches.find(plans, v)):
                last = sizes[rows] == v + 1
                found[metric, rows[last]] = records[last]
        return found

    def _growth(self, fan_in: IntArray, reads: BoolArray, before: IntArray, model: IntArray) -> FloatArray:
        """(3, plans): what the context or blend prompt and the predecessors' outputs add to a lone call."""
        prompt = np.where(fan_in == 1, self.tokens.context[:, model], self.tokens.blend[:, model])
        heard = np.where(reads, self.tokens.heard[:, before, model[:, None]], 0.0).sum(axis=2)
        return np.where(fan_in == 0, 0.0, prompt + heard)

    def _stepped(self, reads: BoolArray, qoa: FloatArray, before: IntArray, model: IntArray) -> FloatArray:
        """(plans): the sequential rule, for nodes with one predecessor."""
        if not reads.shape[1]:
            return np.zeros(len(model))
        previous = reads.argmax(axis=1)
        every = np.arange(len(model))
        heard = before[every, previous]
        return qoa[every, previous] * self.given.share[heard, model] + self.given.bonus[heard, model]

    def _reference(
        self, fan_in: IntArray, leaves: BoolArray, digits: IntArray, model: IntArray
    ) -> FloatArray:
        """(plans): what a node's QoA is compared with in a blend: its model's, or its blend's reference."""
        found = self.given.qoa[model]
        for p in np.flatnonzero(fan_in > 1).tolist():
            key = tuple(sorted(digits[p, leaves[p]].tolist()))
            if key not in self.references:
                names = tuple(self.given.pool.models[i] for i in key)
                self.references[key] = self.given.rules.blend(names).value
            found[p] = self.references[key]
        return found


class _Matches:
    """Which record stands for the sub-plan that ends at a node; topologies are learnt as they turn up."""

    def __init__(self, given: Ingredients, fuzzy: bool = True) -> None:
        self.n_models = len(given.pool.models)
        plans = [record.plan for record in given.records]
        known = ~np.isnan(given.recorded)
        patterns = [
            (metric == QOA and given.fuzzy and fuzzy, tuple(known[:, metric].tolist()))
            for metric in range(len(METRICS))
        ]
        self.first_like = [patterns.index(pattern) for pattern in patterns]
        """Metrics that the same records have share their matches: the first such metric of each."""
        self.records = {
            m: Records(plans, patterns[m][1], given.pool, patterns[m][0]) for m in set(self.first_like)
        }
        self.index: dict[Topology, int] = {}
        self.found: dict[int, list[tuple[IntArray, IntArray]]] = {m: [] for m in self.records}
        self.sorted: dict[int, tuple[IntArray, IntArray]] = {}

    def find(self, plans: PlanList, v: int) -> list[tuple[IntArray, IntArray]]:
        """Per metric (plans, records): where a record stands for the sub-plan that ends at node ``v``."""
        parts = [shape.parts[v][0] if v < shape.k else None for shape in plans.shapes]
        self._learn([part for part in parts if part is not None and part.k > 1])
        number = np.array([-1 if part is None or part.k == 1 else self.index[part] for part in parts])
        rows = np.flatnonzero(number[plans.which] >= 0)
        places = np.stack([wiring(shape).places[v] for shape in plans.shapes])[plans.which[rows]]
        powers = np.where(places >= 0, self.n_models ** np.maximum(places, 0), 0)
        codes = (plans.digits[rows] * powers).sum(axis=1)
        keys = number[plans.which[rows]] * self._span + codes
        by_metric = {}
        for metric, (known, records) in self.sorted.items():
            at = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
            hit = known[at] == keys if len(known) else np.zeros(len(keys), dtype=bool)
            by_metric[metric] = rows[hit], records[at[hit]]
        empty = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        return [by_metric.get(first, empty) for first in self.first_like]

    @property
    def _span(self) -> int:
        return 1 << 44  # models ** 7 for pools up to 78, models ** 5 up to 445

    def _learn(self, shapes: Sequence[Topology]) -> None:
        new = [shape for shape in dict.fromkeys(shapes) if shape not in self.index]
        if not new:
            return
        for k in sorted({shape.k for shape in new}):
            of_size = [shape for shape in new if shape.k == k]
            numbers = np.arange(len(self.index), len(self.index) + len(of_size))
            self.index.update(zip(of_size, numbers.tolist(), strict=True))
            for metric, records in self.records.items():
                where, codes, found = records.match(of_size)
                self.found[metric].append((numbers[where] * self._span + codes, found))
        for metric, pieces in self.found.items():
            keys = np.concatenate([piece[0] for piece in pieces])
            order = np.argsort(keys)
            self.sorted[metric] = keys[order], np.concatenate([piece[1] for piece in pieces])[order]
