"""What the questions most like one say of it: how easy it is, and which columns do better on it than usual.

Columns are whatever is compared: plans in an evaluation, single models in a plan's estimate. A question is worth
``usual(question, column) + difficulty(question) + preference(question, column)``: how much easier its neighbours were
than usual, and how much better this column did on them than the others. Both are votes of the nearest questions, drawn
to 0 by a strength that is tuned by leaving each question of the history out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.likeness import FloatArray, Likeness

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Counted = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

NEIGHBOURS = (10, 25, 50, 100, 200)
STRENGTHS = (0.0, 1.0, 4.0, 16.0, 64.0, np.inf)
"""Votes of "no difference" that the neighbours' votes are weighed against; inf: neighbours say nothing."""

ENOUGH = 500
"""Questions from which on neighbours are tuned by what picks are worth; with fewer, luck would choose."""

ROWS = 512
"""Questions that are compared with all others at once: bounds memory."""

PICK_STRENGTHS = (0.0, 16.0, 64.0)
PER_CALL = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Quality that the dearest call is worth, in turn."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """How many neighbours vote, and the votes of "no difference" that theirs are weighed against."""

    n: int = 1
    difficulty: float = np.inf
    preference: float = np.inf


class Neighbours:
    """Votes of the questions of a history. ``likeness`` is of its questions.

    ``qoa`` (questions, columns) is NaN where a column was not judged; ``usual``, of the same shape, is what is expected
    of it without neighbours. ``strengths`` are tuned when they are not given, by leaving out each of the questions
    ``tuned_on`` (default: all) in turn; ``cost`` (as ``qoa``, NaN unknown) then says what picks cost.
    """

    def __init__(
        self,
        likeness: Likeness,
        qoa: FloatArray,
        usual: FloatArray,
        cost: FloatArray,
        strengths: Strengths | None = None,
        tuned_on: IntArray | None = None,
    ) -> None:
        self.likeness = likeness
        residual = qoa - usual
        self._ran: FloatArray = (~np.isnan(residual)).astype(np.float64)
        residual = np.nan_to_num(residual)
        runs = self._ran.sum(axis=1)
        self._level: FloatArray = residual.sum(axis=1) / np.maximum(runs, 1)
        self._judged: FloatArray = (runs > 0).astype(np.float64)
        self._left: FloatArray = (residual - self._level[:, None]) * self._ran
        self._residual: FloatArray = residual
        self.explained = 0.0
        """Share of the squared error that neighbours explained when they were tuned; 0 where nothing was tuned."""
        rows = np.arange(len(qoa)) if tuned_on is None else tuned_on
        self.strengths = self._tuned(rows, qoa, usual, cost) if strengths is None else strengths

    def votes(self, likeness: FloatArray) -> FloatArray:
        """(questions, columns): by how much columns are expected above ``usual``, from (questions, history)."""
        used = self.strengths
        return weighed(self._counted(*nearest(likeness, used.n)), used.difficulty, used.preference)

    def _counted(self, order: IntArray, counts: BoolArray) -> Counted:
        """What the nearest say: their levels added up and how many they are; per column the same of what is left."""
        parts = []
        for first in range(0, max(len(order), 1), ROWS):
            some = slice(first, first + ROWS)
            near = np.zeros((len(order[some]), len(self._level)))
            np.put_along_axis(near, order[some], counts[some].astype(np.float64), axis=1)
            level = near @ (self._level * self._judged)
            parts.append((level, near @ self._judged, near @ self._left, near @ self._ran))
        level, voters, left, ran = (np.concatenate(part) for part in zip(*parts, strict=True))
        return level, voters, left, ran

    def _tuned(self, rows: IntArray, qoa: FloatArray, usual: FloatArray, cost: FloatArray) -> Strengths:
        """Number of neighbours and strengths with the least squared error when each question is left out."""
        order, others = self._nearest_others(rows)
        residual, ran = self._residual[rows], self._ran[rows]
        best, found = np.inf, Strengths()
        for n, counted in self._by_number(order, others):
            for difficulty in STRENGTHS:
                for preference in STRENGTHS:
                    votes = weighed(counted, difficulty, preference)
                    error = float((((residual - votes) ** 2) * ran).sum())
                    if error < best - 1e-9:
                        best, found = error, Strengths(n, difficulty, preference)
        alone = float((residual**2).sum())
        self.explained = 1.0 - best / alone if alone > 0 else 0.0
        if len(order) >= ENOUGH:
            found = self._tuned_by_picks(found, order, others, qoa[rows], usual[rows], cost[rows])
        return found

    def _tuned_by_picks(
        self,
        found: Strengths,
        order: IntArray,
        others: BoolArray,
        qoa: FloatArray,
        usual: FloatArray,
        cost: FloatArray,
    ) -> Strengths:
        """Number of neighbours and strength with which picks on left-out questions are worth most.

        Least squares weighs all columns alike, while only the best few are ever picked. Worth is quality less cost, at
        several prices of a call.
        """
        price = np.nan_to_num(cost)
        price = price / max(float(price.max()), 1e-15)
        ran, every = ~np.isnan(qoa - usual), np.arange(len(usual))
        best, difficulty = -np.inf, found.difficulty
        for n, counted in self._by_number(order, others):
            for preference in PICK_STRENGTHS:
                estimate = usual + weighed(counted, difficulty, preference)
                worth = 0.0
                for per_call in PER_CALL:
                    picked = np.where(ran, estimate - per_call * price, -np.inf).argmax(axis=1)
                    gained = np.nan_to_num(qoa[every, picked]) - per_call * price[every, picked]
                    worth += float(gained.mean())
                if worth > best + 1e-9:
                    best, found = worth, Strengths(n, difficulty, preference)
        return found

    def _nearest_others(self, rows: IntArray) -> tuple[IntArray, BoolArray]:
        """The nearest of each of the history's ``rows``, itself left out."""
        pieces = [rows[first : first + ROWS] for first in range(0, max(len(rows), 1), ROWS)]
        parts = [nearest(self.likeness.to_others(piece), NEIGHBOURS[-1]) for piece in pieces]
        return np.concatenate([order for order, _ in parts]), np.concatenate([alike for _, alike in parts])

    def _by_number(self, order: IntArray, others: BoolArray) -> Iterator[tuple[int, Counted]]:
        for n in NEIGHBOURS:
            if n >= len(self._level) and n > NEIGHBOURS[0]:
                return
            yield n, self._counted(order[:, :n], others[:, :n])


def weighed(counted: Counted, difficulty: float, preference: float) -> FloatArray:
    """(questions, columns): the votes, each against so many for "no difference"."""
    level, voters, left, ran = counted
    easier = level / np.maximum(voters + difficulty, 1e-9)
    return np.asarray(easier[:, None] + left / np.maximum(ran + preference, 1e-9))


def nearest(likeness: FloatArray, n: int) -> tuple[IntArray, BoolArray]:
    """(questions, n): the ``n`` most alike of the history, the most alike first, and which of them are alike at all.

    Ties go to the earlier.
    """
    if likeness.shape[1] <= 4 * n:
        order: IntArray = np.argsort(-likeness, axis=1, kind="stable")[:, :n]
        return order, np.isfinite(np.take_along_axis(likeness, order, axis=1))
    unlike = -likeness
    order = np.argpartition(unlike, n - 1, axis=1)[:, :n]
    order.sort(axis=1)
    found = np.take_along_axis(unlike, order, axis=1)
    order = np.take_along_axis(order, found.argsort(axis=1, kind="stable"), axis=1)
    # where several are as alike as the last, the partition took any of them
    tied = (unlike <= found.max(axis=1)[:, None]).sum(axis=1) > n
    order[tied] = np.argsort(unlike[tied], axis=1, kind="stable")[:, :n]
    return order, np.isfinite(np.take_along_axis(likeness, order, axis=1))
