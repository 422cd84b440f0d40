"""NSGA-II over plans (Opti-Q, sections 4.3 and 5, appendix A.1), on pymoo.

The encoding, operators, constraint handling and defaults are the paper's: topology bits and models as two
segments, one-point crossover on each, the three mutations with probabilities 0.3, 0.1 and 0.3, infeasible
plans ranked by their violation, a population of 200 for 200 generations. Plans are estimated a generation at
a time and each once; duplicates (isomorphic plans) are removed. The frontier is taken from all plans that
were estimated, not only from the last population, which holds 200 at most.
"""

from __future__ import annotations

from dataclasses import dataclass

from optiq.estimation.estimates import Estimate
from optiq.planning.planners.protocol import PlanningTask


@dataclass(frozen=True)
class NSGA2Planner:
    """``mutations``: the probabilities of an edge flip, a node insertion and another model."""

    population: int = 200
    generations: int = 200
    crossover: float = 0.9
    mutations: tuple[float, float, float] = (0.3, 0.1, 0.3)
    name: str = "nsga2"

    def frontier(self, task: PlanningTask) -> list[Estimate]:
        """See :class:`~optiq.planning.planners.protocol.Planner`."""
        from optiq.planning.planners.genetic import evolve

        return evolve(task, self.population, self.generations, self.crossover, self.mutations)
