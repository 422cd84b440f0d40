"""Hill climbing: change the model of one role as long as that helps; start again from elsewhere."""

from __future__ import annotations

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.full_evaluation import FullEvaluation
from optiq.selection.protocol import Problem


class HillClimbing(FullEvaluation):
    """Takes the first better neighbour, in random order (AgentOpt, section 5.2).

    The published method runs every neighbour on all examples. Here a neighbour races: it and where the climb stands are
    compared on the same examples, more and more of them, until one is ahead by ``certainty`` standard errors (Maron and
    Moore, 1994) or all are run. Where a climb ends is run in full. With an objective that is no mean of what single
    runs are worth (``cheapest``, hard limits) everything is run in full.

    ``starts`` climbs in all; with one role, where everything is a neighbour, one is enough. A climb ends when
    ``patience`` neighbours were not better (with one role all of them).
    """

    name = "hill-climbing"

    def __init__(
        self,
        problem: Problem,
        starts: int = 3,
        patience: int = 8,
        certainty: float = 1.5,
        first: int = 16,
    ) -> None:
        super().__init__(problem)
        if starts < 1 or patience < 1 or first < 1 or not certainty > 0:
            raise InputError(
                f"starts {starts}, patience {patience}, first {first}, certainty {certainty} cannot be used",
                "Give whole numbers from 1 up, and a certainty above 0.",
            )
        if len(problem.space.roles) == 1:
            starts, patience = 1, len(problem.space)
        self.patience, self.certainty, self.first = int(patience), float(certainty), int(first)
        rng = np.random.default_rng(problem.seed)
        count = min(int(starts), len(problem.space))
        self._starts: list[int] = rng.choice(len(problem.space), count, replace=False).tolist()
        self._orders = [rng.permutation(len(problem.space)) for _ in range(count)]
        objective = problem.objective
        limits = (objective.max_cost_usd, objective.max_latency_s, objective.min_accuracy)
        self._races = objective.kind != "cheapest" and limits == (None, None, None)

    def ask(self, evidence: Evidence) -> list[Run]:
        """What the climbs, walked again from their starts by what is known, lack to go on."""
        rewards = self.problem.objective.rewards(evidence) if self._races else None
        for start, order in zip(self._starts, self._orders, strict=True):
            rank = np.argsort(order)
            here, stood, moved = start, {start}, True
            while moved:
                moved = False
                # Each comparison is on examples of its own, so they may go round in a circle: nobody goes back.
                open_ones = [place for place in self.space.neighbours(here) if place not in stood]
                for place in sorted(open_ones, key=rank.__getitem__)[: self.patience]:
                    found = self._is_better(place, here, evidence, rewards)
                    if not isinstance(found, bool):
                        return found
                    if found:
                        here, moved = place, True
                        stood.add(place)
                        break
            if runs := self.fresh(evidence, [here], self.problem.order):
                return runs
        return []

    def _is_better(
        self, place: int, here: int, evidence: Evidence, rewards: np.ndarray | None
    ) -> bool | list[Run]:
        """Whether ``place`` is ahead of ``here``; the runs that are needed to tell where it is not known yet."""
        order, n = self.problem.order, len(self.problem.order)
        if rewards is None:
            if runs := self.fresh(evidence, (here, place), order):
                return runs
            fitness = self.fitness(evidence)
            return bool(fitness[place] > fitness[here] + 1e-12)
        size = min(self.first, n)
        while True:
            if runs := self.fresh(evidence, (here, place), order[:size]):
                return runs
            ahead = rewards[place, order[:size]] - rewards[here, order[:size]]
            if np.isnan(ahead).any():  # a figure that is not known: it is no better, or better than that
                return bool(np.isnan(rewards[here, order[:size]]).any())
            mean = float(ahead.mean())
            if size == n:
                return mean > 1e-12
            # Smoothed by one difference: agreement on few examples is no certainty.
            variance = (float(((ahead - mean) ** 2).sum()) + max(1.0, float(np.abs(ahead).max())) ** 2) / (
                size + 1
            )
            if abs(mean) > self.certainty * float(np.sqrt(variance * (1 / size - 1 / n))):
                return mean > 0
            size = min(2 * size, n)

    def next_combination(self, evidence: Evidence) -> int | None:
        """Not asked: climbs ask for examples."""
        return None
