"""Replay ways of choosing plans on recorded executions: would planning have paid?"""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import budget_of, part_of, settings_of
from tasks import orchestration
from tasks.evaluating import publish_evaluation, read_outcomes, replay_policies


@flow
def evaluate_policies(
    traces: list[str] | None = None,
    policies: list[str] | None = None,
    folds: int = 5,
    repeats: int = 1,
    since: str | None = None,
    until: str | None = None,
    run: str | None = None,
    prompt: str | None = None,
    max_questions: int | None = None,
    confidence: float | None = None,
    embedding: bool = True,
    max_cost: float | None = None,
    max_latency: float | None = None,
    max_energy: float | None = None,
    output: str | None = None,
    report: str | None = None,
    perfdb: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Learn each policy on the questions of other folds, let it decide, look up what came of it.

    Without ``traces`` the executions of PerfDB are replayed.
    """
    given = locals()
    settings = settings_of({name: given[name] for name in ("perfdb", "seed")})
    how = {"folds": folds, "repeats": repeats, "confidence": confidence, "seed": settings.seed}
    read = orchestration.run(read_outcomes, traces, settings.home, part_of(given), folds)
    frame = orchestration.run(replay_policies, read, policies, budget_of(given), **how, neighbours=embedding)
    return orchestration.run(publish_evaluation, read, frame, budget_of(given), how, output, report)
