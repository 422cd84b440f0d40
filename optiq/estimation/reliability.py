"""What came of what was expected: qualities that are promised, put right by past questions.

Means over alike questions are drawn to the middle, so that easy questions are promised too little and hard ones too
much. Isotonic regression of observed on expected mean quality of left-out questions (Zadrozny and Elkan 2002) says by
how much: the more was expected, the more came, and nothing else is assumed; its steps are joined by lines. How much
models differ on a question is put right apart, since steps for all of them would blur it: where nearly all answers are
right, or wrong, models hardly differ, as on a logistic scale, on which a difference counts p (1 - p).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FEWEST = 200
"""Questions of a step, at least."""

AS_THEY_ARE, DRAWN = 4.0, 0.05
"""What leaves differences as they are at p = 1/2, and how much it weighs: answers scatter by 0.2 around their mean, and
it is likely within 2 of what is true."""

SURE = 0.02
"""No question is so easy, or so hard, that less than this is left."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Steps of the mean quality of a question, ascending: what was ``expected`` and what was ``observed``; none: it
    comes as expected. ``differences`` of models from it are this times p (1 - p) of those expected; NaN: as expected.
    """

    expected: FloatArray
    observed: FloatArray
    differences: float = math.nan

    @classmethod
    def of(cls, promised: FloatArray, came: FloatArray) -> Reliability:
        """Learned from what was promised on left-out questions and what came (questions, models), NaN: not judged."""
        promised = np.where(np.isnan(came), np.nan, promised)
        judged = np.flatnonzero((~np.isnan(promised)).sum(axis=1))
        promised, came = promised[judged], came[judged]
        expected, observed = np.nanmean(promised, axis=1), np.nanmean(came, axis=1)
        found = cls(*_steps(expected, observed))
        right = found._middle(expected)
        apart = (promised - expected[:, None]) * (right * (1 - right))[:, None]
        if promised.shape[1] < 2 or not len(promised):
            return found
        together = float(np.nansum((came - observed[:, None]) * apart)) + DRAWN * AS_THEY_ARE
        return cls(found.expected, found.observed, max(together / (float(np.nansum(apart**2)) + DRAWN), 0.0))

    def put_right(self, promised: FloatArray, counted: list[int]) -> FloatArray:
        """What comes of ``promised`` (questions, models), NaN unknown; ``counted`` models make a question's mean."""
        if math.isnan(self.differences):
            return promised
        known = (~np.isnan(promised[:, counted])).sum(axis=1)
        middle = np.nan_to_num(promised[:, counted]).sum(axis=1) / np.maximum(known, 1)
        right = self._middle(middle)
        apart = (promised - middle[:, None]) * (right * (1 - right))[:, None]
        found: FloatArray = np.clip(right[:, None] + self.differences * apart, 0.0, 1.0)
        return np.where(known[:, None] > 0, found, promised)

    def _middle(self, expected: FloatArray) -> FloatArray:
        """The mean quality that comes; beyond the first and the last step it is off as there."""
        found = expected
        if len(self.expected):
            inside = np.clip(expected, self.expected[0], self.expected[-1])
            found = np.interp(inside, self.expected, self.observed) + (expected - inside)
        return np.clip(found, SURE, 1 - SURE)


AS_EXPECTED = Reliability(np.zeros(0), np.zeros(0))


def _steps(expected: FloatArray, observed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of what was expected and observed per step, none with few; nothing where there would be only one."""
    from scipy.optimize import isotonic_regression

    order = np.argsort(expected, kind="stable")
    steps: list[list[int]] = []
    levels = isotonic_regression(observed[order]).x if len(order) else observed
    for place, row in enumerate(order.tolist()):
        # equal promises and equal levels stay together
        parts = place > 0 and levels[place] > levels[place - 1] and expected[row] > expected[order[place - 1]]
        if not steps or (parts and len(steps[-1]) >= FEWEST):
            steps.append([])
        steps[-1].append(row)
    if len(steps) > 1 and len(steps[-1]) < FEWEST:
        last = steps.pop()
        steps[-1] += last
    if len(steps) < 2:
        return np.zeros(0), np.zeros(0)
    means = [np.array([values[step].mean() for step in steps]) for values in (expected, observed)]
    return means[0], means[1]
