"""Run a method on drawn outcomes and see what it chose, what that cost, and whether it dropped the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.selection.drawing import PublishedTable, draw
from optiq.selection.evidence import Outcome, Run
from optiq.selection.objective import Objective
from optiq.selection.protocol import Problem, Selector
from optiq.selection.search import search


@dataclass(frozen=True)
class Replayed:
    """One seed. ``accuracy`` is the table's for the chosen combination; shares are of brute force."""

    accuracy: float
    evaluations: int
    saved: float
    cost_saved: float
    best_eliminated: bool
    best_chosen: bool


def replay(
    table: PublishedTable, make: Callable[[Problem], Selector], seed: int, correlated: bool
) -> Replayed:
    """One method on one drawing of a table."""
    scores = draw(table, seed, correlated)

    def runner(batch: Sequence[Run]) -> list[Outcome | None]:
        return [
            Outcome(float(scores[c, i]), float(table.cost_usd[c]), float(table.latency_s[c]))
            for c, i, _ in batch
        ]

    problem = Problem(table.space, table.n_examples, Objective(), seed)
    selector = make(problem)
    evidence, finished = search(selector, problem, runner)
    assert finished
    ranking = selector.ranking(evidence)
    chosen = ranking.order[0]
    best = np.flatnonzero(table.accuracy >= table.accuracy.max() - 1e-9)
    everything = scores.size
    spent, all_spent = np.nansum(evidence.cost_usd), table.cost_usd.sum() * table.n_examples
    return Replayed(
        float(table.accuracy[chosen]),
        evidence.runs,
        1 - evidence.runs / everything,
        1 - float(spent) / float(all_spent),
        bool(ranking.eliminated[best].all()),
        bool(chosen in best),
    )
