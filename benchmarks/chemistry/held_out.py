"""Do recommended ensembles answer better than simple choices? Soft voting on trials that were held out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from optiq.chemistry.baselines import at_random, best_by_accuracy
from optiq.chemistry.certainty import trials_of, with_certainty
from optiq.chemistry.recommend import recommend

DRAWS = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """Effectiveness of one way to choose, (low, mean, high) over draws of held-out runs.

    ``ahead`` is its lead over the best models by accuracy, drawn in pairs.
    """

    strategy: str
    size: int
    effectiveness: tuple[float, float, float]
    ahead: tuple[float, float, float]


def compare(rows: pl.DataFrame, sizes: tuple[int, ...], folds: int, seed: int) -> Iterator[Outcome]:
    """Chemistry, best-k and random ensembles on held-out runs.

    Profiles, chemistry and past configurations come from the other folds (by run). On held-out runs, a member
    answers a record as in one of its own held-out rows of that record, drawn at random; the ensemble is right if
    the mean accuracy of its members is above one half (the paper's soft vote). Every strategy meets the same
    draws. Intervals: runs drawn again.
    """
    runs = rows["run"].unique().sort().to_list()
    fold_of = dict(
        zip(runs, np.random.default_rng(seed).permutation(np.arange(len(runs)) % folds), strict=True)
    )
    rows = rows.with_columns(fold=pl.col("run").replace_strict(fold_of, return_dtype=pl.Int64))
    for size in sizes:
        scores: dict[str, list[np.ndarray]] = {"chemistry": [], "best by accuracy": [], "random": []}
        for fold in range(folds):
            known, held_out = rows.filter(pl.col("fold") != fold), rows.filter(pl.col("fold") == fold)
            trials = trials_of(list(known.select("trial", "model", "quality", "accuracy").iter_rows()))
            profiles, chemistry = trials.profiles(), with_certainty(trials, draws=1).chemistry
            past = known.group_by("trial").agg(pl.col("model").unique())["model"].to_list()
            chosen = {
                "chemistry": [recommend(profiles, chemistry, past, size=size).models],
                "best by accuracy": [best_by_accuracy(profiles, size)],
                "random": [at_random(profiles, size, seed + i) for i in range(20)],
            }
            for name, ensembles in chosen.items():
                for ensemble in ensembles:
                    scores[name].append(_soft_votes(held_out, ensemble, seed + fold))
        by_draw = {name: np.array(found).mean(0) for name, found in scores.items()}
        for name, values in by_draw.items():
            yield Outcome(name, size, _interval(values), _interval(values - by_draw["best by accuracy"]))


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(values.mean()), float(high)


def _soft_votes(rows: pl.DataFrame, ensemble: tuple[str, ...], seed: int) -> np.ndarray:
    """Share of records that the ensemble gets right, by draw of runs (DRAWS,)."""
    by_record = rows.partition_by("record", maintain_order=True)
    draw = np.random.default_rng(seed)
    right = []
    for record in by_record:
        votes = []
        for model in ensemble:
            accuracies = record.filter(pl.col("model") == model)["accuracy"].to_numpy()
            places = draw.random(DRAWS)
            if len(accuracies):
                votes.append(accuracies[(places * len(accuracies)).astype(int)])
        if votes:
            right.append(np.mean(votes, axis=0) > 0.5)
    return np.mean(right, axis=0)
