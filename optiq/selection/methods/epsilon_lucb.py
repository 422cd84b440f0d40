"""ε-LUCB: sample the leader and its strongest challenger until they are ε apart (AgentOpt, section 5.2)."""

from __future__ import annotations

import math

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.intervals import standard_errors
from optiq.selection.methods.base import Method
from optiq.selection.posterior import CombinationModel
from optiq.selection.protocol import Problem, Ranking


class EpsilonLUCB(Method):
    """Ends when no challenger is more than ``epsilon`` ahead of the leader by its upper bound.

    The bound is that of the difference of both, from one model of all combinations
    (:mod:`optiq.selection.posterior`): comparisons are paired, and a combination is known by those that it shares
    models with. It holds with probability ``1 - delta`` for each round; ``batch`` examples are run at a time, after
    ``first`` of all combinations (5; with one role, where each is known by its own runs alone, 6).
    """

    name = "epsilon-lucb"

    def __init__(
        self,
        problem: Problem,
        epsilon: float = 0.05,
        delta: float = 0.1,
        batch: int = 4,
        first: int | None = None,
    ) -> None:
        super().__init__(problem)
        if first is None:
            first = 6 if len(problem.space.roles) == 1 else 5
        if not epsilon >= 0 or not 0 < delta < 1 or batch < 1 or first < 1:
            raise InputError(
                f"epsilon {epsilon}, delta {delta}, batch {batch}, first {first} cannot be used",
                "Give an epsilon from 0 up, a delta between 0 and 1, a batch and a first from 1 up.",
            )
        from scipy.special import ndtri

        self.epsilon, self.batch = float(epsilon), int(batch)
        self.first = min(int(first), problem.n_examples)
        self._z = float(ndtri(1 - delta / 2))
        self._model = CombinationModel(problem.space)

    def ask(self, evidence: Evidence) -> list[Run]:
        """The next examples for the most ambiguous pair."""
        order = self.problem.order
        if runs := self.fresh(evidence, range(len(self.space)), order[: self.first]):
            return runs
        if self.problem.objective.kind == "cheapest":
            leader, challenger, ahead = self._by_cost(evidence)
        else:
            leader, challenger, ahead = self._by_reward(evidence)
        if leader is None:
            return []
        if challenger is None:
            return self.fresh(evidence, [leader], order)
        if ahead <= self.epsilon:
            return []
        counts = evidence.counts
        # Both on the same examples: who has had more waits for the other.
        until = int(min(counts[leader], counts[challenger])) + self.batch
        return self.fresh(evidence, (leader, challenger), order[:until])

    def ranking(self, evidence: Evidence) -> Ranking:
        """By the model, as evidence is unequal by design; costs by their lower bounds."""
        if self.problem.objective.kind == "cheapest":
            mean, radius = self._cost_bounds(evidence)
            return self.rank_by(evidence, mean - np.where(np.isfinite(radius), radius, np.inf))
        if evidence.counts.min() == 0:
            return super().ranking(evidence)
        belief = self._model.believe(evidence, self.problem.objective.rewards(evidence))
        return self.rank_by(evidence, np.where(np.isnan(self.values(evidence)), np.nan, belief.mean))

    def _by_reward(self, evidence: Evidence) -> tuple[int | None, int | None, float]:
        """The leader, its strongest challenger, and how far that may be ahead."""
        usable = self._may_win(evidence) & ~np.isnan(self.values(evidence))
        belief = self._model.believe(evidence, self.problem.objective.rewards(evidence))
        if not usable.any():
            return None, None, 0.0
        leader = int(np.where(usable, belief.mean, -np.inf).argmax())
        # Combinations that share no models are known by their own runs alone: their spread is too little to shrink by.
        behind, deviation = belief.gap(leader) if len(self.space.roles) > 1 else belief.own_gap(leader)
        ahead = np.where(usable, self._z * deviation - behind, -np.inf)
        ahead[leader] = -np.inf
        # Who was run in full is known, and needs no more of its rival.
        full = evidence.counts == self.problem.n_examples
        if full[leader]:
            ahead[full] = -np.inf
        challenger = int(ahead.argmax())
        if not math.isfinite(ahead[challenger]):
            return leader, None, 0.0
        return leader, challenger, float(ahead[challenger])

    def _by_cost(self, evidence: Evidence) -> tuple[int | None, int | None, float]:
        mean, radius = self._cost_bounds(evidence)
        if np.isnan(mean).all():
            return None, None, 0.0
        leader = int(np.nanargmax(mean))
        upper = np.where(np.isnan(mean), -np.inf, mean + radius)
        upper[leader] = -np.inf
        challenger = int(upper.argmax())
        if not math.isfinite(upper[challenger]):
            return leader, None, 0.0
        return leader, challenger, float(upper[challenger] - (mean[leader] - radius[leader]))

    def _may_win(self, evidence: Evidence) -> np.ndarray:
        return np.array([reason is None for reason in self.problem.objective.unmet(evidence)])

    def _cost_bounds(self, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
        """How cheap each is that may keep the floor, as a share of the dearest run, and what that is uncertain by."""
        mean = np.where(self._may_win(evidence), -evidence.mean_cost_usd, np.nan)
        floor = self.floor(evidence)
        if floor is not None:
            high = evidence.accuracy + self._z * standard_errors(evidence.score)
            mean = np.where(high < floor, np.nan, mean)
        scale = max(float(np.nanmax(np.abs(evidence.cost_usd), initial=0.0)), 1e-300)
        return mean / scale, self._z * standard_errors(-evidence.cost_usd / scale)
