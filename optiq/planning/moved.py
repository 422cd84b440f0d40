"""The frontiers of questions on which past questions move the quality of each model.

Every question has a frontier of its own. Which plans cost no more than which at any length is the same for all; a
plan that costs no more beats the other on a question if its quality there is no less. The few plans that were on a
frontier beat nearly all others on most questions, so that they are tried first, and what is left is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from optiq.planning.frontier import Frontiers, losses, nondominated, rounded
from optiq.planning.lines import QOA, Lines

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

STRONG_BYTES = 1 << 27
"""Memory for what strong plans beat: of 32,905 plans 4,000, of a million 124."""

FEW = 64
"""Plans that may be left on a question before strong ones among them are looked for."""

FIRST = 4
"""Strong plans that are tried on all plans, before the rest is tried on what they left."""


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
        self.strong: dict[int, BoolArray] = {}
        """Plans that beat many, and which plans each beats where its quality is no less."""
        self.most_strong = max(16, STRONG_BYTES // max(len(quality), 1))

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
        left = self._unbeaten(quality, self.strong, np.arange(len(quality)))
        if len(left) > FEW and len(self.strong) < self.most_strong:
            first, last = self.lines.judged[0][:, left], self.lines.judged[1][:, left]
            values = first + (last - first) * share  # chords: any plan may be taken for a strong one
            values[QOA] = np.where(np.isnan(first[QOA]), np.nan, np.clip(quality[left], 0.0, 1.0))
            new = [row for row in left[nondominated(losses(values))].tolist() if row not in self.strong]
            for row in new:
                self.strong[row] = self._beats(row)
            left = self._unbeaten(quality, new, left)
        return left

    def _unbeaten(self, quality: FloatArray, strong: Iterable[int], left: IntArray) -> IntArray:
        """Those of the plans ``left`` that none of the ``strong`` ones beats."""
        beaten = np.zeros(len(quality), dtype=bool)
        tried = 0
        for row in strong:
            if beaten[row]:
                continue  # so is by another all that it beats
            beats = self.strong[row]
            if tried < FIRST and len(left) == len(quality):
                beaten |= beats & (quality <= quality[row])
                tried += 1
                if tried == FIRST:
                    left = np.flatnonzero(~beaten)
            else:
                gone = beats[left] & (quality[left] <= quality[row])
                beaten[left[gone]] = True
                left = left[~gone]
        return left[~beaten[left]]

    def _beats(self, row: int) -> BoolArray:
        """Which plans need no less than one at any length, and come later or need more of something."""
        own = self.needed[:, row, None]
        found = np.asarray((own <= self.least).all(axis=0))
        more = np.asarray((own < self.least).reshape(2, QOA, -1).all(axis=0).any(axis=0))
        found[: row + 1] &= more[: row + 1]
        return found


def _resources(figures: FloatArray) -> FloatArray:
    """(6, plans): cost, latency and energy at one end, then at the other; unknown is worse than all that is known."""
    found = figures[:, :QOA].reshape(2 * QOA, -1)
    return rounded(np.where(np.isnan(found), np.inf, found))
