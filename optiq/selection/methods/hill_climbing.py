"""Hill climbing: change the model of one role as long as that helps; start again from elsewhere."""

from __future__ import annotations

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence
from optiq.selection.methods.full_evaluation import FullEvaluation
from optiq.selection.protocol import Problem


class HillClimbing(FullEvaluation):
    """Takes the first better neighbour, in random order (AgentOpt, section 5.2).

    ``starts`` climbs in all; with one role, where everything is a neighbour, two at most. A climb ends when
    ``patience`` neighbours were not better (one fewer with one role).
    """

    name = "hill-climbing"

    def __init__(self, problem: Problem, starts: int = 3, patience: int = 5) -> None:
        super().__init__(problem)
        if starts < 1 or patience < 1:
            raise InputError(
                f"starts {starts}, patience {patience} cannot be used", "Give whole numbers from 1 up."
            )
        if len(problem.space.roles) == 1:
            starts, patience = min(starts, 2), max(patience - 1, 1)
        self.patience = int(patience)
        rng = np.random.default_rng(problem.seed)
        count = min(int(starts), len(problem.space))
        self._starts: list[int] = rng.choice(len(problem.space), count, replace=False).tolist()
        self._orders = [rng.permutation(len(problem.space)).tolist() for _ in range(count)]

    def next_combination(self, evidence: Evidence) -> int | None:
        """Where the climbs, walked again from the start by what is known, meet something unknown."""
        fitness = self.fitness(evidence)
        for start, order in zip(self._starts, self._orders, strict=True):
            here = start
            while True:
                if np.isnan(fitness[here]):
                    return here
                better = None
                rank = {place: at for at, place in enumerate(order)}
                for place in sorted(self.space.neighbours(here), key=rank.__getitem__)[: self.patience]:
                    if np.isnan(fitness[place]):
                        return place
                    if fitness[place] > fitness[here] + 1e-12:
                        better = place
                        break
                if better is None:
                    break
                here = better
        return None
