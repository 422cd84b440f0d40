"""How good models are by their agreement alone, against the truth: recorded multiple choices, and chemistry histories.

    python -m benchmarks.consensus ../shared/data/recorded ../shared/data/chemistry/runs.csv

Rank correlation of consensus accuracy with true accuracy (to reach: 0.8), and how often the best model is found from a
resample of the questions without labels, against 20 labels a model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from optiq.calibration.agreement import agreement

LABELS, RESAMPLES = 20, 40


def ranked(found: np.ndarray, truth: np.ndarray) -> float:
    """Spearman's rank correlation."""
    one, other = (pl.Series(values).rank().to_numpy() for values in (found, truth))
    return float(np.corrcoef(one, other)[0, 1])


def recorded(folder: Path) -> None:
    """Lone calls of the five models on multiple choices, per family of prompts."""
    executions = pl.read_parquet(folder / "executions.parquet")
    options = dict(
        pl.read_parquet(folder / "questions.parquet").select("question_id", "n_options").iter_rows()
    )
    told = executions.filter(
        pl.col("benchmark").str.contains("MMLU")
        & pl.col("final_letter").is_not_null()
        & pl.col("correct").is_not_null()
    ).with_columns(k=pl.col("models").map_elements(lambda text: len(json.loads(text)), return_dtype=pl.Int64))
    for family in ("nsga", "dp"):
        alone = told.filter((pl.col("k") == 1) & (pl.col("prompt_family") == family))
        alone = alone.unique(["question_id", "models"], keep="first", maintain_order=True)
        said: dict[str, dict[str, str]] = {}
        right: dict[str, dict[str, float]] = {}
        for row in alone.iter_rows(named=True):
            said.setdefault(row["question_id"], {})[row["models"]] = row["final_letter"]
            right.setdefault(row["question_id"], {})[row["models"]] = float(row["correct"])
        names = sorted(said)
        found = agreement([said[name] for name in names], [options.get(name) or 10 for name in names])
        truth = np.array([np.mean([row[m] for row in right.values() if m in row]) for m in found.models])
        bests, labelled = _bests(said, right, options, found.models, truth)
        print(
            f"recorded {family}: {len(names)} questions, {len(found.models)} models, rank correlation "
            f"{ranked(found.accuracy, truth):.2f}; best model (within 0.03) found {bests:.0%} without labels, "
            f"{labelled:.0%} with {LABELS} labels a model"
        )


def _bests(
    said: dict[str, dict[str, str]],
    right: dict[str, dict[str, float]],
    options: dict[str, int | None],
    models: tuple[str, ...],
    truth: np.ndarray,
) -> tuple[float, float]:
    """Shares of resamples in which the model that looks best is within 0.03 of the best."""
    draw, names = np.random.default_rng(0), sorted(said)
    fine = truth >= truth.max() - 0.03
    hits = [0, 0]
    for _ in range(RESAMPLES):
        some = [names[i] for i in draw.integers(0, len(names), len(names))]
        found = agreement([said[name] for name in some], [options.get(name) or 10 for name in some], draws=0)
        hits[0] += bool(fine[int(np.nanargmax(found.accuracy))])
        means = [np.mean(draw.choice([row[m] for row in right.values() if m in row], LABELS)) for m in models]
        hits[1] += bool(fine[int(np.argmax(means))])
    return hits[0] / RESAMPLES, hits[1] / RESAMPLES


def chemistry(path: Path) -> None:
    """Statements that were classed by up to twelve models, graded by each other."""
    table = pl.read_csv(path, infer_schema_length=None, truncate_ragged_lines=True, ignore_errors=True)
    table = table.with_columns(
        label=pl.col("result").str.extract(r"labeled as '?\"?([a-z\- ]+)", 1).str.strip_chars(),
        statement=pl.col("result").str.extract(r"^(.*?) is labeled", 1),
    ).drop_nulls(["label", "statement"])
    truth = dict(table.group_by("model").agg(pl.col("generation_accuracy").mean()).iter_rows())
    grades = dict(table.group_by("model").agg(pl.col("quality").mean()).iter_rows())
    said: dict[str, dict[str, str]] = {}
    usual = table.group_by("statement", "model").agg(pl.col("label").mode().sort().first())
    for statement, model, label in usual.iter_rows():
        said.setdefault(statement, {})[model] = label
    found = agreement([said[name] for name in sorted(said)], [6] * len(said))
    known = np.array([truth[model] for model in found.models])
    graded = np.array([grades[model] for model in found.models])
    print(
        f"chemistry: {len(said)} statements, {len(found.models)} models, rank correlation with accuracy: agreement "
        f"{ranked(found.accuracy, known):.2f}, mean consensus grade of reviews {ranked(graded, known):.2f}"
    )


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recorded", type=Path)
    parser.add_argument("chemistry", type=Path)
    given = parser.parse_args()
    recorded(given.recorded)
    chemistry(given.chemistry)


if __name__ == "__main__":
    main()
