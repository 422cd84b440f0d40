"""Replay ways of choosing plans on recorded executions: would planning have paid?"""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import budget_of, settings_of
from tasks.evaluating import read_outcomes, replay_policies, sum_up_evaluation
from tasks.orchestration import run


@flow
def evaluate_policies(
    traces: list[str],
    policies: list[str] | None = None,
    folds: int = 5,
    repeats: int = 1,
    run_id: str | None = None,
    confidence: float | None = None,
    embedding: bool = True,
    max_cost: float | None = None,
    max_latency: float | None = None,
    max_energy: float | None = None,
    output: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Learn each policy on the questions of other folds, let it decide, look up what came of it."""
    given = locals()
    seed_of_run = settings_of(given).seed
    outcomes, refused = run(read_outcomes, traces, run_id, embedding)
    frame = run(
        replay_policies, outcomes, policies, budget_of(given), confidence, folds, repeats, seed_of_run
    )
    return run(sum_up_evaluation, outcomes, refused, frame, output, seed_of_run)
