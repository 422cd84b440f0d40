"""Estimates of many plans on one topic, as arrays (section 4.2): the rules of :mod:`optiq.estimation.oracle`.

What is accumulated at a node depends only on the sub-plan that ends there, and that sub-plan is a row of its own. So
each row needs only the rule of its last node, on values gathered from the rows of its branches. A property test holds
these rules equal to the oracle's, to 1e-9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.ingredients import Ingredients, TokenArrays
from optiq.estimation.rows import Chunk, Matched, Rows
from optiq.questions import metric as metrics
from optiq.questions.metric import ADDITIVE, METRICS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LATENCY, QOA = METRICS.index(metrics.LATENCY), METRICS.index(metrics.QOA)
SUMS = tuple(METRICS.index(metric) for metric in ADDITIVE)
"""The metrics that add up over nodes."""


def overridden(rows: Rows, given: Ingredients) -> tuple[Matched, ...]:
    """Per metric the rows for which a record stands, and which."""
    found = {matches: rows.matched(matches) for matches in set(given.matches)}
    return tuple(found[matches] for matches in given.matches)


def metrics_of(rows: Rows, given: Ingredients, tokens: TokenArrays) -> FloatArray:
    """(metrics, rows): the figures of every row; those of resources not below 0."""
    found = _Figures(rows, given, tokens).values
    np.maximum(found[:QOA], 0.0, out=found[:QOA])
    return found


def latencies_of(rows: Rows, given: Ingredients, tokens: TokenArrays) -> FloatArray:
    """(rows) or (rows, lengths): the latency alone, at a fraction of the work; not below 0.

    With several lengths where ``tokens`` has them (:meth:`~optiq.estimation.ingredients.TokenArrays.between`).
    """
    pool, blender = given.pool, given.pool.blender_number
    lone, heard = tokens.lone[LATENCY], tokens.heard[LATENCY]
    lengths = lone.shape[1:]
    grown = (tokens.context[LATENCY] + heard).reshape(*heard.shape, *(1 for _ in lengths))
    steps = (lone[None] + grown).reshape(-1, *lengths)
    of_blend = lone[blender] + tokens.blend[LATENCY, blender]
    places, records = overridden(rows, given)[LATENCY]
    finish: FloatArray = np.zeros((rows.n_rows, *lengths))
    model: IntArray = np.zeros(rows.n_inner, dtype=np.int64)
    read: FloatArray = np.zeros(rows.n_inner)
    for chunk in rows.chunks:
        at = chunk.rows
        last: IntArray | int = blender if len(chunk.branches) > 1 else pool.of_base[chunk.last]
        if len(chunk.branches) == 0:
            finish[at] = lone[last]
        elif len(chunk.branches) == 1:
            before = chunk.branches[0].ravel()
            pair = model[before] * len(pool.names) + last
            finish[at] = finish.take(before, axis=0) + steps.take(pair, axis=0)
        else:
            latest = finish.take(chunk.branches, axis=0).max(axis=0).reshape(-1, *lengths)
            reads = read.take(chunk.branches).sum(axis=0).reshape(-1, *(1 for _ in lengths))
            finish[at] = latest + reads + of_blend
        first, end = places.searchsorted((at.start, at.stop))
        finish[places[first:end]] = tokens.recorded[records[first:end], LATENCY]
        if at.stop <= rows.n_inner:
            model[at] = last
            read[at] = heard[last, blender]
    return np.maximum(finish, 0.0, out=finish)


class _Figures:
    """The metrics of every row, and what larger plans need of it. Totals may be below 0."""

    def __init__(self, rows: Rows, given: Ingredients, tokens: TokenArrays) -> None:
        self.rows, self.given, self.tokens = rows, given, tokens
        self.overridden = overridden(rows, given)
        self.values: FloatArray = np.zeros((len(METRICS), rows.n_rows))
        """(metrics, rows) in the order of METRICS."""
        n = rows.n_inner
        self._model: IntArray = np.zeros(n, dtype=np.int64)
        self._change: FloatArray = np.zeros(n)
        self._own: FloatArray = np.zeros((QOA, n))
        self._blended: FloatArray = np.zeros((QOA, n))
        """What adds up, with what a blender that reads the output adds; of latency only that."""
        self._steps = tokens.lone[:, None, :] + (tokens.context[:, None, :] + tokens.heard)
        self._references = given.references(rows.leaf_sets)
        for chunk in rows.chunks:
            if len(chunk.branches) == 0:
                self._singles(chunk)
            elif len(chunk.branches) == 1:
                self._chain(chunk)
            else:
                self._blends(chunk)

    def _singles(self, chunk: Chunk) -> None:
        base = self.given.pool.of_base[chunk.last]
        self.values[:QOA, chunk.rows] = self.tokens.lone[:, base]
        self.values[QOA, chunk.rows] = self.given.qoa[base]
        self._keep(chunk, base, self.given.qoa[base])

    def _chain(self, chunk: Chunk) -> None:
        """The sequential rule, and a prompt that grows by the context and one output."""
        rows, before = chunk.rows, chunk.branches[0].ravel()
        last = self.given.pool.of_base[chunk.last]
        pair = self._model[before] * len(self.given.pool.names) + last
        for metric, own in enumerate(self._steps):
            self.values[metric, rows] = self.values[metric].take(before) + own.ravel().take(pair)
        share, bonus = self.given.share.ravel().take(pair), self.given.bonus.ravel().take(pair)
        self.values[QOA, rows] = np.clip(self.values[QOA].take(before) * share + bonus, 0.0, 1.0)
        self._override(rows)
        self._keep(chunk, last, self.given.qoa[last])

    def _blends(self, chunk: Chunk) -> None:
        """The blend rule, and a prompt that grows by the blend prompt and all outputs."""
        rows, blender = chunk.rows, self.given.pool.blender_number
        heard = change = latency = np.zeros(1)
        sums = {metric: np.zeros(1) for metric in SUMS}
        for branch, share in zip(chunk.branches, chunk.shares, strict=True):
            for metric in SUMS:
                sums[metric] = sums[metric] + self._blended[metric].take(branch)
            latency = np.maximum(latency, self.values[LATENCY].take(branch))
            heard = heard + self._blended[LATENCY].take(branch)
            change = change + self._change.take(branch) * share
        for ancestor, extra in zip(chunk.shared, chunk.extra, strict=True):
            for metric in SUMS:
                sums[metric] = sums[metric] - self._own[metric].take(ancestor) * extra
        own = self.tokens.lone[:, blender] + self.tokens.blend[:, blender]
        self.values[LATENCY, rows] = (latency + heard + own[LATENCY]).ravel()
        for metric in SUMS:
            self.values[metric, rows] = (sums[metric] + own[metric]).ravel()
        reference = self._references.take(chunk.leaves)
        self.values[QOA, rows] = np.clip(self.given.rules.blended(reference, change), 0.0, 1.0).ravel()
        self._override(rows)
        self._keep(chunk, blender, reference.ravel())

    def _override(self, rows: slice) -> None:
        """Put recorded figures in the place of those that the rules give."""
        for metric in range(len(METRICS)):
            places, records = self.overridden[metric]
            if metric == 0 or self.overridden[metric] is not self.overridden[metric - 1]:
                first, end = places.searchsorted((rows.start, rows.stop))
            if first == end:
                continue
            at, which = places[first:end], records[first:end]
            if metric == QOA:
                self.values[QOA, at] = self.given.held(self.values[QOA, at], which)
            else:
                self.values[metric, at] = self.tokens.recorded[which, metric]

    def _keep(self, chunk: Chunk, model: IntArray | int, reference: FloatArray) -> None:
        """Store what larger plans need of these rows: the last node's part, the change if blended."""
        rows = chunk.rows
        if rows.stop > self.rows.n_inner:
            return
        self._model[rows] = model
        self._change[rows] = self.given.change(self.values[QOA, rows], reference)
        blender = self.given.pool.blender_number
        if blender < 0:
            return
        heard = self.tokens.heard[:, :, blender]
        for metric in SUMS:
            total = self.values[metric, rows]
            self._blended[metric, rows] = total + heard[metric][model]
            self._own[metric, rows] = total - self._before(metric, chunk)
        self._blended[LATENCY, rows] = heard[LATENCY][model]

    def _before(self, metric: int, chunk: Chunk) -> FloatArray:
        """What had accumulated before the last node: the branches, shared ancestors taken off again."""
        branches = self.values[metric].take(chunk.branches).sum(axis=0)
        twice = (self._own[metric].take(chunk.shared) * chunk.extra).sum(axis=0)
        return np.asarray(branches - twice).ravel()
