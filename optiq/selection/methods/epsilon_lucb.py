"""ε-LUCB: sample the leader and its strongest challenger until they are ε apart (AgentOpt, section 5.2)."""

from __future__ import annotations

import math

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.intervals import standard_errors
from optiq.selection.methods.base import Method
from optiq.selection.protocol import Problem, Ranking


class EpsilonLUCB(Method):
    """Ends when no challenger's upper bound is more than ``epsilon`` above the leader's lower bound.

    Bounds hold with probability ``1 - delta`` for each round; ``batch`` examples are run at a time.
    """

    name = "epsilon-lucb"

    def __init__(self, problem: Problem, epsilon: float = 0.05, delta: float = 0.1, batch: int = 4) -> None:
        super().__init__(problem)
        if not epsilon >= 0 or not 0 < delta < 1 or batch < 1:
            raise InputError(
                f"epsilon {epsilon}, delta {delta}, batch {batch} cannot be used",
                "Give an epsilon from 0 up, a delta between 0 and 1 and a batch from 1 up.",
            )
        from scipy.special import ndtri

        self.epsilon, self.batch = float(epsilon), int(batch)
        self.first = min(4, problem.n_examples)
        self._z = float(ndtri(1 - delta / 2))

    def ask(self, evidence: Evidence) -> list[Run]:
        """The next examples for the most ambiguous pair."""
        order = self.problem.order
        if runs := self.fresh(evidence, range(len(self.space)), order[: self.first]):
            return runs
        mean, radius = self._bounds(evidence)
        if np.isnan(mean).all():
            return []
        leader = int(np.nanargmax(mean))
        upper = np.where(np.isnan(mean), -np.inf, mean + radius)
        upper[leader] = -np.inf
        challenger = int(upper.argmax())
        if not math.isfinite(upper[challenger]):
            return self.fresh(evidence, [leader], order)
        if upper[challenger] - (mean[leader] - radius[leader]) <= self.epsilon:
            return []
        runs = []
        for place in (leader, challenger):
            count = int(evidence.counts[place])
            runs += self.fresh(evidence, [place], order[: count + self.batch])
        return runs

    def ranking(self, evidence: Evidence) -> Ranking:
        """By lower bounds: evidence is unequal by design."""
        mean, radius = self._bounds(evidence)
        return self.rank_by(evidence, mean - np.where(np.isfinite(radius), radius, np.inf))

    def _bounds(self, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
        rewards = self.problem.objective.rewards(evidence)
        unmet = self.problem.objective.unmet(evidence)
        mean = np.where([reason is None for reason in unmet], self.values(evidence), np.nan)
        if self.problem.objective.kind == "cheapest":
            rewards, mean = -evidence.cost_usd, np.where(np.isnan(mean), np.nan, -evidence.mean_cost_usd)
            floor = self.floor(evidence)
            if floor is not None:
                low = evidence.accuracy + self._z * standard_errors(evidence.score)
                mean = np.where(low < floor, np.nan, mean)
            scale = max(float(np.nanmax(np.abs(rewards), initial=0.0)), 1e-300)
            return mean / scale, self._z * standard_errors(rewards / scale)
        return mean, self._z * standard_errors(rewards)
