"""MixLLM: a tree search for the cheapest combination whose accuracy stays above a floor.

::

    profile:  the combinations of one model; the most accurate is the root, a its accuracy
    floor:    a − θ, θ the standard deviation of the root's accuracy from one run over all examples to the next
    until no node is promising:
        select    after a success the cheapest node that should keep the floor,
                  else the one with the greatest expected cut in cost
        examine   run it on all examples
        expand    its children change the model of one role
        update    drop nodes that cost too much by their profile, or hardly can reach the floor
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run, mean_of_known
from optiq.selection.methods.base import share_of
from optiq.selection.methods.full_evaluation import FullEvaluation
from optiq.selection.protocol import Problem, Ranking
from optiq.selection.space import Space
from optiq.statistics.normal import cumulative

_ALWAYS = 25
"""In small spaces a share would end the search before it has begun."""

_LIKENESS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
"""How much alike two combinations are that differ in one role: tried values."""


class MixLLM(FullEvaluation):
    """
    Parameters
    ----------
    theta
        The relaxation θ in accuracy; None measures it by ``repeats`` runs of the root (section 3.1).
    repeats
        Runs of the root on all examples, the first among them where repeats are like it. In a small space fewer
        examples are repeated, so that the search never takes more runs than all combinations would.
    chance
        A node that reaches the floor with less than this probability is unpromising.
    share
        The search ends when this share of the combinations was examined and one of them keeps the floor; not
        before 25 were.
    """

    name = "mixllm"
    compares_costs = True

    def __init__(
        self,
        problem: Problem,
        theta: float | None = None,
        repeats: int = 3,
        chance: float = 0.005,
        share: float = 0.3,
    ) -> None:
        super().__init__(problem)
        if repeats < 1 or not 0 < chance < 1:
            raise InputError(
                f"repeats {repeats}, chance {chance} cannot be used",
                "Give repeats from 1 up and a chance between 0 and 1.",
            )
        self.theta, self.repeats, self.chance = theta, int(repeats), float(chance)
        self.most = max(int(share_of("share", share) * len(problem.space)), _ALWAYS)
        self._profiles = problem.space.same_model() or [0, len(problem.space) - 1]

    def ask(self, evidence: Evidence) -> list[Run]:
        """Profiles first, then the root's repeats, then one node after the other."""
        order = self.problem.order
        if runs := self.fresh(evidence, dict.fromkeys(self._profiles), order):
            return runs
        if self._measures_theta and (runs := self._repeats(evidence)):
            return runs
        runs = super().ask(evidence)
        return runs if evidence.runs + len(runs) <= len(self.space) * len(order) else []

    def _repeats(self, evidence: Evidence) -> list[Run]:
        """Repeated runs of the root, on as many examples as a third of the rest of the space would take."""
        order, root = self.problem.order, self.root(evidence)
        most = (len(self.space) - len(dict.fromkeys(self._profiles))) * len(order) // 3
        times = min(self.repeats if self._apart else self.repeats - 1, most)
        repeated = order[: most // times] if times else []
        return [run for trial in range(1, 1 + times) for run in self.fresh(evidence, [root], repeated, trial)]

    @property
    def _apart(self) -> bool:
        return self.problem.repeat_temperature is not None

    @property
    def _measures_theta(self) -> bool:
        objective = self.problem.objective
        return self.theta is None and (objective.kind != "cheapest" or objective.floor is None)

    def root(self, evidence: Evidence) -> int:
        """The most accurate combination of one model; the cheaper one of equals."""
        profiles = np.array(self._profiles)
        cost = np.nan_to_num(evidence.mean_cost_usd[profiles], nan=np.inf)
        return int(profiles[np.lexsort((cost, -evidence.accuracy[profiles]))[0]])

    def floor(self, evidence: Evidence) -> float | None:
        """The objective's own floor, else a − θ."""
        objective = self.problem.objective
        if objective.kind == "cheapest" and objective.floor is not None:
            return super().floor(evidence)
        if not self.examined(evidence)[self._profiles].all():
            return None
        root = self.root(evidence)
        theta = self.theta
        if theta is None:
            theta, _ = evidence.fluctuation(root, first=not self._apart)
        return max(float(evidence.accuracy[root]) - theta, objective.min_accuracy or 0.0)

    def next_combination(self, evidence: Evidence) -> int | None:
        """The node to examine; None when none is promising."""
        examined = self.examined(evidence)
        floor = self.floor(evidence)
        if floor is None:
            return None
        cost = estimated_costs(self.space, evidence, examined)
        fits = (
            examined & (evidence.accuracy >= floor - 1e-12) & ~np.isnan(cost) & self._keeps_limits(evidence)
        )
        cheapest = float(cost[fits].min()) if fits.any() else np.inf
        prediction = predict(self.space, examined, evidence.accuracy)
        deviation = np.maximum(prediction.deviation, 1e-9)
        chance = cumulative((prediction.mean - floor) / deviation)
        leaves = self._open(examined)
        if not np.isfinite(cheapest):  # nothing meets the floor yet: no doubt is a reason to give up
            return int(np.where(leaves, chance, -1.0).argmax()) if leaves.any() else None
        if examined.sum() >= self.most:
            return None
        promising = leaves & (chance >= self.chance) & (cost < cheapest)
        if not promising.any():
            return None
        likely = promising & (chance >= 0.5)
        if likely.any() and self._last_fits(evidence, examined, fits):
            return int(np.where(likely, cost, np.inf).argmin())
        return int(np.where(promising, chance * (cheapest - cost), -1.0).argmax())

    def values(self, evidence: Evidence) -> np.ndarray:
        """The cost, whatever the objective is called: this is the problem that the method solves."""
        return -evidence.mean_cost_usd

    def ranking(self, evidence: Evidence) -> Ranking:
        """By cost."""
        return self.rank_by(evidence, self.values(evidence), self._about_theta(evidence))

    def _about_theta(self, evidence: Evidence) -> str:
        """Where θ comes from, if it is measured."""
        if not self._measures_theta or not self.examined(evidence)[self._profiles].all():
            return ""
        root = self.root(evidence)
        theta, runs = evidence.fluctuation(root, first=not self._apart)
        if not runs:
            return "θ is 0: nothing was run again"
        at = f" at temperature {self.problem.repeat_temperature:g}" if self._apart else ""
        return f"θ is {theta:.3f}, from {runs} runs of {self.space.describe(root)}{at}"

    def _open(self, examined: np.ndarray) -> np.ndarray:
        """The tree's leaves: children of examined nodes that are not examined themselves."""
        codes = self.space.codes
        differing = (codes[:, None, :] != codes[examined][None, :, :]).sum(axis=2)
        return ~examined & (differing <= 1).any(axis=1)

    def _keeps_limits(self, evidence: Evidence) -> np.ndarray:
        return np.array([reason is None for reason in self.problem.objective.unmet(evidence)])

    def _last_fits(self, evidence: Evidence, examined: np.ndarray, fits: np.ndarray) -> bool:
        """Whether the node examined last kept the floor; the root does before any other."""
        if examined.sum() == len(dict.fromkeys(self._profiles)):
            self._seen = examined
            return bool(fits[self.root(evidence)])
        before = getattr(self, "_seen", None)
        if before is not None and (examined & ~before).any():
            self._last = int(np.flatnonzero(examined & ~before)[-1])
            self._seen = examined
        last = getattr(self, "_last", None)
        return last is not None and bool(fits[last])


def estimated_costs(space: Space, evidence: Evidence, examined: np.ndarray) -> np.ndarray:
    """USD per example for every combination; NaN where a model in a role was never priced.

    MixLLM (section 3.2) profiles the combinations of one model; every later one adds to that. A role's cost
    depends on the model before it, which writes its prompt: runs with the same pair count first, then
    those with the same model in the role.
    """
    by_role = mean_of_known(evidence.role_cost_usd[examined])
    totals = evidence.mean_cost_usd[examined]
    unsplit = np.isnan(by_role).any(axis=1)
    by_role[unsplit] = totals[unsplit, None] / len(space.roles)
    codes, seen = space.codes, space.codes[examined]
    estimate = np.zeros(len(space))
    for role, models in enumerate(space.candidates):
        for model in range(len(models)):
            mine = seen[:, role] == model
            users = codes[:, role] == model
            estimate[users] += by_role[mine, role].mean() if mine.any() else np.nan
            if role == 0 or not mine.any():
                continue
            for before in range(len(space.candidates[role - 1])):
                pair = mine & (seen[:, role - 1] == before)
                if pair.any():
                    estimate[users & (codes[:, role - 1] == before)] += (
                        by_role[pair, role].mean() - by_role[mine, role].mean()
                    )
    return np.where(examined, evidence.mean_cost_usd, estimate)


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation for every combination; certain (0) where it was examined."""

    mean: np.ndarray
    deviation: np.ndarray


def predict(space: Space, examined: np.ndarray, accuracy: np.ndarray) -> Prediction:
    """Kriging: each differing role takes the likeness of two combinations down by a factor.

    MixLLM (section 3.2) predicts whether a combination can surpass examined neighbours from what the same change
    did elsewhere, and puts the votes of several neighbours together. The likeness here does the same in
    numbers: the nearest examined combinations count most, changes that worked elsewhere carry over, and the
    further all of them are the less is claimed. The factor and the scale are the likeliest for what was seen.

    Parameters
    ----------
    examined, accuracy
        (combinations,) booleans, and values where True.
    """
    differing = (space.codes[:, None, :] != space.codes[None, :, :]).sum(axis=2)
    known = np.flatnonzero(examined)
    values = accuracy[known]
    best: tuple[float, Prediction] | None = None
    for likeness in _LIKENESS:
        kernel = likeness**differing
        within = kernel[np.ix_(known, known)] + 1e-6 * np.eye(len(known))
        inverse = np.linalg.inv(within)
        ones = np.ones(len(known))
        total = ones @ inverse @ ones
        common = ones @ inverse @ values / total
        rest = values - common
        freedom = max(len(known) - 1, 1)
        # A prior guess of 5 points keeps the scale up while next to nothing was seen.
        scale = (rest @ inverse @ rest + 2 * 0.05**2) / (freedom + 2)
        likelihood = -0.5 * ((freedom + 2) * np.log(scale) + np.linalg.slogdet(within)[1] + np.log(total))
        if best is None or likelihood > best[0]:
            cross = kernel[:, known]
            mean = common + cross @ inverse @ rest
            slack = 1 - cross @ inverse @ ones
            variance = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross) + slack**2 / total
            deviation = np.sqrt(np.maximum(scale * variance, 0.0))
            best = likelihood, Prediction(mean, np.where(examined, 0.0, deviation))
    assert best is not None
    return best[1]
