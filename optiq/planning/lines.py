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

from optiq.estimation.plan_batch import PlanEstimator
from optiq.estimation.plan_list import PlanList
from optiq.estimation.shifts import row_shifts, weight_table
from optiq.estimation.vectorised import SpaceEstimator
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LATENCY, QOA = 1, 3
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
            at, listed, estimator = self._bent
            values, bounds = estimator.between(shares).values_and_bounds(listed)
            expected[LATENCY, at], judged[LATENCY, at] = values[LATENCY], bounds[LATENCY]
        if moves is not None and self.shares is not None:
            shift = self.shares.T @ moves.T
            for figures in [judged] if expected is judged else [judged, expected]:
                figures[QOA] = np.clip(figures[QOA] + shift, 0.0, 1.0)
        return expected, judged

    @cached_property
    def _bent(self) -> tuple[NDArray[np.intp], PlanList, PlanEstimator]:
        """The plans whose latency bends, listed, and what estimates them."""
        at = np.flatnonzero(self.kinked)
        listed = PlanList.of([self.plan(place) for place in at.tolist()], self.task.pool)
        return at, listed, _estimator(self.task, self.low, self.high)


def lines_of_space(task: PlanningTask, low: int, high: int, moved: bool) -> Lines:
    """Every plan of the task. Where neighbours have ``moved`` questions, quality below 0 is not cut yet."""
    estimator = SpaceEstimator(
        task.estimator, task.topics, task.kind, task.pool, task.max_operations, task.confidence
    )
    space, rows, pool = estimator.space, estimator.space.plan_rows, task.pool

    def figures(chars: int) -> tuple[FloatArray, FloatArray]:
        expected, judged = estimator.values_and_bounds(_shape(task, chars), cut=not moved)
        found = judged.take(rows, axis=1)
        return (found, found) if expected is judged else (expected.take(rows, axis=1), found)

    first, last = figures(low), figures(high) if high > low else None
    if last is None:
        last, tangents = first, np.stack([first[1][LATENCY]] * 2)
    else:
        after, before = (estimator.latencies(_shape(task, chars)).take(rows) for chars in (low + 1, high - 1))
        tangents = _tangents(first[1][LATENCY], after, before, last[1][LATENCY], high - low)
    shares = None
    if moved:
        rule = task.estimator.shares(task.kind)
        key = "shares of models", space, pool, rule
        kept = task.estimator.derived
        if key not in kept:
            kept[key] = np.stack(
                [row_shifts(space, pool, alone, rule).take(rows) for alone in np.eye(len(pool.names))]
            )
        shares = kept[key]

    @cache
    def plan(at: int) -> Plan:
        return space.plan(int(rows[at]), pool.models, pool.blender)

    return _lines(task, low, high, plan, first, last, tangents, shares)


def lines_of_plans(task: PlanningTask, plans: Sequence[Plan], low: int, high: int, moved: bool) -> Lines:
    """The same of plans that some search found."""
    ordered = sorted(set(plans), key=lambda plan: plan.order)
    listed = PlanList.of(ordered, task.pool)
    lengths = [low, low + 1, high - 1, high] if high > low else [low] * 4
    expected, judged = _estimator(task, *lengths).values_and_bounds(listed, cut=not moved)
    start, after, before, end = judged[LATENCY].T
    tangents = _tangents(start, after, before, end, high - low)
    first, last = ((expected[:, :, end], judged[:, :, end]) for end in (0, 3))
    if expected is judged:
        first, last = (first[1],) * 2, (last[1],) * 2
    shares = None
    if moved:
        shares = weight_table(ordered, task.pool.names, task.estimator.shares(task.kind)).T
    return _lines(task, low, high, ordered.__getitem__, first, last, tangents, shares)


def _lines(
    task: PlanningTask,
    low: int,
    high: int,
    plan: Callable[[int], Plan],
    first: tuple[FloatArray, FloatArray],
    last: tuple[FloatArray, FloatArray],
    tangents: FloatArray,
    shares: FloatArray | None,
) -> Lines:
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


def _estimator(task: PlanningTask, *lengths: int) -> PlanEstimator:
    shapes = [_shape(task, chars) for chars in lengths]
    return PlanEstimator(task.estimator, task.topics, task.kind, task.pool, shapes, task.confidence)


def _shape(task: PlanningTask, chars: int) -> PromptShape:
    """The prompts of a question of so many characters; of one whose tokens were counted its own."""
    return task.shape if task.shape.question_tokens else replace(task.shape, question_chars=chars)
