"""What calls cost, and what their sum, their longest path and each sub-plan come to.

The same rules as the estimators use (:mod:`optiq.estimation`), with observed tokens and times: cost and
energy add over nodes, latency is the longest path. What is not known stays ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

from optiq.execution.trace import Call, Execution
from optiq.plans.plan import Plan
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ModelFigures

MEASURED, PREDICTED = "measured", "predicted"
"""Where an energy figure comes from: a device counter, or tokens and rates."""


class Prices(Protocol):
    """Where the rates come from: :class:`~optiq.statistics.snapshot.Statistics` is one."""

    def figures(self, model: str, topic: str, kind: Kind | str) -> ModelFigures:
        """The rates in force for a call of ``model``."""
        ...


def price_call(call: Call, figures: ModelFigures) -> None:
    """Set the cost of an answered call, and its predicted energy unless it was measured."""
    fixed = 0.0 if math.isnan(figures.usd_per_call) else figures.usd_per_call
    call.cost_usd = _charge(fixed, figures.usd_per_prompt_token, figures.usd_per_output_token, call)
    if call.energy_source != MEASURED:
        call.energy_j = _charge(0.0, figures.joules_per_prompt_token, figures.joules_per_output_token, call)
        call.energy_source = None if call.energy_j is None else PREDICTED


def settle(execution: Execution) -> None:
    """Set the sub-plan figures of every answered call, and cost, latency and energy of the execution."""
    calls = {call.node: call for call in execution.calls if call.error is None}
    paths = longest_paths(execution.plan, {node: call.latency_s for node, call in calls.items()})
    for node, call in calls.items():
        closure = execution.plan.closure(node)
        call.subplan_cost_usd = total(calls[v].cost_usd for v in closure)
        call.subplan_energy_j = total(calls[v].energy_j for v in closure)
        call.subplan_latency_s = paths[node]
    execution.cost_usd = total(call.cost_usd for call in calls.values())
    execution.energy_j = total(call.energy_j for call in calls.values())
    if execution.energy_j is not None:  # a sum with one predicted part is predicted
        measured = all(call.energy_source == MEASURED for call in calls.values())
        execution.energy_source = MEASURED if measured else PREDICTED
    execution.latency_s = paths.get(execution.plan.sink)


def longest_paths(plan: Plan, latencies: Mapping[int, float | None]) -> dict[int, float | None]:
    """Seconds until each node that answered is done, from the seconds that each took by itself."""
    done: dict[int, float | None] = {}
    for node in sorted(latencies):  # canonical numbering is a topological order
        own = latencies[node]
        before = [done[v] for v in plan.predecessors(node)]
        known = [seconds for seconds in before if seconds is not None]
        if own is None or len(known) < len(before):
            done[node] = None
        else:
            done[node] = own + max(known, default=0.0)
    return done


def total(values: Iterable[float | None]) -> float | None:
    """The sum; ``None`` if a value is unknown or there is none."""
    known = list(values)
    return math.fsum(v for v in known if v is not None) if known and None not in known else None


def _charge(fixed: float, prompt_rate: float, output_rate: float, call: Call) -> float | None:
    """``fixed`` + tokens × rate of both sides; at rate 0 tokens cost nothing, even if nobody counted them."""
    charge = fixed
    for rate, tokens in ((prompt_rate, call.prompt_tokens), (output_rate, call.output_tokens)):
        if rate == 0:
            continue
        if math.isnan(rate) or tokens is None:
            return None
        charge += rate * tokens
    return charge
