"""Regret of exploring while questions are answered, from an empty history: recorded outcomes, replayed.

    python -m benchmarks.exploration ../shared/data/router/outcomes.parquet ../shared/data/routellm/outcomes.parquet

2,000 questions a seed, statistics learned anew after each 100; models are known by their names only. Policies: never
exploring, exploring 5 % by Thompson sampling (`answer --explore`), ε-greedy with 5 %, and a calibration first (all
models on the first 50 questions, the rest without exploring). Regret is against the best model of all 2,000 questions;
the price of a calibration, which asks all models, is counted as calls beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import polars as pl

from optiq.estimation.estimator import make_estimator
from optiq.estimation.guesses import guessed_rows
from optiq.planning import Planning
from optiq.planning.exploration import explore
from optiq.plans.plan import Plan
from optiq.questions.question import Question, Weights
from optiq.servers.protocol import ServedModel
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

BATCH, QUESTIONS, CALIBRATED = 100, 2000, 50
STRENGTH = 5.0

Outcome = np.ndarray


def outcomes(path: str) -> tuple[list[str], Outcome]:
    """Models, and (questions, models) what each scored."""
    frame = pl.read_parquet(path)
    if {"model", "score"} <= set(frame.columns):
        wide = frame.pivot(on="model", index="question_id", values="score", aggregate_function="mean")
        frame = wide.drop("question_id")
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    scores = frame.select(numeric).drop_nulls()
    return numeric, scores.to_numpy().astype(np.float64)


def planning_on(models: list[str], totals: np.ndarray, squares: np.ndarray, counts: np.ndarray) -> Planning:
    """What a refresh would publish of what was seen, drawn to guesses by the models' names."""
    served = [ServedModel(name) for name in models]
    empty = Statistics.build("empty", [], [])
    guesses = empty.with_guesses(guessed_rows(empty, served, on_this_machine=False))
    figures, records = [], []
    starts = np.array([guesses.figures(name, "*", "open").qoa for name in models])
    strength = strength_of(starts, totals, squares, counts)
    for j, name in enumerate(models):
        start, n = guesses.figures(name, "*", "open").qoa, float(counts[j])
        mean = totals[j] / n if n else np.nan
        told = guesses.source(name, "*", "open", ["qoa"])
        value = (strength * start + n * mean) / (strength + n) if n else start
        provenance = f"observed n={int(n)}, prior worth 5: {told}" if n else f"prior: {told}"
        figures.append(
            ModelFigures(model=name, task="open", qoa=value, n_observations=int(n), provenance=provenance)
        )
        if n:
            records.append(
                Record(
                    plan=Plan.of([name]), topic="*", task="open", n_observations=int(n), n_questions=int(n), qoa=mean,
                    var_qoa=squares[j] / n - mean**2,
                )
            )  # fmt: skip
    known = Statistics.build("seen", figures, records)
    return Planning(
        make_estimator("shrunk", known), tuple(models), None, max_operations=1, weights=Weights(0, 0, 0, 1)
    )


def strength_of(starts: np.ndarray, totals: np.ndarray, squares: np.ndarray, counts: np.ndarray) -> float:
    """What a start weighs, as a refresh finds it (`sql/statistics/50_prior_strengths.sql`)."""
    seen = counts > 1
    if seen.sum() < 3:
        return STRENGTH
    n, means = counts[seen], totals[seen] / counts[seen]
    within = (squares[seen] - n * means**2).sum() / (n.sum() - seen.sum())
    between = ((n * (means - starts[seen]) ** 2).sum() - seen.sum() * within) / n.sum()
    return 100.0 if between <= 0 else float(np.clip(within / between, 2, 100))


def never(planning: Planning, asked: list[Question], seed: int) -> list[str]:
    """As planned."""
    return [str(item.choice.chosen.plan.models[0]) for item in planning.plan_all(asked) if item.choice.chosen]


def thompson(planning: Planning, asked: list[Question], seed: int) -> list[str]:
    """`answer --explore 5%`."""
    found, _ = explore(planning, planning.plan_all(asked), 0.05, seed)
    return [str(item.choice.chosen.plan.models[0]) for item in found if item.choice.chosen]


def epsilon_greedy(planning: Planning, asked: list[Question], seed: int) -> list[str]:
    """One of twenty questions goes to any model."""
    draw = np.random.default_rng(seed)
    planned = never(planning, asked, seed)
    return [str(draw.choice(list(planning.pool))) if draw.random() < 0.05 else name for name in planned]


POLICIES: dict[str, Callable[[Planning, list[Question], int], list[str]]] = {
    "never exploring": never,
    "explore 5 % (Thompson)": thompson,
    "ε-greedy 5 %": epsilon_greedy,
    "calibration first": never,
}


def regret(models: list[str], scores: Outcome, policy: str, seed: int) -> tuple[float, int]:
    """Cumulative regret over the questions in a random order, and calls beyond one a question."""
    draw = np.random.default_rng(seed)
    rows = scores[draw.permutation(len(scores))[:QUESTIONS]]
    best = rows.mean(axis=0).max()
    totals, squares, counts = np.zeros((3, len(models)))
    lost, extra = 0.0, 0
    if policy == "calibration first":
        some = rows[:CALIBRATED]
        totals, squares = some.sum(axis=0), (some**2).sum(axis=0)
        counts = np.full(len(models), float(len(some)))
        extra = len(some) * (len(models) - 1)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        asked = [Question(f"{start}-{i}", "What is asked?") for i in range(len(batch))]
        planning = planning_on(models, totals, squares, counts)
        chosen = POLICIES[policy](planning, asked, seed * 1000 + start)
        for row, name in zip(batch, chosen, strict=True):
            j = models.index(name)
            lost += best - row[j]
            totals[j] += row[j]
            squares[j] += row[j] ** 2
            counts[j] += 1
    return lost, extra


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    for path in given.files:
        models, scores = outcomes(path)
        print(f"{path}: {len(scores)} questions, {len(models)} models")
        base = None
        for policy in POLICIES:
            found = [regret(models, scores, policy, seed) for seed in range(given.seeds)]
            mean = float(np.mean([lost for lost, _ in found]))
            base = mean if base is None else base
            print(
                f"  {policy:24} regret {mean:7.1f}  {mean / base:5.2f} of never  {found[0][1]} calls beside"
            )


if __name__ == "__main__":
    main()
