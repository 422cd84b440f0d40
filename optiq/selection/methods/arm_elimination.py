"""Arm elimination, the default: drop what is surely worse, spend the rest where the winner may still change.

AgentOpt (section 5.2) runs the survivors on larger and larger batches and removes those whose upper bound
falls below a leader's lower bound. Here bounds come from one model of all combinations
(:mod:`optiq.selection.posterior`), and a batch goes to those few survivors whose chance to beat the leader is
worth most, so a survivor that hardly can is left where it is without being called eliminated.
"""

from __future__ import annotations

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method
from optiq.selection.posterior import Belief, CombinationModel
from optiq.selection.protocol import Problem, Ranking
from optiq.statistics.normal import cumulative, gain_of_overtaking

_DRAWS = 1000


class ArmElimination(Method):
    """
    Parameters
    ----------
    tolerance
        The search ends when going on is expected to gain less than this in all (0.004: 0.4 points of accuracy).
    certainty
        How many standard deviations a combination must be behind the leader to be eliminated; by its own runs
        alone it must be one behind as well, so that nobody goes only for the company it keeps.
    batch
        How many combinations are taken on at once.
    """

    name = "arm-elimination"

    def __init__(
        self, problem: Problem, tolerance: float = 0.004, certainty: float = 4.0, batch: int = 3
    ) -> None:
        super().__init__(problem)
        if not tolerance >= 0 or not certainty > 0 or batch < 1:
            raise InputError(
                f"tolerance {tolerance}, certainty {certainty}, batch {batch} cannot be used",
                "Give a tolerance from 0 up, a certainty above 0 and a batch from 1 up.",
            )
        self.tolerance, self.certainty, self.batch = float(tolerance), float(certainty), int(batch)
        # Enough to tell right from wrong apart in every combination, yet few: all combinations pay for it.
        self.first = min(max(5, round(problem.n_examples / 32)), problem.n_examples)
        self._model = CombinationModel(problem.space)

    def ask(self, evidence: Evidence) -> list[Run]:
        """First a few examples for all, then more for those that matter."""
        order = self.problem.order
        if runs := self.fresh(evidence, range(len(self.space)), order[: self.first]):
            return runs
        rewards = self.problem.objective.rewards(evidence)
        usable = ~(evidence.done & np.isnan(rewards)).any(axis=1)
        usable &= ~self._surely_over_limits(evidence)
        if not usable.any():
            return []
        belief = self._model.believe(evidence, rewards)
        leader, gains = self._weigh(evidence, belief, usable)
        runs = []
        for place in self._worth_running(leader, gains, belief):
            count = int(evidence.counts[place])
            step = count if place == leader else max(4, round(0.35 * count))
            runs += self.fresh(evidence, [place], order[: count + step])
        if leader is not None and (runs or evidence.counts[leader] < len(order)):
            # What the leader does on all examples tells how hard the few are that others were run on.
            count = int(evidence.counts[leader])
            runs = self.fresh(evidence, [leader], order[: 2 * count]) + [r for r in runs if r[0] != leader]
        return runs

    def ranking(self, evidence: Evidence) -> Ranking:
        """By the belief; a combination ahead in belief but short of the floor's bound does not lead."""
        if evidence.counts.min() == 0 or self.problem.objective.kind == "cheapest":
            return super().ranking(evidence)
        rewards = self.problem.objective.rewards(evidence)
        known = np.where(np.isnan(self.values(evidence)), np.nan, 1.0)
        belief = self._model.believe(evidence, rewards)
        return self.rank_by(evidence, np.where(np.isnan(known), np.nan, belief.mean))

    def _weigh(self, evidence: Evidence, belief: Belief, usable: np.ndarray) -> tuple[int | None, np.ndarray]:
        """The leader and what running each other combination further may gain; eliminates as it goes."""
        full = evidence.counts >= self.problem.n_examples
        if self.problem.objective.kind == "cheapest":
            return self._weigh_cost(evidence, belief, usable, full)
        alive = usable & ~self.eliminated
        if not alive.any():
            return None, np.zeros(len(alive))
        leader = int(np.where(alive, belief.mean, -np.inf).argmax())
        behind, deviation = belief.gap(leader)
        own_behind, own_deviation = belief.own_gap(leader)
        out = alive & ~full & (behind > self.certainty * deviation) & (own_behind > own_deviation)
        out[leader] = False  # and who was run in full needs no bounds: it is ranked
        self.eliminated |= out
        alive &= ~out
        gains = gain_of_overtaking(behind, deviation)
        gains[~alive | (full & full[leader])] = 0.0
        gains[leader] = 0.0
        return leader, gains

    def _weigh_cost(
        self, evidence: Evidence, belief: Belief, usable: np.ndarray, full: np.ndarray
    ) -> tuple[int | None, np.ndarray]:
        """For the cheapest above a floor: chance of being above it times the share of cost that it would save."""
        floor = self.floor(evidence)
        place_of_best = int(belief.mean.argmax())
        if floor is None:
            return place_of_best, np.zeros(len(usable))
        deviation = np.sqrt(np.maximum(np.diag(belief.covariance), 1e-14))
        above = cumulative((belief.mean - floor) / deviation)
        above[full] = evidence.accuracy[full] >= floor - 1e-12
        cost = np.where(usable, np.nan_to_num(evidence.mean_cost_usd, nan=np.inf), np.inf)
        self.eliminated |= (belief.mean + self.certainty * deviation < floor) & (
            np.nan_to_num(evidence.accuracy) < floor
        )
        alive = usable & ~self.eliminated
        likely = alive & (above >= 0.5)
        if not likely.any():
            gains = np.where(alive & ~full, above, 0.0)
            return (int(gains.argmax()) if gains.any() else None), gains
        leader = int(np.where(likely, cost, np.inf).argmin())
        if not np.isfinite(cost[leader]):  # no price is known: nothing can be the cheapest
            return leader, np.zeros(len(usable))
        saving = np.clip(1 - cost / max(cost[leader], 1e-300), 0.0, 1.0)
        gains = np.where(alive & ~full, above * saving, 0.0)
        if not full[leader]:
            gains[leader] = 1.0
        return leader, gains

    def _worth_running(self, leader: int | None, gains: np.ndarray, belief: Belief) -> list[int]:
        """The most promising few; none once all that is left is expected to gain less than the tolerance.

        The expected gain of several at once is that of the best of them: rivals that are alike do not add up.
        It is the mean over draws from the belief, of the least promising alone, of the least two, and so on.
        """
        rivals = np.flatnonzero(gains > 1e-6)
        rivals = rivals[np.argsort(gains[rivals], kind="stable")]
        if leader is None or not len(rivals):
            return rivals[::-1][: self.batch].tolist()
        if self.problem.objective.kind == "cheapest":
            together = np.cumsum(gains[rivals])
        else:
            ahead = self._drawn(belief, leader, rivals)
            together = np.maximum.accumulate(np.maximum(ahead, 0.0), axis=1).mean(axis=0)
        return rivals[together > self.tolerance][::-1][: self.batch].tolist()

    def _drawn(self, belief: Belief, leader: int, rivals: np.ndarray) -> np.ndarray:
        """How far each rival is ahead of the leader in draws from the belief, (draws, rivals)."""
        across = belief.covariance[rivals, leader]
        covariance = (
            belief.covariance[np.ix_(rivals, rivals)]
            - across[:, None]
            - across[None, :]
            + belief.covariance[leader, leader]
        )
        factor = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(rivals)))
        standard = np.random.default_rng(self.problem.seed).standard_normal((_DRAWS, len(rivals)))
        return standard @ factor.T - (belief.mean[leader] - belief.mean[rivals])

    def _surely_over_limits(self, evidence: Evidence) -> np.ndarray:
        """Who breaks a limit on mean cost or latency by more than its spread explains."""
        objective = self.problem.objective
        over = np.zeros(len(self.space), dtype=bool)
        for limit, figures, mean in (
            (objective.max_cost_usd, evidence.cost_usd, evidence.mean_cost_usd),
            (objective.max_latency_s, evidence.latency_s, evidence.mean_latency_s),
        ):
            if limit is None:
                continue
            known = ~np.isnan(figures)
            counts = np.maximum(known.sum(axis=1), 1)
            squares = np.where(known, (figures - mean[:, None]) ** 2, 0.0).sum(axis=1)
            error = np.sqrt(squares / np.maximum(counts - 1, 1) / counts)
            over |= np.nan_to_num(mean) - self.certainty * np.nan_to_num(error) > limit
        self.eliminated |= over
        return over
