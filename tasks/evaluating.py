"""Tasks of an evaluation: read recorded executions, replay policies on them, report."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from optiq.question import Budget
from tasks.orchestration import inside_flow_run


@task(cache_policy=NO_CACHE, persist_result=False)
def read_outcomes(traces: list[str], run_id: str | None, embedding: bool) -> Any:
    """The judged executions of the files as outcomes, with the features of their questions."""
    from optiq.evaluation.features import with_features
    from optiq.evaluation.outcomes import Outcomes
    from warehouse.recorded import read_recorded

    frame, refused = read_recorded(traces, run_id)
    return with_features(Outcomes.from_traces(frame), embedding), refused


@task(cache_policy=NO_CACHE, persist_result=False)
def replay_policies(
    outcomes: Any,
    policies: list[str] | None,
    budget: Budget,
    confidence: float | None,
    folds: int,
    repeats: int,
    seed: int,
) -> Any:
    """One row per policy, repeat and question."""
    from optiq.evaluation.policies import default_policies, make_policies
    from optiq.evaluation.replay import Setting, replay
    from warehouse.published import published_qualities

    specs = list(dict.fromkeys(["best-single", *(policies or default_policies(outcomes))]))
    setting = Setting(budget, confidence, seed, published_qualities())
    return replay(outcomes, make_policies(specs), setting, folds, repeats)


@task(cache_policy=NO_CACHE, persist_result=False)
def sum_up_evaluation(
    outcomes: Any, refused: int, frame: Any, output: str | None, seed: int
) -> dict[str, Any]:
    """The lines of the report; written to ``output`` and kept as artifacts of a flow run."""
    from optiq.evaluation.summary import summarise
    from optiq.tables import write_table

    lines = [_line(asdict(line)) for line in summarise(frame, seed=seed)]
    summary = {
        "questions": len(outcomes.questions),
        "plans": len(outcomes.plans),
        "executions": int(outcomes.counts.sum()),
        "refused": refused,
        "lines": lines,
    }
    if output is not None:
        write_table(frame, output)
        summary["output"] = output
    if inside_flow_run():
        from prefect.artifacts import create_table_artifact

        create_table_artifact(
            key="policy-evaluation",
            table=lines,
            description="What policies would have cost and yielded. The oracle saw the outcomes: it is a bound.",
        )
    return summary


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """A flat line; unknown figures are None. Intervals become three columns each."""
    flat: dict[str, Any] = {}
    for name, value in line.items():
        if name in ("qoa", "versus"):
            mean, low, high = value
            stem = "qoa" if name == "qoa" else "qoa_above_best_single"
            flat |= {stem: mean, f"{stem}_low": low, f"{stem}_high": high}
        else:
            flat[name] = value
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in flat.items()}
