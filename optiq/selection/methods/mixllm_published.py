"""MixLLM by its paper's own rules, each of which can be switched off: what `mixllm` is measured against.

::

    tree:     the root is the best combination of one model; children change the model of one role (algorithm 2)
    select    after a success the cheapest promising node, else the greatest expected cut in cost:
              cut in cost × upper confidence bound of the accuracy below the node's parent (UCT)
    prune     cost: estimated from the combinations of one model, not below the best found
              accuracy: neighbours vote whether the node can surpass them
    end       when no node is promising

The paper states the votes in words (section 3.2). Read here: an examined neighbour differs in one role; what the same
change of model did elsewhere, examined pairs say. A neighbour that keeps the floor votes for the node unless the change
lowered accuracy in most pairs; one that does not keep it votes for the node only if the change raised accuracy in most.
Where no pair is known the neighbour does not vote; more votes against than for are a verdict.
"""

from __future__ import annotations

import math

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, mean_of_known
from optiq.selection.methods.mixllm import MixLLM
from optiq.selection.protocol import Problem

SELECTS = ("two-phase", "uct")


class PublishedMixLLM(MixLLM):
    """
    Parameters
    ----------
    theta, repeats
        As in :class:`~optiq.selection.methods.mixllm.MixLLM`.
    select
        ``two-phase``, or ``uct``: by the bound alone (the paper's MixLLM-G).
    estimate_costs
        Prune by estimated costs (without: MixLLM-CE).
    predict_accuracy
        Prune by the neighbours' votes (without: MixLLM-AP).
    stop
        End when no node is promising; without, everything is examined in the order of the search.
    exploration
        Weighs the confidence bound.
    """

    name = "mixllm-published"

    def __init__(
        self,
        problem: Problem,
        theta: float | None = None,
        repeats: int = 3,
        select: str = "two-phase",
        estimate_costs: bool = True,
        predict_accuracy: bool = True,
        stop: bool = True,
        exploration: float = 0.7,
    ) -> None:
        super().__init__(problem, theta, repeats)
        if select not in SELECTS:
            raise InputError(f"select is {select!r}", f"Give {' or '.join(SELECTS)}.")
        self.select, self.estimate_costs, self.predict_accuracy = (
            select,
            bool(estimate_costs),
            bool(predict_accuracy),
        )
        self.stop, self.exploration = bool(stop), float(exploration)
        self._history: list[int] = []

    def next_combination(self, evidence: Evidence) -> int | None:
        """The node to examine; None when none is promising."""
        examined, floor = self.examined(evidence), self.floor(evidence)
        if floor is None:
            return None
        self._history += [c for c in np.flatnonzero(examined).tolist() if c not in self._history]
        cost = self._profile_costs(evidence)
        meets = (
            examined
            & (evidence.accuracy >= floor - 1e-12)
            & ~np.isnan(evidence.mean_cost_usd)
            & self._keeps_limits(evidence)
        )
        cheapest = float(evidence.mean_cost_usd[meets].min()) if meets.any() else math.inf
        leaves = promising = self._open(examined)
        if self.estimate_costs:
            promising = promising & (cost < cheapest)
        if (
            self.predict_accuracy and meets.any()
        ):  # the paper's root keeps the floor; a floor that is given may be above
            promising = promising & ~self._voted_out(evidence, examined, floor)
        if not promising.any():
            if self.stop or not leaves.any():
                return None
            promising = leaves
        bound = self._bounds(examined, meets)
        if self.select == "uct":
            return int(np.where(promising, bound, -np.inf).argmax())
        if bool(meets[self._history[-1]]):
            return int(np.where(promising, cost, np.inf).argmin())
        dearest = cheapest if math.isfinite(cheapest) else float(np.nanmax(cost))
        return int(np.where(promising, (dearest - cost) / dearest * bound, -np.inf).argmax())

    def _profile_costs(self, evidence: Evidence) -> np.ndarray:
        """USD per example by the combinations of one model: what each stage cost with its model there."""
        codes, profiles = self.space.codes, list(dict.fromkeys(self._profiles))
        by_role = mean_of_known(evidence.role_cost_usd[profiles])
        unsplit = np.isnan(by_role).any(axis=1)
        by_role[unsplit] = evidence.mean_cost_usd[profiles][unsplit, None] / codes.shape[1]
        estimate = np.zeros(len(self.space))
        for role in range(codes.shape[1]):
            for model in range(len(self.space.candidates[role])):
                mine = codes[profiles, role] == model
                known = by_role[mine, role].mean() if mine.any() else by_role[:, role].max()
                estimate[codes[:, role] == model] += known
        return estimate

    def _bounds(self, examined: np.ndarray, meets: np.ndarray) -> np.ndarray:
        """Of each node: how often what is examined near its parent kept the floor, with its confidence."""
        near = (self.space.codes[:, None, :] != self.space.codes[None, :, :]).sum(axis=2) <= 1
        visits = near[:, examined].sum(axis=1)
        kept = near[:, meets].sum(axis=1)
        mean = np.divide(kept, visits, out=np.zeros(len(kept)), where=visits > 0)
        total = math.log(max(int(examined.sum()), 2))
        return mean + self.exploration * np.sqrt(total / np.maximum(visits, 1))

    def _voted_out(self, evidence: Evidence, examined: np.ndarray, floor: float) -> np.ndarray:
        """Nodes that more neighbours vote against than for."""
        codes, accuracy = self.space.codes, evidence.accuracy
        known = np.flatnonzero(examined)
        rises: dict[tuple[int, int, int], int] = {}
        for a in known:
            for b in known:
                differing = np.flatnonzero(codes[a] != codes[b])
                if len(differing) == 1:
                    role = int(differing[0])
                    change = role, int(codes[a, role]), int(codes[b, role])
                    rises[change] = rises.get(change, 0) + int(np.sign(accuracy[b] - accuracy[a]))
        out = np.zeros(len(self.space), dtype=bool)
        for node in np.flatnonzero(~examined):
            votes = 0
            for neighbour in known[(codes[known] != codes[node]).sum(axis=1) == 1]:
                role = int(np.flatnonzero(codes[neighbour] != codes[node])[0])
                rise = rises.get((role, int(codes[neighbour, role]), int(codes[node, role])))
                if rise is not None:
                    keeps = accuracy[neighbour] >= floor - 1e-12
                    votes += 1 if (rise >= 0 if keeps else rise > 0) else -1
            out[node] = votes < 0
        return out
