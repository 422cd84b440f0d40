"""How much dearer, slower and hungrier a question is than its topics say, from how it looks.

A calculation of two lines makes a model write more than an essay question of five. So each task has a ridge regression
of how far the calls of past questions were off what statistics say of them, as logarithms, on the looks of the question
(:func:`optiq.estimation.likeness.surface`). What it predicts is one factor per metric for all plans of a question:
no plan gains on another, but limits and bills follow the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.likeness import SURFACE, surface
from optiq.questions.metric import RESOURCE_NAMES

FloatArray = NDArray[np.float64]
Factors = tuple[float, ...]
"""Of each resource (cost, latency, energy)."""

SAME: Factors = (1.0,) * len(RESOURCE_NAMES)

FEWEST = 20
"""Questions of a task from which on looks are heard."""

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Strengths of the ridge; the one that predicts left-out questions best is taken."""

ENOUGH_EXPLAINED = 0.02
"""Share of the squared error of left-out questions that looks must explain, and :data:`LUCK` over their number more."""

LUCK = 3.0

MINOR = 0.5
"""Scale of all looks but the length, which is what tokens are counted in."""

FAR = 4.0
"""Standard deviations at which a look is cut: what is stranger was never seen."""

ROUNDS, DIGITS = 20, 3


@dataclass(frozen=True, slots=True)
class Slopes:
    """The regression of one metric on one task: ``exp(offset + slopes · scaled looks)`` is the factor.

    ``middle`` and ``spread`` (looks) scale them; ``explained`` is the share of squared error of left-out questions.
    """

    task: str
    metric: str
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    slopes: tuple[float, ...]
    offset: float
    explained: float
    n_questions: int

    def logs(self, looks: FloatArray) -> FloatArray:
        """(questions): the logarithms of the factors, from looks (questions, SURFACE)."""
        # row by row, so that a question asked alone and one of a batch are the same
        rows = _scaled(looks, np.array(self.middle), np.array(self.spread))
        return self.offset + np.array([row @ np.array(self.slopes) for row in rows])


class Looks:
    """What looks say of questions: the regressions that are heard, at most one per task and metric."""

    def __init__(self, found: Sequence[Slopes]) -> None:
        self.found = tuple(found)
        self._by_scope = {(one.task, one.metric): one for one in found}
        self._factors = lru_cache(maxsize=4096)(self._factors_of)

    def factors(self, text: str, task: str) -> Factors:
        """By how much a question costs, takes and burns more than its topics say."""
        return self._factors(text, task)

    def _factors_of(self, text: str, task: str) -> Factors:
        looks = np.array([surface(text)])
        return tuple(
            1.0
            if (known := self._by_scope.get((task, metric))) is None
            else round(float(np.exp(known.logs(looks)[0])), DIGITS)
            for metric in RESOURCE_NAMES
        )

    def __reduce__(self) -> tuple[type[Looks], tuple[tuple[Slopes, ...]]]:
        return Looks, (self.found,)


def learn_looks(texts: Sequence[str], tasks: Sequence[str], off: FloatArray) -> Looks | None:
    """Looks learned from ``off`` (questions, models, 3): logarithms of observed over expected figures, NaN unknown.

    None where nothing is to be heard of them.
    """
    looks = np.array([surface(text) for text in texts], dtype=np.float64).reshape(len(texts), SURFACE)
    named = np.array(tasks)
    found = []
    for task in sorted(set(tasks)):
        of_task = named == task
        for m, metric in enumerate(RESOURCE_NAMES):
            effects, known = _question_effects(off[of_task, :, m])
            if known.sum() >= FEWEST:
                found.append(_fit(task, metric, looks[of_task][known], effects[known]))
    heard = [one for one in found if one.explained >= ENOUGH_EXPLAINED + LUCK / one.n_questions]
    return Looks(heard) if heard else None


def _fit(task: str, metric: str, looks: FloatArray, target: FloatArray) -> Slopes:
    """Ridge regression; which penalty is told by leaving each question out, in closed form."""
    middle, spread = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-9)
    rows = _scaled(looks, middle, spread)
    centre = rows.mean(axis=0)
    x, y = rows - centre, target - target.mean()
    best, slopes = np.inf, np.zeros(SURFACE)
    for penalty in PENALTIES:
        inverse = np.linalg.inv(x.T @ x + penalty * np.eye(SURFACE))
        fitted = inverse @ x.T @ y
        # its residual over one less its own pull, that of the mean included
        pull = np.einsum("ij,jk,ik->i", x, inverse, x) + 1 / len(x)
        error = float(((y - x @ fitted) ** 2 / np.maximum(1 - pull, 1e-9) ** 2).sum())
        if error < best:
            best, slopes = error, fitted
    alone = float((y**2).sum()) * (len(y) / (len(y) - 1)) ** 2
    # factors are 1 on average over past questions: what statistics expect of all of them stays
    offset = -float(np.log(np.exp(rows @ slopes).mean()))
    return Slopes(
        task,
        metric,
        tuple(middle.tolist()),
        tuple(spread.tolist()),
        tuple(slopes.tolist()),
        offset,
        1 - best / alone if alone > 0 else 0.0,
        len(y),
    )


def _question_effects(off: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(questions): how far off the figures of each were beside those of its models on other questions, and where known.

    Questions were not all asked of the same models, and one model may be off everywhere: both are told apart in turn.
    """
    ran = ~np.isnan(off)
    per_question, per_model = np.maximum(ran.sum(axis=1), 1), np.maximum(ran.sum(axis=0), 1)
    effect = np.zeros(len(off))
    for _ in range(ROUNDS):
        level = np.nansum(off - effect[:, None], axis=0) / per_model
        effect = np.nansum(off - level, axis=1) / per_question
    return effect, np.asarray(ran.any(axis=1))


def _scaled(looks: FloatArray, middle: FloatArray, spread: FloatArray) -> FloatArray:
    weight = np.full(looks.shape[1], MINOR)
    weight[0] = 1.0
    return np.asarray(np.clip((looks - middle) / spread, -FAR, FAR) * weight)
