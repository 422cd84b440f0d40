"""Do topics that were found add to what neighbours say? And what finding them costs.

    python -m benchmarks.found_topics router|routellm outcomes.parquet [--history 1500] [--folds 2] [--seed 0]

The product's own way, per fold: the history lands in a fresh PerfDB with the topics under trial, a refresh learns, a
session estimates the held-out questions with theirs. Topics are none (what the product does), those that
:func:`~optiq.text.topics.found.find_topics` finds in the history, and the labels of the benchmark (a bound).
Printed are quality at any price, APGR of two models, calibration and squared error, and the CPU seconds of finding
topics in the history, imports aside.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.evaluation import histories_table, sources
from benchmarks.evaluation.histories_table import Method, calibration_error, traces
from benchmarks.evaluation.learned_homes import LearnedHomes
from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import IntArray, Outcomes
from optiq.text.topics.found import find_topics

TRIED = ("none", "found", "label")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=list(sources.LABELS))
    parser.add_argument("path", type=Path)
    parser.add_argument("--history", type=int, default=1500, help="questions that are learned from")
    parser.add_argument("--folds", type=int, default=2, help="of five, that are held out in turn")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    given = parser.parse_args()
    outcomes = getattr(sources, given.data)(given.path)
    labels = sources.labels_of(given.path, sources.LABELS[given.data])
    fold_of = split(outcomes.questions, 5, given.seed)
    rows = []
    with LearnedHomes.in_scratch() as homes:
        for tried in TRIED:
            parts, seconds = [], []
            for fold in range(given.folds):
                held, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
                draw = np.random.default_rng([given.seed, fold])
                history = np.sort(draw.choice(others, min(given.history, len(others)), replace=False))
                topics, took = _topics(outcomes, tried, labels, history)
                seconds.append(took)
                parts.append((held, {tried: _expected(outcomes, homes, topics, history, held)}))
            rows.append(_row(outcomes, parts, tried, float(np.mean(seconds))))
    print(pl.DataFrame(rows))


def _topics(
    outcomes: Outcomes, tried: str, labels: Sequence[str], history: IntArray
) -> tuple[list[str], float]:
    """A topic for every question (``*``: none), and how long finding them took."""
    if tried == "none":
        return ["*"] * len(outcomes.questions), 0.0
    if tried == "label":
        return list(labels), 0.0
    texts = sorted({outcomes.questions[q].text for q in history})
    find_topics(texts[:200])  # imports
    started = time.process_time()
    model, _ = find_topics(texts)
    took = time.process_time() - started
    return [topic for topic, _ in model.assign([asked.text for asked in outcomes.questions])], took


def _expected(
    outcomes: Outcomes, homes: LearnedHomes, topics: Sequence[str], history: IntArray, held: IntArray
) -> Method:
    """What the product expects of the held-out questions where plans hear these topics."""
    n, landed = len(outcomes.plans), traces(outcomes, history)
    named = pl.Series([topics[q] for q in history for _ in range(n)], dtype=pl.String)
    landed = landed.with_columns(topic=named, topic_given=pl.lit(False))
    asked = [
        outcomes.questions[q]
        if topics[q] == "*"
        else replace(outcomes.questions[q], topics=((topics[q], 1.0),), topics_inferred=True)
        for q in held
    ]
    with homes.after(landed, [plan.models[0] for plan in outcomes.plans]) as found:
        every = replace(found, max_operations=1).estimates(asked, [outcomes.plans] * len(held))
        return Method(np.array([[estimate.qoa for estimate in row] for row in every]))


def _row(
    outcomes: Outcomes, parts: Sequence[histories_table.Part], tried: str, seconds: float
) -> dict[str, object]:
    held = np.concatenate([held for held, _ in parts])
    expected = np.concatenate([methods[tried].expected for _, methods in parts])
    observed = outcomes.qoa[held]
    picked = expected.argmax(axis=1)
    found: dict[str, object] = {
        "topics": tried,
        "quality at any price": float(outcomes.qoa[held, picked].mean()),
    }
    weights = [np.ones((1, len(rows))) for rows, _ in parts]
    if len(outcomes.plans) == 2:
        found["APGR"] = float(histories_table.mean_gap(outcomes, parts, weights, tried)[0][0])
    found["calibration error"] = calibration_error(expected.ravel(), observed.ravel())
    found["squared error"] = float(np.nanmean((expected - observed) ** 2))
    found["s to find"] = seconds
    return found


if __name__ == "__main__":
    main()
