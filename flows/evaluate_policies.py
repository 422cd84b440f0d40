"""Replay ways of choosing plans on recorded executions: would planning have paid?"""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import EvaluatePolicies
from tasks.evaluating import publish_evaluation, read_outcomes, replay_policies
from tasks.orchestration import run, wiring


@wiring
@taking_parameters
def evaluate_policies(request: EvaluatePolicies) -> dict[str, Any]:
    """Learn each policy on the questions of other folds, let it decide, look up what came of it.

    Without ``traces`` the executions of PerfDB are replayed.
    """
    settings, budget, folds = request.settings, request.budget, request.folds
    how: dict[str, Any] = {"folds": folds, "repeats": request.repeats}
    read = run(read_outcomes, request.traces, settings.home, request.part, folds)
    frame = run(
        replay_policies, read, request.policies, budget, settings, **how, neighbours=request.embedding
    )
    how |= {"confidence": settings.confidence, "seed": settings.seed}
    return run(publish_evaluation, read, frame, budget, how, request.output, request.report)
