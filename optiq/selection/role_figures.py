"""What a selection learned of models in single roles, so that planning can choose among them request by request.

A role's topic is the subject's own and the role's name (``agent/my_agent:Agent/planner``). There each candidate is a
plan of one call: its cost, latency and output are those of one call that it made in this role, over all combinations;
its quality is the accuracy of the whole with it in this role and the chosen models in the others, as far as that was
run. So a figure says what changing this one model does, not how good its own text is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from optiq.plans.plan import Plan
from optiq.selection.evidence import Evidence, RoleCalls
from optiq.selection.results import SelectionResult
from optiq.selection.subjects import Subject, role_topic

SCHEMA = {
    "topic": pl.String,
    "plan": pl.String,
    "n_observations": pl.Int64,
    "cost_usd": pl.Float64,
    "latency_s": pl.Float64,
    "qoa": pl.Float64,
    "output_tokens": pl.Float64,
}
"""Columns of a statistics file, but for its source and day."""


def role_figures(result: SelectionResult, subject: Subject) -> pl.DataFrame:
    """One row per role and model that was run in it (``SCHEMA``); figures that are not known are null.

    Empty if nothing was chosen, or if the subject is a plan: its runs are executions like any other.
    """
    space, evidence = result.problem.space, result.evidence
    rows = []
    if result.ranking.order and subject.topic is not None:
        chosen = space.codes[result.ranking.order[0]]
        for number, role in enumerate(space.roles):
            for code, model in enumerate(space.candidates[number]):
                using = np.flatnonzero((space.codes[:, number] == code) & (evidence.counts > 0))
                with_chosen = chosen.copy()
                with_chosen[number] = code
                [place] = np.flatnonzero((space.codes == with_chosen).all(axis=1))
                # Runs that were lost for reasons of others stand at the mean of the rest; they were not seen.
                seen = int((evidence.done[place] & ~evidence.lost[place]).sum())
                figures = _of_calls(evidence, using, number)
                if figures["latency_s"] is None and figures["cost_usd"] is None and not seen:
                    continue
                qoa = float(evidence.accuracy[place]) if seen else None
                plan = Plan.of([model]).to_json()
                told = {"topic": role_topic(subject, role), "plan": plan, "n_observations": max(seen, 1)}
                rows.append({**told, "qoa": qoa, **figures})
    return pl.DataFrame(rows, schema=SCHEMA)


def _of_calls(evidence: Evidence, combinations: np.ndarray, role: int) -> dict[str, float | None]:
    """Means of one call of a role, over the runs of ``combinations`` that made one."""
    made: list[tuple[RoleCalls, float]] = []
    for place in combinations.tolist():
        for example in np.flatnonzero(evidence.done[place]).tolist():
            calls = evidence.role_calls.get((place, example))
            if calls is not None and calls[role].calls:
                made.append((calls[role], float(evidence.role_cost_usd[place, example, role])))
    return {
        "cost_usd": _mean((None if np.isnan(cost) else cost, calls.calls) for calls, cost in made),
        "latency_s": _mean((calls.latency_s, calls.calls) for calls, _ in made),
        "output_tokens": _mean((calls.output_tokens, calls.calls) for calls, _ in made),
    }


def _mean(totals: Iterable[tuple[float | None, int]]) -> float | None:
    """Mean per call of what is known."""
    known = [(total, calls) for total, calls in totals if total is not None]
    calls = sum(number for _, number in known)
    return sum(total for total, _ in known) / calls if calls else None
