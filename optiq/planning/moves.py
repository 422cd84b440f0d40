"""How neighbours move the models of a batch of questions: one row each, and the box that all rows lie in.

What moves all models alike moves all plans alike, since the weights of the models in a plan sum to 1
(:mod:`optiq.estimation.shifts`); only what differs between models can change which plan beats which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.composition import Rule
from optiq.planning.planners.protocol import PlanningTask
from optiq.statistics.question_shifts import Shifts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """``by_question`` (questions, names of the pool), None if nothing moves; ``rule`` says what plans make of it."""

    by_question: FloatArray | None = None
    rule: Rule = field(default_factory=Rule)
    names: tuple[str, ...] = ()
    n: int = 0

    @classmethod
    def of(cls, shifts: Sequence[Shifts | None], task: PlanningTask) -> Moves:
        """The moves of questions in the order of ``shifts``, for the pool of ``task``."""
        some = [one for one in shifts if one is not None]
        if not some:
            return NO_MOVES
        names = task.pool.names
        rows = [np.zeros(len(names)) if one is None else one.among(names) for one in shifts]
        return cls(np.array(rows), task.estimator.shares(task.kind), names, some[0].n)

    def among(self, places: slice | NDArray[np.intp]) -> Moves:
        """Those of some of the questions."""
        if self.by_question is None:
            return self
        return replace(self, by_question=self.by_question[places])

    def halves(self) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Places of the questions in two halves, by the model on which they differ most; None if they do not."""
        assert self.by_question is not None
        left = self.by_question - self.by_question.mean(axis=1, keepdims=True)
        least, greatest = self.ends
        widest = left[:, int((greatest - least).argmax())]
        below = widest < (np.median(widest) if np.median(widest) > widest.min() else widest.max())
        if not below.any():
            return None
        return np.flatnonzero(below), np.flatnonzero(~below)

    @cached_property
    def common(self) -> tuple[float, float]:
        """Least and greatest of what moves all models of a question alike: the mean."""
        assert self.by_question is not None
        middle = self.by_question.mean(axis=1)
        return float(middle.min()), float(middle.max())

    @cached_property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Per model the least and the greatest of what is left."""
        assert self.by_question is not None
        left = self.by_question - self.by_question.mean(axis=1, keepdims=True)
        return left.min(axis=0), left.max(axis=0)

    def corners(self) -> list[Shifts | None]:
        """Shifts to search candidates at: none, and each model at its greatest while the others are at their least."""
        if self.by_question is None:
            return [None]
        least, greatest = self.ends
        found: list[Shifts | None] = [None]
        for at in np.flatnonzero(greatest > least).tolist():
            moved = least.copy()
            moved[at] = greatest[at]
            found.append(Shifts(self.n, tuple(zip(self.names, moved.tolist(), strict=True))))
        return found


NO_MOVES = Moves()
