"""What the authors' own optimizer chose on the same recordings, and what it could have chosen in hindsight.

The published curves of section 6 agree with the hindsight row: of the plans that were run within a budget, the one
that turned out best. The predicted-best row is what the optimizer itself would have given as the answer.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from optiq.evaluation.replay import frame_schema
from optiq.plans.plan import Plan
from optiq.questions.question import Budget
from optiq.statistics.snapshot import Statistics

PREDICTED_BEST = "authors' predicted best"
HINDSIGHT = "authors' best run"
EVERY = "every plan that the authors ran"

COMPLETE = range(1, 4)
"""Budgets whose runs were released whole; of b = 4 and 5 only those that broke a limit."""

_KINDS = {"SimpleQA": "open", "MMLU-Pro": "choice"}


def picks(folder: Path, budget: Budget, b: int) -> pl.DataFrame:
    """Rows as a replay makes them, by question and way of choosing; none where runs are missing."""
    empty = pl.DataFrame(schema=frame_schema())
    records = folder / "records.parquet"
    if b not in COMPLETE or not records.is_file():
        return empty
    ran = pl.read_parquet(records).filter(pl.col("algorithm") == "nsga2", pl.col("budget_b") == b)
    executions = pl.read_parquet(folder / "executions.parquet")
    columns = ["execution_id", "topic", "benchmark", "models", "edges", "realized_qoa"]
    columns += ["realized_cost", "realized_latency", "realized_energy"]
    table = ran.select(
        "execution_id",
        "question_id",
        "predicted_cost",
        "predicted_latency",
        "predicted_energy",
        "predicted_qoa",
    ).join(executions.select(columns), on="execution_id")
    ranked = {
        PREDICTED_BEST: table.sort(
            "predicted_qoa", "predicted_cost", "execution_id", descending=[True, False, False]
        ).unique("question_id", keep="first", maintain_order=True),
        HINDSIGHT: table.sort(
            "realized_qoa", "realized_cost", "execution_id", descending=[True, False, False]
        ).unique("question_id", keep="first", maintain_order=True),
        EVERY: table,
    }
    frames = [_rows(name, chosen, budget) for name, chosen in ranked.items()]
    return pl.concat([empty, *frames])


def priors(folder: Path) -> Statistics:
    """The authors' published figures of single models (level 0 of their PerfDB), and nothing observed."""
    from benchmarks.planners.catalogs import load

    return load(folder / "levels.parquet", level_file=0)[0]


def _rows(name: str, chosen: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    chosen = chosen.sort("question_id", "execution_id")
    within = (pl.col("realized_cost") <= budget.max_cost_usd) if budget.max_cost_usd else pl.lit(True)
    if budget.max_latency_s:
        within &= pl.col("realized_latency") <= budget.max_latency_s
    keys = [_key(models, edges) for models, edges in chosen.select("models", "edges").iter_rows()]
    metrics = {"cost_usd": "cost", "latency_s": "latency", "energy_j": "energy", "qoa": "qoa"}
    return chosen.select(
        policy=pl.lit(name),
        hindsight=pl.lit(name == HINDSIGHT),
        repeat=pl.lit(0, pl.Int64()),
        fold=pl.lit(0, pl.Int64()),
        question_id=pl.col("question_id"),
        topic=pl.col("topic"),
        kind=pl.col("benchmark").replace_strict(_KINDS),
        status=pl.lit("answered"),
        plan_key=pl.Series(keys, dtype=pl.String()),
        called=pl.lit(1, pl.Int64()),
        within_budget=within,
        **{f"predicted_{ours}": pl.col(f"predicted_{theirs}") for ours, theirs in metrics.items()},
        **{f"observed_{ours}": pl.col(f"realized_{theirs}") for ours, theirs in metrics.items()},
    )


def _key(models: str, edges: str) -> str:
    return Plan.of(json.loads(models), json.loads(edges)).key
