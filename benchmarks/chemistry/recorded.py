"""Does planning over a recommended pool lose quality against the full pool? Replayed on recorded executions.

Only what was recorded can be chosen: for a held-out question, the plans that ran on it. The plan is chosen by the
mean QoA of its runs on the other folds' questions of the same benchmark, drawn to the mean of its last model; what
it really yielded on the question is what counts. So savings are those of choosing, not of the search.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from optiq.chemistry.pool import topic_trials
from optiq.planning import plan_frontier
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures, Statistics

FOLDS = 5
RANDOM_POOLS = 10
STRENGTH = 5.0
DRAWS = 1000
_RAN_AS = {"blend": "gemma3:27b"}
"""What every blend node of the recordings really ran on."""


@dataclass(frozen=True, slots=True)
class Result:
    """One pool: QoA and its difference from the full pool as (low, mean, high), mean USD and predicted USD."""

    strategy: str
    size: int
    qoa: tuple[float, float, float]
    behind: tuple[float, float, float]
    cost_usd: float
    predicted_usd: float


def read_recorded(folder: Path) -> pl.DataFrame:
    """Executions of one prompt family: question, benchmark, plan, its models and last model, QoA and cost."""
    rows = pl.read_parquet(folder / "executions.parquet").filter(
        (pl.col("prompt_family") == "nsga") & pl.col("realized_qoa").is_not_null()
    )
    models = [[_RAN_AS.get(name, name) for name in json.loads(text)] for text in rows["models"]]
    return rows.select(
        "question_id",
        "benchmark",
        plan=pl.concat_str("edges", "models", separator=" "),
        single=pl.col("shape") == "single",
        qoa="realized_qoa",
        cost="realized_cost",
    ).with_columns(
        members=pl.Series([sorted(set(names)) for names in models]), last=pl.Series([n[-1] for n in models])
    )


def compare_pools(rows: pl.DataFrame, sizes: tuple[int, ...], seed: int) -> Iterator[Result]:
    """Full, recommended, best-k and random pools on the same held-out questions; intervals over questions."""
    questions = rows["question_id"].unique().sort().to_list()
    order = np.random.default_rng(seed).permutation(len(questions))
    fold_of = {questions[i]: int(place % FOLDS) for place, i in enumerate(order)}
    rows = rows.with_columns(fold=pl.col("question_id").replace_strict(fold_of, return_dtype=pl.Int64))
    models = sorted({name for names in rows["members"] for name in names})
    found: dict[tuple[str, int], list[np.ndarray]] = {}
    for fold in range(FOLDS):
        known, held_out = rows.filter(pl.col("fold") != fold), rows.filter(pl.col("fold") == fold)
        judged = _predicted(known, held_out)
        singles = known.filter("single").group_by("question_id", "last").agg(pl.col("qoa").mean().clip(0, 1))
        trials = [(q, m, 10 * a, a, "traces") for q, m, a in singles.sort("question_id", "last").iter_rows()]
        pool = topic_trials(trials).chemistry(used_from=0.0, seed=seed)
        asked = sorted(held_out["question_id"].unique())
        found.setdefault(("full", len(models)), []).append(_picked(judged, models, asked))
        for size in sizes:
            for strategy in ("chemistry", "best"):
                chosen = pool.choose(strategy, size).models
                found.setdefault((strategy, size), []).append(_picked(judged, chosen, asked))
            many = [
                _picked(judged, pool.choose("random", size, seed=seed + i).models, asked)
                for i in range(RANDOM_POOLS)
            ]
            found.setdefault(("random", size), []).append(np.mean(many, axis=0))
    tables = {key: np.vstack(parts) for key, parts in found.items()}
    full = tables["full", len(models)]
    again = np.random.default_rng(seed).integers(len(full), size=(DRAWS, len(full)))
    for (strategy, size), table in tables.items():
        yield Result(
            strategy,
            size,
            _interval(table[:, 0][again].mean(1)),
            _interval((table[:, 0] - full[:, 0])[again].mean(1)),
            float(table[:, 1].mean()),
            float(table[:, 2].mean()),
        )


def planning_seconds(n_models: int, operations: int) -> float:
    """CPU seconds of one exact frontier over a pool of ``n_models``, the best of three."""
    names = [f"m{i}" for i in range(n_models)]
    figures = [
        ModelFigures(
            model=name,
            topic=ANY_TOPIC,
            task="open",
            usd_per_prompt_token=1e-7 * (i + 1),
            usd_per_output_token=2e-7 * (i + 1),
            seconds_per_prompt_token=1e-4,
            seconds_per_output_token=0.01 * (i + 1),
            joules_per_prompt_token=0.01,
            joules_per_output_token=0.1 * (i + 1),
            output_tokens=20.0,
            qoa=0.4 + 0.05 * i,
        )
        for i, name in enumerate(names)
    ]
    statistics = Statistics.build("benchmark", figures, [])
    times = []
    for _ in range(3):
        started = time.process_time()
        _frontier(statistics, names, operations)
        times.append(time.process_time() - started)
    return min(times)


def _frontier(statistics: Statistics, names: list[str], operations: int) -> None:
    from optiq.prompts.prompt_builder import prompt_shape
    from optiq.questions.question import Kind, Question

    shape = prompt_shape(Question("q", "What is the capital of Norway?"))
    plan_frontier(statistics, ((ANY_TOPIC, 1.0),), Kind.OPEN, shape, names, names[-1], operations)


def _predicted(known: pl.DataFrame, held_out: pl.DataFrame) -> pl.DataFrame:
    """The held-out runs, one per question and plan, with the QoA and cost that the other folds expect of the plan."""
    of_plan = known.group_by("benchmark", "plan").agg(
        pl.col("qoa").sum().alias("total"), pl.len().alias("n"), pl.col("cost").mean().alias("known_cost")
    )
    of_last = known.group_by("benchmark", "last").agg(
        pl.col("qoa").mean().alias("prior"), pl.col("cost").mean().alias("prior_cost")
    )
    runs = held_out.group_by("question_id", "benchmark", "plan", "members", "last").agg(
        pl.col("qoa").mean(), pl.col("cost").mean()
    )
    joined = runs.join(of_plan, on=["benchmark", "plan"], how="left").join(
        of_last, on=["benchmark", "last"], how="left"
    )
    return joined.with_columns(
        expected=(pl.col("total").fill_null(0) + STRENGTH * pl.col("prior").fill_null(0))
        / (pl.col("n").fill_null(0) + STRENGTH),
        expected_cost=pl.coalesce("known_cost", "prior_cost", "cost"),
    ).sort("question_id", "expected", "expected_cost", "plan", descending=[False, True, False, False])


def _picked(judged: pl.DataFrame, pool: tuple[str, ...] | list[str], questions: list[str]) -> np.ndarray:
    """QoA, cost and predicted cost per question of the plan chosen from the pool; QoA 0 where none ran."""
    inside = judged.filter(pl.col("members").list.eval(~pl.element().is_in(list(pool))).list.any().not_())
    first = inside.group_by("question_id", maintain_order=True).first()
    at = {row[0]: row[1:] for row in first.select("question_id", "qoa", "cost", "expected_cost").iter_rows()}
    return np.array([at.get(question, (0.0, 0.0, 0.0)) for question in questions], dtype=np.float64)


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(values.mean()), float(high)
