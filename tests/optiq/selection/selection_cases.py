"""Small selection problems with known outcomes, and a runner that plays them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optiq.selection.evidence import Evidence, Outcome, Run
from optiq.selection.objective import Objective
from optiq.selection.protocol import Problem, Ranking
from optiq.selection.registry import make_selector
from optiq.selection.search import search
from optiq.selection.space import Space


def table_of(space: Space, examples: int, accuracy: np.ndarray, seed: int = 0) -> np.ndarray:
    """Right-or-wrong outcomes with the given row means (rounded to whole examples)."""
    rng = np.random.default_rng(seed)
    rank = np.argsort(np.argsort(rng.random((len(space), examples)), axis=1), axis=1)
    return (rank < np.round(accuracy * examples)[:, None]).astype(float)


def play(
    method: str,
    space: Space,
    scores: np.ndarray,
    cost: np.ndarray,
    objective: Objective | None = None,
    seed: int = 0,
    **options: object,
) -> tuple[Evidence, Ranking]:
    """Search with a method; cost is per combination and example."""

    def runner(batch: Sequence[Run]) -> list[Outcome | None]:
        outcomes: list[Outcome | None] = []
        for c, i, _ in batch:
            each = float(cost[c]) if not np.isnan(cost[c]) else None
            split = None if each is None else tuple([each / len(space.roles)] * len(space.roles))
            outcomes.append(Outcome(float(scores[c, i]), each, 1.0, None, split))
        return outcomes

    problem = Problem(
        space,
        scores.shape[1],
        objective or Objective(),
        seed,
        advisor=lambda prompt: '[{"planner": "a", "solver": "c"}, {"planner": "nobody"}]',
    )
    selector = make_selector(method, problem, options)
    evidence, finished = search(selector, problem, runner)
    assert finished
    return evidence, selector.ranking(evidence)
