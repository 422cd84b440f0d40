"""Find which model to use for which role of an agent, plan or workflow."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import settings_of
from flows.run_options import amount
from optiq.selection.objective import Objective
from optiq.selection.runtime import Limits
from tasks.orchestration import run
from tasks.selecting import SelectionRequest, exists, options_in, roles_in, run_selection


def request_of(given: dict[str, Any]) -> SelectionRequest:
    """What a verb or flow was asked for; an :class:`~optiq.errors.InputError` says what cannot be used."""
    objective = Objective(
        given.get("objective") or "accuracy",
        amount(given, "floor"),
        amount(given, "cost_weight") or 0.0,
        amount(given, "latency_weight") or 0.0,
        amount(given, "max_cost"),
        amount(given, "max_latency"),
        amount(given, "min_accuracy"),
    )
    limits = Limits(
        given.get("combinations_at_once") or 4,
        given.get("examples_at_once") or 4,
        given.get("calls_at_once") or 8,
        amount(given, "timeout") or 120.0,
        amount(given, "max_total_cost"),
    )
    names = ("agent", "plan", "workflow", "advisor", "table", "deploy", "plot")
    return SelectionRequest(
        exists(given["file"]),
        settings_of(given),
        **{name: given.get(name) for name in names},
        roles=roles_in(given.get("roles")),
        metric=given.get("metric") or "exact",
        method=given.get("method") or "arm-elimination",
        options=options_in(given.get("options")),
        objective=objective,
        limits=limits,
        task=given.get("task") or "",
        cache=given.get("cache", True),
    )


@flow
def select_models(
    file: str,
    agent: str | None = None,
    plan: str | None = None,
    workflow: str | None = None,
    roles: list[str] | None = None,
    models: str | None = None,
    metric: str | None = None,
    method: str | None = None,
    options: list[str] | None = None,
    objective: str | None = None,
    floor: float | None = None,
    cost_weight: float | None = None,
    latency_weight: float | None = None,
    max_cost: float | None = None,
    max_latency: float | None = None,
    min_accuracy: float | None = None,
    max_total_cost: float | None = None,
    timeout: float | None = None,
    combinations_at_once: int | None = None,
    examples_at_once: int | None = None,
    calls_at_once: int | None = None,
    advisor: str | None = None,
    task: str | None = None,
    table: str | None = None,
    deploy: str | None = None,
    plot: str | None = None,
    server: str | None = None,
    server_url: str | None = None,
    perfdb: str | None = None,
    seed: int | None = None,
    cache: bool = True,
) -> dict[str, Any]:
    """Run combinations on the labelled questions of ``file`` until a method knows which is best.

    Parameters are those of `optiq select`. What was run is kept: the same parameters go on after Ctrl-C.
    """
    given = locals()
    return run(run_selection, request_of(given))
