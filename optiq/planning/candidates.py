"""The plans that can be on a frontier at some question length, shared by all questions on the same topics.

Cost, energy and recorded figures are lines in the question's length; latency, a maximum over paths, is
convex: a line with kinks. A plan may be dropped only if another is at least as good on the whole range of
lengths, not only at its ends. For lines the ends decide. A plan whose latency has a kink
is compared through lines below it, its tangents at either end: what beats such a line beats the plan. The
one that beats it is at most its chord, so its ends decide, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.plan_batch import PlanEstimator
from optiq.estimation.plan_list import PlanList
from optiq.estimation.shifts import row_shifts, weight_table
from optiq.estimation.vectorised import SpaceEstimator
from optiq.planning.frontier import losses, nondominated, rounded
from optiq.planning.moves import NO_MOVES, Moves
from optiq.planning.planners.protocol import PlanningTask
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LATENCY, QOA = 1, 3
TOLERANCE = 1e-9
"""By how much a tangent is lowered, relatively: a tangent over one character is extended over thousands."""

MANY, FEW = 6000, 8
"""More candidates are made fewer by halving their questions, down to so few."""

PAIRS = 300
"""Candidates that neighbours move up to which pairs of rivals are told beforehand; more are compared per question."""


@dataclass(frozen=True)
class Candidates:
    """Plans, in plan order, that can be on the frontier between two question lengths (characters)."""

    task: PlanningTask
    plans: tuple[Plan, ...]
    low: int
    high: int
    ends: FloatArray
    """(4, plans, 2): the figures at both ends that plans are judged by: with a confidence bounds."""
    expected_ends: FloatArray
    """(4, plans, 2): what is expected at both ends; the same without a confidence."""
    kinked: BoolArray
    """Plans whose latency is not a line."""
    rivals: tuple[NDArray[np.intp], NDArray[np.intp]]
    """Pairs (i, j) of which i may dominate j somewhere, sorted by j."""
    weights: FloatArray | None = None
    """(plans, names of the pool): how much each model counts where neighbours move the quality; None: nowhere."""
    by_quality: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    """Rivals that only quality keeps apart: the first is better in all else, at every length."""

    @cached_property
    def _kinked(self) -> tuple[NDArray[np.intp], PlanList, PlanEstimator]:
        """The plans whose latency bends, listed, and what estimates them."""
        at = np.flatnonzero(self.kinked)
        task = self.task
        estimator = _estimator(task, self.low, self.high)
        return at, PlanList.of([self.plans[i] for i in at], task.pool), estimator

    def values_and_bounds(
        self, chars: NDArray[np.int64], moves: Moves = NO_MOVES
    ) -> tuple[FloatArray, FloatArray]:
        """(4, plans, lengths) twice, at question lengths within the range: what is expected, what is judged by.

        Neighbours move both by ``moves``, one row per question.
        """
        shares = (chars - self.low) / max(self.high - self.low, 1)
        judged = expected = _between(self.ends, shares)
        if self.task.confidence is not None:
            expected = _between(self.expected_ends, shares)
        if self.kinked.any():
            at, listed, estimator = self._kinked
            values, bounds = estimator.between(shares).values_and_bounds(listed)
            expected[LATENCY, at], judged[LATENCY, at] = values[LATENCY], bounds[LATENCY]
        if self.weights is not None and moves.by_question is not None:
            shift = self.weights @ moves.by_question.T
            for figures in [judged] if expected is judged else [judged, expected]:
                figures[QOA] = np.clip(figures[QOA] + shift, 0.0, 1.0)
        return expected, judged

    def on_frontier(self, values: FloatArray) -> BoolArray:
        """(plans, lengths): which plans no other candidate dominates; of equal ones the first in plan order."""
        one, other = self.rivals
        beaten = np.zeros(values.shape[1:], dtype=bool)
        if self.weights is not None and self.by_quality is None:
            for question in range(values.shape[2]):
                beaten[:, question] = True
                beaten[nondominated(losses(values[:, :, question])), question] = False
            return ~beaten
        if self.by_quality is not None and len(self.by_quality[0]):
            strong, weak = self.by_quality
            starts = np.flatnonzero(np.diff(weak, prepend=-1))
            loss = 1.0 - values[QOA]
            loss = rounded(np.where(np.isnan(loss), np.inf, loss))
            for of, rivals in zip(weak[starts].tolist(), np.split(strong, starts[1:]), strict=True):
                beaten[of] = loss[rivals].min(axis=0) <= loss[of]
        if not len(one):
            return ~beaten
        no_worse = np.ones((len(one), values.shape[2]), dtype=bool)
        better = np.broadcast_to((one < other)[:, None], no_worse.shape).copy()
        for metric in range(4):
            loss = values[metric] if metric < QOA else 1.0 - values[metric]
            loss = rounded(np.where(np.isnan(loss), np.inf, loss))
            left, right = loss[one], loss[other]
            no_worse &= left <= right
            better |= left < right
        starts = np.flatnonzero(np.diff(other, prepend=-1))
        beaten[other[starts]] |= np.logical_or.reduceat(no_worse & better, starts, axis=0)
        return ~beaten


def find_candidates(task: PlanningTask, low: int, high: int) -> Candidates:
    """The candidates between question lengths of ``low`` and ``high`` characters, by enumeration.

    Raises nothing but what the estimator raises; the size of the space is the caller's business.
    """
    ((_, found),) = find_parts(task, low, high)
    return found


def find_parts(
    task: PlanningTask, low: int, high: int, moves: Moves = NO_MOVES
) -> Iterator[tuple[NDArray[np.intp], Candidates]]:
    """The candidates of questions that neighbours move by ``moves``, by enumeration: places of questions, candidates.

    Where they are many, questions that are moved alike have candidates of their own. Without moves there is one part,
    of no places.
    """
    estimator = SpaceEstimator(
        task.estimator, task.topics, task.kind, task.pool, task.max_operations, task.confidence
    )
    rows = estimator.space.plan_rows

    def values_at(chars: int) -> tuple[FloatArray, FloatArray]:
        expected, judged = estimator.values_and_bounds(_shape(task, chars), cut=moves.by_question is None)
        found: FloatArray = judged.take(rows, axis=1)
        return (found, found) if task.confidence is None else (expected.take(rows, axis=1), found)

    first_expected, first = values_at(low)
    if low == high and moves.by_question is None:
        best = nondominated(losses(first))
        plans = [estimator.space.plan(int(row), task.pool.models, task.pool.blender) for row in rows[best]]
        ends = np.stack([first[:, best]] * 2, axis=-1)
        expected = np.stack([first_expected[:, best]] * 2, axis=-1)
        yield np.zeros(0, dtype=np.intp), _with_rivals(task, plans, low, high, ends, expected, None)
        return
    last_expected, last = values_at(high) if high > low else (first_expected, first)
    after = estimator.latencies(_shape(task, low + 1)).take(rows)
    before = estimator.latencies(_shape(task, high - 1)).take(rows)
    # the tangents at both ends, as their values at both ends
    span = high - low
    rising = first[LATENCY] + (after - first[LATENCY]) * span
    falling = last[LATENCY] - (last[LATENCY] - before) * span
    with np.errstate(invalid="ignore"):
        kinked = last[LATENCY] - rising > TOLERANCE * last[LATENCY]

    def chosen(keep: BoolArray, part: Moves) -> Candidates:
        at = np.flatnonzero(keep)
        plans = [estimator.space.plan(int(row), task.pool.models, task.pool.blender) for row in rows[at]]
        ends = np.stack([first[:, at], last[:, at]], axis=-1)
        expected = np.stack([first_expected[:, at], last_expected[:, at]], axis=-1)
        return _with_rivals(task, plans, low, high, ends, expected, kinked[at], part)

    if moves.by_question is not None:
        line = np.where(kinked, rising * (1 - TOLERANCE), last[LATENCY])
        left = [np.arange(len(moves.by_question))]
        while left:
            places = left.pop()
            part = moves.among(places)
            box = [row_shifts(estimator.space, task.pool, at, moves.rule).take(rows) for at in part.ends]
            keep = ~_surely_beaten(first, last, line, box, part.common)
            halves = part.halves() if keep.sum() > MANY and len(places) > FEW else None
            if halves is None:
                yield places, chosen(keep, part)
            else:
                left += [places[half] for half in halves]
        return
    points = losses(first), losses(last)
    best = nondominated(np.concatenate(points))
    keep = np.zeros(len(rows), dtype=bool)
    keep[best] = True
    doubtful = np.flatnonzero(kinked & ~keep)
    for start, end in ((first[LATENCY], rising), (falling, last[LATENCY])):
        below = [figures[:, doubtful] for figures in points]
        below[0][LATENCY] = start[doubtful] * (1 - TOLERANCE)
        below[1][LATENCY] = end[doubtful] * (1 - TOLERANCE)
        doubtful = doubtful[~_beaten(np.concatenate(below), np.concatenate([p[:, best] for p in points]))]
    keep[doubtful] = True
    yield np.zeros(0, dtype=np.intp), chosen(keep, NO_MOVES)


def _surely_beaten(
    first: FloatArray,
    last: FloatArray,
    below: FloatArray,
    bounds: Sequence[FloatArray],
    common: tuple[float, float],
) -> BoolArray:
    """Which plans another beats at all lengths however neighbours move them within ``bounds`` (least, greatest).

    ``first`` and ``last`` (4, plans) are figures without neighbours, ``below`` the latency at the far end of a line
    that no plan's latency is under. All plans move by what is ``common`` as well.
    """
    least, greatest = (first[QOA] + bound for bound in bounds)
    lowered = last.copy()
    lowered[LATENCY] = below
    worst = np.concatenate([*(losses(values)[:QOA] for values in (first, last)), [1.0 - least + TOLERANCE]])
    best = np.concatenate([*(losses(values)[:QOA] for values in (first, lowered)), [1.0 - greatest]])
    for points in (worst, best):
        points[np.isnan(points)] = np.inf
    strong = np.flatnonzero(_uncut(least, greatest, common))
    strong = strong[nondominated(worst[:, strong])]
    return _beaten(best, worst[:, strong])


def _uncut(least: FloatArray, greatest: FloatArray, common: tuple[float, float]) -> BoolArray:
    """Which qualities are cut to 0 or 1 on no question: a cut one may tie with a lower one."""
    with np.errstate(invalid="ignore"):
        return np.asarray((least + common[0] > 0) & (greatest + common[1] < 1))


def candidates_of(
    task: PlanningTask, plans: Sequence[Plan], low: int, high: int, moves: Moves = NO_MOVES
) -> Candidates:
    """Candidates that some search found, every one of them taken to have a kink."""
    ordered = sorted(set(plans), key=lambda plan: plan.order)
    listed, cut = PlanList.of(ordered, task.pool), moves.by_question is None
    expected, ends = _estimator(task, low, high).values_and_bounds(listed, cut)
    return _with_rivals(task, ordered, low, high, ends, expected, np.ones(len(ordered), dtype=bool), moves)


def _estimator(task: PlanningTask, low: int, high: int) -> PlanEstimator:
    shapes = [_shape(task, low), _shape(task, high)]
    return PlanEstimator(task.estimator, task.topics, task.kind, task.pool, shapes, task.confidence)


def _between(ends: FloatArray, shares: FloatArray) -> FloatArray:
    found: FloatArray = ends[..., :1] + (ends[..., 1:] - ends[..., :1]) * shares
    return found


def _shape(task: PlanningTask, chars: int) -> PromptShape:
    return replace(task.shape, question_chars=chars, question_tokens=())


def _with_rivals(
    task: PlanningTask,
    plans: Sequence[Plan],
    low: int,
    high: int,
    ends: FloatArray,
    expected: FloatArray,
    kinked: BoolArray | None,
    moves: Moves = NO_MOVES,
) -> Candidates:
    kinked = np.zeros(len(plans), dtype=bool) if kinked is None else kinked
    if moves.by_question is None:
        return Candidates(task, tuple(plans), low, high, ends, expected, kinked, _rivals(ends, kinked))
    weights = weight_table(plans, task.pool.names, moves.rule)
    if len(plans) > PAIRS:
        none = np.zeros(0, dtype=np.intp)
        return Candidates(task, tuple(plans), low, high, ends, expected, kinked, (none, none), weights)
    least, greatest = (ends[QOA, :, 0] + weights @ at for at in moves.ends)
    # one may beat another in quality, unless it is worse on every question
    uncut = _uncut(least, greatest, moves.common)
    with np.errstate(invalid="ignore"):
        worse = (greatest[:, None] < least[None, :] - TOLERANCE) & uncut[:, None] & uncut[None, :]
    one, other = _rivals(ends, kinked, worse)
    clear = _better_but_for_quality(ends, kinked, one, other)
    apart, by_quality = (one[~clear], other[~clear]), (one[clear], other[clear])
    return Candidates(task, tuple(plans), low, high, ends, expected, kinked, apart, weights, by_quality)


def _better_but_for_quality(
    ends: FloatArray, kinked: BoolArray, one: NDArray[np.intp], other: NDArray[np.intp]
) -> BoolArray:
    """Pairs of which the first has less cost, latency or energy at every length, and more of none."""
    none_more, some_less = np.ones(len(one), dtype=bool), np.zeros(len(one), dtype=bool)
    for metric in range(QOA):
        loss = np.where(np.isnan(ends[metric]), np.inf, ends[metric])
        left, right = loss[one], loss[other]
        same = (left == right).all(axis=1)
        less = (left < right * (1 - TOLERANCE)).all(axis=1)
        if metric == LATENCY:
            straight = ~(kinked[one] | kinked[other])
            same, less = same & straight, less & straight
        none_more &= same | less
        some_less |= less
    return none_more & some_less


def _rivals(
    ends: FloatArray, kinked: BoolArray, worse: BoolArray | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of which the first may be no worse than the second on all metrics at one length.

    Where the difference of two lines changes sign, it does so at one length, which leaves an interval; the
    intervals of all metrics must meet. Latencies with kinks, and unknown figures, leave the whole range. Where
    neighbours move the quality, ``worse`` (plans, plans) are pairs of which the first has less on all questions.
    """
    n = len(kinked)
    start, end = np.zeros((n, n)), np.ones((n, n))
    slack = 1e-6  # of the range: rounding must not lose a pair
    if worse is not None:
        end = np.where(worse, -1.0, end)
    for metric in range(4 if worse is None else QOA):
        loss = np.where(np.isnan(ends[metric]), np.inf, ends[metric] if metric < 3 else 1.0 - ends[metric])
        with np.errstate(invalid="ignore", divide="ignore"):
            at_low = rounded(loss[:, None, 0] - loss[None, :, 0])
            at_high = rounded(loss[:, None, 1] - loss[None, :, 1])
            crossing = at_low / (at_low - at_high)
        scale = TOLERANCE * np.abs(loss).max(axis=1)[:, None]
        worse_low, worse_high = at_low > scale, at_high > scale
        rough = kinked[:, None] | kinked[None, :] if metric == LATENCY else np.zeros((n, n), dtype=bool)
        known = ~rough & np.isfinite(crossing)
        start = np.where(known & worse_low & ~worse_high, np.maximum(start, crossing - slack), start)
        end = np.where(known & ~worse_low & worse_high, np.minimum(end, crossing + slack), end)
        end = np.where(~rough & worse_low & worse_high, -1.0, end)
    one, other = np.nonzero((start <= end) & ~np.eye(n, dtype=bool))
    order = np.lexsort((one, other))
    return one[order], other[order]


def _beaten(points: FloatArray, by: FloatArray) -> BoolArray:
    """Which columns of ``points`` some column of ``by`` is nowhere larger than."""
    alive = np.arange(points.shape[1])
    for strong in by.T:
        if not len(alive):
            break
        alive = alive[~(points[:, alive] >= strong[:, None]).all(axis=0)]
    found = np.ones(points.shape[1], dtype=bool)
    found[alive] = False
    return found
