"""What is believed of the plans of each topic while they are tried: means, and how they vary together.

An arm is a plan on a topic. The outcome of an execution is the arm's value, plus what makes the question easy
or hard for every plan, plus chance. The values of arms are drawn around a starting estimate; they vary
together, which is the shrinkage: an execution teaches about its arm most, then about the same plan on other
topics, similar plans on the same topic, and all plans on the same task. All of it is normal, so that beliefs
are a mean and a covariance, updated one execution at a time (Gaussian conditioning). How selection's model of
combinations differs, and why, is said in :mod:`optiq.selection.posterior`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class Variances:
    """Variances of one figure: how its parts scatter before anything was run.

    ``task``, ``topic``: all plans on it together. ``plan``: a plan on all topics of a task, ``across`` the
    share of it that holds on other tasks, too. ``own``: a plan on one topic. ``question``: all plans on it.
    ``noise``: one execution.
    """

    task: float
    topic: float
    plan: float
    across: float
    own: float
    question: float
    noise: float


QOA = Variances(task=0.5, topic=0.05, plan=0.2, across=0.25, own=0.1, question=0.25, noise=0.5)
"""QoA in units of how its outcomes scatter on a task (:data:`OUTCOME_DEVIATIONS`)."""

OUTCOME_DEVIATIONS = {"open": 0.25, "choice": 0.5}
"""A right-or-wrong answer scatters by up to 0.5; cosines of short answers by 0.25."""

LOG_RATIO = Variances(task=2.0, topic=0.05, plan=0.1, across=0.25, own=0.02, question=0.05, noise=0.05)
"""Logarithm of observed over predicted cost, seconds or joules: published rates may be tenfold off together."""


@dataclass(frozen=True)
class Arms:
    """Plans on topics. ``plan``, ``topic`` and ``task`` number them per arm; ``alike`` compares the plans."""

    plan: IntArray
    topic: IntArray
    task: IntArray
    alike: FloatArray

    def covariance(self, spread: Variances, shrink: bool = True) -> FloatArray:
        """(arms, arms) before anything was run. Without ``shrink`` every arm stands alone."""
        total = spread.task + spread.topic + spread.plan + spread.own
        if not shrink:
            return total * np.eye(len(self.plan))
        task = (self.task[:, None] == self.task[None, :]).astype(np.float64)
        topic = (self.topic[:, None] == self.topic[None, :]).astype(np.float64)
        alike = self.alike[np.ix_(self.plan, self.plan)]
        shared = spread.across + (1.0 - spread.across) * task
        return spread.task * task + spread.topic * topic + alike * (spread.plan * shared + spread.own * topic)


class Beliefs:
    """Mean and covariance of the arms and of what makes questions easy or hard, for one figure.

    The state holds the arms first, then ``n_questions`` effects that start at 0.
    """

    def __init__(
        self,
        start: FloatArray,
        covariance: FloatArray,
        n_questions: int,
        spread: Variances,
        shrink: bool = True,
        scale: FloatArray | None = None,
    ) -> None:
        self.n_arms = len(start)
        self.scale = np.ones(len(start)) if scale is None else scale
        size = self.n_arms + n_questions
        self.mean = np.zeros(size)
        self.mean[: self.n_arms] = start / self.scale
        self.covariance = np.zeros((size, size))
        self.covariance[: self.n_arms, : self.n_arms] = covariance
        self.difficulty = spread.question if shrink else 0.0
        at = np.arange(self.n_arms, size)
        self.covariance[at, at] = self.difficulty
        self.noise = spread.noise + (0.0 if shrink else spread.question)

    def copy(self) -> Beliefs:
        """The same beliefs, to be changed alone."""
        found = object.__new__(Beliefs)
        found.__dict__.update(self.__dict__)
        found.mean, found.covariance = self.mean.copy(), self.covariance.copy()
        return found

    @property
    def arms(self) -> FloatArray:
        """(arms): what is expected of each."""
        return self.mean[: self.n_arms] * self.scale

    @property
    def deviations(self) -> FloatArray:
        """(arms): the standard deviation of what is believed."""
        return self.scale * np.sqrt(np.maximum(np.diag(self.covariance)[: self.n_arms], 0.0))

    def observe(self, arm: int, question: int, outcome: float | None) -> None:
        """Condition on one execution; with None only the covariance, as if the outcome were as expected."""
        at = self.n_arms + question
        column = self.covariance[:, arm] + self.covariance[:, at]
        variance = column[arm] + column[at] + self.noise
        if outcome is not None:
            self.mean += column * ((outcome / self.scale[arm] - self.mean[arm] - self.mean[at]) / variance)
        self.covariance -= np.outer(column, column / variance)

    def observe_rows(
        self, arm: int, question: int, outcomes: Sequence[float | None], means: FloatArray
    ) -> None:
        """Condition on one execution that gives several figures, equally certain: ``means`` has a row for each."""
        at = self.n_arms + question
        column = self.covariance[:, arm] + self.covariance[:, at]
        variance = column[arm] + column[at] + self.noise
        for row, outcome in zip(means, outcomes, strict=True):
            if outcome is not None:
                row += column * ((outcome - row[arm] - row[at]) / variance)
        self.covariance -= np.outer(column, column / variance)

    def observe_mean(self, arm: int, n: float) -> None:
        """The start of ``arm`` stands on ``n`` executions on other questions: it is less uncertain."""
        column = self.covariance[:, arm].copy()
        self.covariance -= np.outer(column, column / (column[arm] + (self.noise + self.difficulty) / n))

    def moves(self, arms: Sequence[int] | IntArray) -> FloatArray:
        """(arms, given arms): standard deviation, with sign, of how far each mean moves if one is run once.

        The question is taken to be a new one.
        """
        given = np.asarray(arms, dtype=np.intp)
        block = self.covariance[: self.n_arms, given]
        variance = self.covariance[given, given] + self.noise + self.difficulty
        found: FloatArray = self.scale[:, None] * block / np.sqrt(variance)
        return found
