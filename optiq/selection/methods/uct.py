"""UCT: a tree with a role per level, searched by upper confidence bounds (Kocsis and Szepesvári, 2006)."""

from __future__ import annotations

import math

import numpy as np

from optiq.selection.evidence import Evidence
from optiq.selection.methods.base import share_of
from optiq.selection.methods.full_evaluation import FullEvaluation
from optiq.selection.protocol import Problem


class UCT(FullEvaluation):
    """Examines ``share`` of the combinations: UCT has no end of its own, as MixLLM's authors note (section 2).

    Rewards are scaled to what was seen so far; ``exploration`` weighs the bound.
    """

    name = "uct"

    def __init__(self, problem: Problem, share: float = 0.3, exploration: float = 0.7) -> None:
        super().__init__(problem)
        self.count = math.ceil(share_of("share", share) * len(problem.space))
        self.exploration = float(exploration)
        self._shuffled = np.random.default_rng(problem.seed).permutation(len(problem.space))

    def next_combination(self, evidence: Evidence) -> int | None:
        """Down the tree by the bounds of each subtree, then the first leaf in random order."""
        fitness = self.fitness(evidence)
        examined = ~np.isnan(fitness)
        if examined.sum() >= self.count:
            return None
        known = fitness[examined]
        low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
        reward = np.where(examined, (fitness - low) / max(high - low, 1e-12), 0.0)
        inside = np.ones(len(self.space), dtype=bool)
        codes = self.space.codes
        for role, models in enumerate(self.space.candidates):
            visits = max(int((inside & examined).sum()), 1)
            best, best_bound = None, -math.inf
            for model in range(len(models)):
                child = inside & (codes[:, role] == model)
                if not (child & ~examined).any():
                    continue
                seen = child & examined
                count = int(seen.sum())
                bound = math.inf
                if count:
                    bound = float(reward[seen].mean()) + self.exploration * math.sqrt(
                        math.log(visits) / count
                    )
                tie = (bound, -int(np.flatnonzero(child[self._shuffled])[0]))
                if best is None or tie > (best_bound, best[1]):
                    best, best_bound = (child, tie[1]), bound
            assert best is not None  # a subtree with unexamined leaves is only entered if it has some
            inside = best[0]
        return int(np.flatnonzero(inside & ~examined)[0])
