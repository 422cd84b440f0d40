"""The frontiers of questions on which past questions move the quality of each model.

Every question has a frontier of its own. Which plans need no more than which at any length is the same for all; a
plan that needs no more beats the other on a question if its quality there is no less. The few plans that were on a
frontier beat nearly all others on most questions, so that they are tried first, and what is left is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optiq.planning.frontier import Frontiers, losses, nondominated, rounded
from optiq.planning.lines import QOA, Lines

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

MOST_STRONG, STRONG_BYTES = 512, 1 << 27
"""Strong plans that are remembered at most, and the memory for what they beat."""

FEW = 128
"""Plans that may be left on a question before strong ones among them are looked for."""

FIRST, NEXT = 5, 12
"""Strong plans that are tried on all plans, before the others are tried on what is left, so many at once."""

SAMPLE = 128
"""One in so many plans says how good a quality is among all."""


class MovedFrontiers:
    """The frontiers of questions that neighbours move by ``moves`` (questions, names of the pool)."""

    def __init__(self, lines: Lines, moves: FloatArray) -> None:
        assert lines.shares is not None
        self.lines = lines
        self.moves = moves
        self.shares = lines.shares
        quality = lines.judged[0, QOA]
        self.quality: FloatArray = np.where(np.isnan(quality), -np.inf, quality)
        self.needed = _resources(lines.judged)
        """(6, plans): cost, latency and energy at both ends."""
        self.least = _resources(lines.below(0))
        """The same of what they are at least in between."""
        n = len(quality)
        most = min(MOST_STRONG, max(16, STRONG_BYTES // max(n, 1)))
        self.strong: IntArray = np.zeros(0, dtype=np.intp)
        self.beats: BoolArray = np.zeros((most, n), dtype=bool)
        """(strong plans, plans): which plans each beats where its quality is no less; rows are filled as they come."""
        self.n_beaten: FloatArray = np.zeros(most)

    def frontiers(self, chars: NDArray[np.int64], places: Sequence[int]) -> Frontiers:
        """The frontiers of some of the questions, whose lengths are ``chars``."""
        at = np.asarray(places)
        shares = (chars[at] - self.lines.low) / max(self.lines.high - self.lines.low, 1)
        left = [self._left(place, share) for place, share in zip(places, shares.tolist(), strict=True)]
        rows = np.unique(np.concatenate(left))
        some = self.lines.among(rows)
        expected, judged = some.at(chars[at], self.moves[at])
        on = np.zeros(judged.shape[1:], dtype=bool)
        for question, plans in enumerate(left):
            here = np.searchsorted(rows, plans)
            on[here[nondominated(losses(judged[:, here, question]))], question] = True
        return Frontiers.of(some, on, expected, judged)

    def _left(self, place: int, share: float) -> IntArray:
        """The plans that no strong one beats on a question, whose length is at a ``share`` of the range."""
        quality = self.moves[place] @ self.shares
        quality += self.quality
        left = self._unbeaten(quality)
        known = len(self.strong)
        if len(left) > FEW and known < len(self.beats):
            first, last = self.lines.judged[0][:, left], self.lines.judged[1][:, left]
            values = first + (last - first) * share  # chords: any plan may be taken for a strong one
            values[QOA] = np.where(np.isnan(first[QOA]), np.nan, np.clip(quality[left], 0.0, 1.0))
            new = np.setdiff1d(left[nondominated(losses(values))], self.strong)[: len(self.beats) - known]
            self.strong = np.append(self.strong, new)
            for number, row in enumerate(new.tolist(), start=known):
                self._learn(number, row)
            left = self._unbeaten_by(np.arange(known, len(self.strong)), quality, left)
        return left

    def _unbeaten(self, quality: FloatArray) -> IntArray:
        """The plans that no strong one beats where plans have these qualities (plans)."""
        own = quality[self.strong]
        # first those that need less than many and are better than many
        better = np.searchsorted(np.sort(quality[::SAMPLE]), own)
        order = np.argsort(-better * self.n_beaten[: len(own)], kind="stable")
        beaten = np.zeros(len(quality), dtype=bool)
        tried = 0
        for number in order.tolist():
            if beaten[self.strong[number]]:
                continue  # all that it beats is beaten, too
            found = quality <= own[number]
            found &= self.beats[number]
            beaten |= found
            tried += 1
            if tried == FIRST:
                break
        others = order[~beaten[self.strong[order]]]
        return self._unbeaten_by(others, quality, np.flatnonzero(~beaten))

    def _unbeaten_by(self, numbers: IntArray, quality: FloatArray, left: IntArray) -> IntArray:
        """Those of the plans ``left`` that none of some strong ones beats."""
        for start in range(0, len(numbers), NEXT):
            some = numbers[start : start + NEXT]
            found = self.beats[some[:, None], left]
            found &= quality[left] <= quality[self.strong[some], None]
            left = left[~found.any(axis=0)]
        return left

    def _learn(self, number: int, row: int) -> None:
        """Which plans need no less than a strong one at any length, and come later or need more of something."""
        own, found = self.needed[:, row], self.beats[number]
        np.less_equal(own[0], self.least[0], out=found)
        for need, least in zip(own[1:], self.least[1:], strict=True):
            found &= need <= least
        before = np.flatnonzero(found[: row + 1])
        found[before] = (own[:, None] < self.least[:, before]).reshape(2, QOA, -1).all(axis=0).any(axis=0)
        self.n_beaten[number] = np.count_nonzero(found)


def _resources(figures: FloatArray) -> FloatArray:
    """(6, plans): cost, latency and energy at one end, then at the other; unknown is worse than all that is known."""
    found = figures[:, :QOA].reshape(2 * QOA, -1)
    return rounded(np.where(np.isnan(found), np.inf, found))
