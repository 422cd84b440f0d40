"""The figures of plans over a range of question lengths, as lines between its ends.

Cost, energy and recorded figures are lines in the question's length (characters), the quality does not depend on it.
Latency, a maximum over paths, is convex: a line with kinks. Such a plan is estimated anew at each length, and what is
to beat it everywhere must beat a line below it, a tangent at either end. What beats others is at most its chord, so
its ends decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.rows import Rows
from optiq.estimation.shifts import model_shares
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions import metric as metrics
from optiq.questions.metric import METRICS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LATENCY, QOA = METRICS.index(metrics.LATENCY), METRICS.index(metrics.QOA)
TOLERANCE = 1e-9
"""By how much a tangent is lowered, relatively: a tangent over one character is extended over thousands."""


@dataclass(frozen=True)
class Lines:
    """Plans, in plan order, with their figures between question lengths of ``low`` and ``high`` characters."""

    task: PlanningTask
    low: int
    high: int
    plan: Callable[[int], Plan]
    """The plan at a position."""
    expected: FloatArray
    """(2, 4, plans): what is expected at either end."""
    judged: FloatArray
    """The same of the figures that plans are judged by: with a confidence bounds."""
    tangents: FloatArray
    """(2, plans): the latency at the far end of the tangent at either end."""
    shares: FloatArray | None = None
    """(names of the pool, plans): how much each model counts where neighbours move the quality; None: nowhere."""

    @cached_property
    def kinked(self) -> BoolArray:
        """Plans whose latency is not a line."""
        with np.errstate(invalid="ignore"):
            last = self.judged[1, LATENCY]
            return np.asarray(last - self.tangents[0] > TOLERANCE * last)

    def below(self, end: int) -> FloatArray:
        """(2, 4, plans): lines that are nowhere above the figures: those of kinked latencies touch at ``end``."""
        found = self.judged.copy()
        found[1 - end, LATENCY] = np.where(
            self.kinked, self.tangents[end] * (1 - TOLERANCE), found[1 - end, LATENCY]
        )
        return found

    def among(self, at: NDArray[np.intp]) -> Lines:
        """Those at some positions."""
        plan, judged = self.plan, self.judged[:, :, at]
        return replace(
            self,
            plan=lambda place: plan(int(at[place])),
            expected=judged if self.expected is self.judged else self.expected[:, :, at],
            judged=judged,
            tangents=self.tangents[:, at],
            shares=None if self.shares is None else self.shares[:, at],
        )

    def at(self, chars: NDArray[np.int64], moves: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """(4, plans, questions) twice: what is expected of questions of these lengths, and what they are judged by.

        Neighbours move the quality by ``moves`` (questions, names of the pool).
        """
        shares = (chars - self.low) / max(self.high - self.low, 1)
        judged = expected = _between(self.judged, shares)
        if self.expected is not self.judged:
            expected = _between(self.expected, shares)
        if self.kinked.any():
            at, listed, arrays = self._bent
            ends = _shape(self.task, self.low), _shape(self.task, self.high)
            found = arrays.latencies_between(listed, *ends, shares)
            expected[LATENCY, at], judged[LATENCY, at] = (
                part.take(listed.plan_rows, axis=0) for part in found
            )
        if moves is not None and self.shares is not None:
            shift = self.shares.T @ moves.T
            for figures in [judged] if expected is judged else [judged, expected]:
                figures[QOA] = np.clip(figures[QOA] + shift, 0.0, 1.0)
        return expected, judged

    @cached_property
    def _bent(self) -> tuple[NDArray[np.intp], PlanRows, ArrayEstimator]:
        """The plans whose latency bends, as rows, and what estimates them."""
        at = np.flatnonzero(self.kinked)
        listed = PlanRows.of([self.plan(place) for place in at.tolist()], self.task.pool)
        return at, listed, self.task.arrays()


def lines_of_space(task: PlanningTask, low: int, high: int, moved: bool) -> Lines:
    """Every plan of the task. Where neighbours have ``moved`` questions, quality below 0 is not cut yet."""
    space, pool = task.space(), task.pool
    shares = None
    if moved:
        rule = task.estimator.shares(task.kind)
        key = "shares of models", space, pool, rule
        kept = task.estimator.derived
        if key not in kept:
            kept[key] = model_shares(space, pool, rule)
        shares = kept[key]

    @cache
    def plan(at: int) -> Plan:
        return space.plan(int(space.plan_rows[at]), pool.models, pool.blender)

    return _lines(task, space, low, high, plan, shares)


def lines_of_plans(task: PlanningTask, plans: Sequence[Plan], low: int, high: int, moved: bool) -> Lines:
    """The same of plans that some search found."""
    ordered = sorted(set(plans), key=lambda plan: plan.order)
    listed, shares = PlanRows.of(ordered, task.pool), None
    if moved:
        shares = model_shares(listed, task.pool, task.estimator.shares(task.kind))
    return _lines(task, listed, low, high, ordered.__getitem__, shares)


def _lines(
    task: PlanningTask,
    layout: Rows,
    low: int,
    high: int,
    plan: Callable[[int], Plan],
    shares: FloatArray | None,
) -> Lines:
    """The lines of the plans of a layout; with ``shares`` quality below 0 is not cut yet."""
    arrays, rows = task.arrays(), layout.plan_rows

    def figures(chars: int) -> tuple[FloatArray, FloatArray]:
        expected, judged = arrays.values_and_bounds(layout, _shape(task, chars), cut=shares is None)
        found = judged.take(rows, axis=1)
        return (found, found) if expected is judged else (expected.take(rows, axis=1), found)

    first, last = figures(low), figures(high) if high > low else None
    if last is None:
        last, tangents = first, np.stack([first[1][LATENCY]] * 2)
    else:
        after, before = (
            arrays.latencies(layout, _shape(task, chars)).take(rows) for chars in (low + 1, high - 1)
        )
        tangents = _tangents(first[1][LATENCY], after, before, last[1][LATENCY], high - low)
    judged = np.stack([first[1], last[1]])
    expected = judged if first[0] is first[1] else np.stack([first[0], last[0]])
    return Lines(task, low, high, plan, expected, judged, tangents, shares)


def _tangents(
    first: FloatArray, after: FloatArray, before: FloatArray, last: FloatArray, span: int
) -> FloatArray:
    """The latencies at the far ends, from those at both ends and one character further in."""
    return np.stack([first + (after - first) * span, last - (last - before) * span])


def _between(ends: FloatArray, shares: FloatArray) -> FloatArray:
    found: FloatArray = ends[0, ..., None] + (ends[1] - ends[0])[..., None] * shares
    return found


def _shape(task: PlanningTask, chars: int) -> PromptShape:
    """The prompts of a question of so many characters; of one whose tokens were counted its own."""
    return task.shape if task.shape.question_tokens else replace(task.shape, question_chars=chars)
