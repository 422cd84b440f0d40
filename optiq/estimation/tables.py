"""Estimates of every plan of a space on one topic, small plans first (section 4.2, for whole tables).

What is accumulated at a node depends only on the sub-plan that ends there, and that sub-plan is a row of a
smaller size. So each row needs only the rule of its last node, on values gathered from the rows of its
branches. The rules are those of :mod:`optiq.estimation.scalar`; a property test holds the two equal to
1e-9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.ingredients import Ingredients, TokenArrays
from optiq.estimation.matches import Records
from optiq.estimation.space import Chunk, Space

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

COST, LATENCY, ENERGY, QOA = range(4)
TOKEN_ROWS = (COST, LATENCY, ENERGY)


class Overrides:
    """Rows of a space for which a record stands, per metric: sorted rows and record indices."""

    def __init__(self, space: Space, given: Ingredients) -> None:
        plans = [record.plan for record in given.records]
        known = ~np.isnan(given.recorded)
        self.rows: list[IntArray] = []
        self.records: list[IntArray] = []
        for metric in range(4):
            fuzzy = metric == QOA and given.fuzzy
            alike = (m for m in range(metric) if not fuzzy and (known[:, m] == known[:, metric]).all())
            earlier = next(alike, None)
            if earlier is None:
                rows, index = self.find(space, Records(plans, known[:, metric].tolist(), given.pool, fuzzy))
            else:  # records are mostly complete: then cost, latency and energy have the same matches
                rows, index = self.rows[earlier], self.records[earlier]
            self.rows.append(rows)
            self.records.append(index)

    @staticmethod
    def find(space: Space, records: Records) -> tuple[IntArray, IntArray]:
        """Sorted rows for which one of ``records`` stands, and which."""
        rows, index = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        sizes = np.array([shape.k for shape in space.structure.topologies])
        for k in range(2, space.max_operations + 1):
            if k not in records.by_size:
                continue
            first, last = np.searchsorted(sizes, [k, k + 1])
            where, codes, found = records.match(space.structure.topologies[first:last])
            rows.append(space.starts[first + where] + codes)
            index.append(found)
        order = np.argsort(np.concatenate(rows))
        return np.concatenate(rows)[order], np.concatenate(index)[order]

    def apply(self, given: Ingredients, values: FloatArray, rows: slice, recorded: FloatArray) -> None:
        """Put the recorded figures (records, 4) in the place of ``values`` (4, all rows) in a range of rows."""
        for metric in range(4):
            if metric == 0 or self.rows[metric] is not self.rows[metric - 1]:
                first, last = self.rows[metric].searchsorted((rows.start, rows.stop))
                places = self.rows[metric][first:last]
            if not len(places):
                continue
            records = self.records[metric][first:last]
            held = given.held(values[QOA, places], records) if metric == QOA else recorded[records, metric]
            values[metric, places] = held

    def apply_latency(self, finish: FloatArray, rows: slice, recorded: FloatArray) -> None:
        """The same for the latency alone: ``finish`` (all rows)."""
        first, last = self.rows[LATENCY].searchsorted((rows.start, rows.stop))
        finish[self.rows[LATENCY][first:last]] = recorded[self.records[LATENCY][first:last], LATENCY]


def finish_times(space: Space, given: Ingredients, tokens: TokenArrays, overrides: Overrides) -> FloatArray:
    """(rows): the latency of every row alone, for when only the question's length has changed."""
    pool, n_names = given.pool, len(given.pool.names)
    heard = tokens.heard[1]
    steps = (tokens.lone[1] + (tokens.context[1] + heard)).ravel()
    of_blend = tokens.lone[1, pool.blender_number] + tokens.blend[1, pool.blender_number]
    finish: FloatArray = np.empty(space.n_rows)
    model: IntArray = np.empty(space.first_row(space.max_operations), dtype=np.int64)
    for chunk in space.chunks:
        rows, inner = chunk.rows, chunk.rows.stop <= len(model)
        last: IntArray | int = pool.blender_number
        if len(chunk.branches) < 2:
            last = pool.of_base[np.arange(rows.stop - rows.start) % space.n_models]
        if len(chunk.branches) == 0:
            finish[rows] = tokens.lone[1, last]
        elif len(chunk.branches) == 1:
            before = chunk.branches[0].ravel()
            finish[rows] = finish.take(before) + steps.take(model[before] * n_names + last)
        else:
            latest = finish.take(chunk.branches).max(axis=0)
            finish[rows] = (latest + heard[model.take(chunk.branches), last].sum(axis=0) + of_blend).ravel()
        overrides.apply_latency(finish, rows, tokens.recorded)
        if inner:
            model[rows] = last
    return finish


class Tables:
    """The four metrics of every row, and what larger plans need of it. Totals may be below 0."""

    def __init__(self, space: Space, given: Ingredients, tokens: TokenArrays, overrides: Overrides) -> None:
        self.space, self.given, self.tokens, self.overrides = space, given, tokens, overrides
        self.values: FloatArray = np.empty((4, space.n_rows))
        """(4, rows) in the order of METRICS."""
        # rows of the largest size are never part of another plan
        self._inner = inner = space.first_row(space.max_operations)
        self._model: IntArray = np.empty(inner, dtype=np.int64)
        self._change: FloatArray = np.empty(inner)
        self._own: FloatArray = np.empty((4, inner))
        self._blended: FloatArray = np.empty((4, inner))
        self._steps_own = tokens.lone[:, None, :] + (tokens.context[:, None, :] + tokens.heard)
        self._references = self._reference_table()
        for chunk in space.chunks:
            if len(chunk.branches) == 0:
                self._singles(chunk.rows)
            elif len(chunk.branches) == 1:
                self._steps(chunk)
            else:
                self._blends(chunk)

    def _reference_table(self) -> tuple[IntArray, FloatArray]:
        """Blend references of all sizes behind each other, with the start of each size."""
        sizes = range(2, self.space.max_operations) if self.given.pool.blender is not None else range(0)
        tables = [self.given.references(size) for size in sizes]
        starts = np.cumsum([0, 0, 0, *(len(table) for table in tables)])
        return starts, np.concatenate([*tables, np.zeros(0)])

    def _singles(self, rows: slice) -> None:
        base = self.given.pool.of_base
        for metric, lone in zip(TOKEN_ROWS, self.tokens.lone, strict=True):
            self.values[metric, rows] = lone[base]
        self.values[QOA, rows] = self.given.qoa[base]
        self._keep(rows, base, None, self.given.qoa[base])

    def _steps(self, chunk: Chunk) -> None:
        """Chain steps: the sequential rule, and a prompt that grows by the context and one output."""
        rows, before = chunk.rows, chunk.branches[0].ravel()
        # the sink is the last free node, so its model is the last digit
        last = self.given.pool.of_base[np.arange(len(before)) % self.space.n_models]
        pair = self._model[before] * len(self.given.pool.names) + last
        for metric, own in zip(TOKEN_ROWS, self._steps_own, strict=True):
            self.values[metric, rows] = self.values[metric].take(before) + own.ravel().take(pair)
        share, bonus = self.given.share.ravel().take(pair), self.given.bonus.ravel().take(pair)
        self.values[QOA, rows] = np.clip(self.values[QOA].take(before) * share + bonus, 0.0, 1.0)
        self.overrides.apply(self.given, self.values, rows, self.tokens.recorded)
        self._keep(rows, last, chunk, self.given.qoa[last])

    def _blends(self, chunk: Chunk) -> None:
        """Blends: the blend rule, and a prompt that grows by the blend prompt and all outputs."""
        rows, blender = chunk.rows, self.given.pool.blender_number
        cost = energy = heard = change = latency = np.zeros(1)
        for branch, share in zip(chunk.branches, chunk.shares, strict=True):
            cost = cost + self._blended[COST].take(branch)
            energy = energy + self._blended[ENERGY].take(branch)
            latency = np.maximum(latency, self.values[LATENCY].take(branch))
            heard = heard + self._blended[LATENCY].take(branch)
            change = change + self._change.take(branch) * share
        for ancestor, extra in zip(chunk.shared, chunk.extra, strict=True):
            cost = cost - self._own[COST].take(ancestor) * extra
            energy = energy - self._own[ENERGY].take(ancestor) * extra
        own = self.tokens.lone[:, blender] + self.tokens.blend[:, blender]
        self.values[COST, rows] = (cost + own[0]).ravel()
        self.values[LATENCY, rows] = (latency + heard + own[1]).ravel()
        self.values[ENERGY, rows] = (energy + own[2]).ravel()
        starts, table = self._references
        reference = table.take(starts[chunk.n_leaves][:, None] + chunk.leaves)
        self.values[QOA, rows] = np.clip(self.given.rules.blended(reference, change), 0.0, 1.0).ravel()
        self.overrides.apply(self.given, self.values, rows, self.tokens.recorded)
        self._keep(rows, np.full(reference.size, blender), chunk, reference.ravel())

    def _keep(self, rows: slice, model: IntArray, chunk: Chunk | None, reference: FloatArray) -> None:
        """Store what larger plans need of these rows: the last node's part, the change if blended."""
        if rows.stop > self._inner:
            return
        self._model[rows] = model
        self._change[rows] = self.given.change(self.values[QOA, rows], reference)
        blender = self.given.pool.blender_number
        if blender < 0:
            return
        heard = self.tokens.heard[:, :, blender]
        for metric, token_metric in ((COST, 0), (ENERGY, 2)):
            total = self.values[metric, rows]
            self._blended[metric, rows] = total + heard[token_metric][model]
            self._own[metric, rows] = total - self._accumulated(metric, chunk)
        self._blended[LATENCY, rows] = heard[1][model]

    def _accumulated(self, metric: int, chunk: Chunk | None) -> FloatArray | float:
        """What had accumulated before the last node: the branches, shared ancestors taken off again."""
        if chunk is None:
            return 0.0
        branches = self.values[metric].take(chunk.branches).sum(axis=0)
        twice = (self._own[metric].take(chunk.shared) * chunk.extra).sum(axis=0)
        return (branches - twice).ravel()
