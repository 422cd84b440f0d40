"""Trials of models: what their outputs were graded, and how far each could be relied on (LLM Chemistry)."""

from __future__ import annotations

import polars as pl

from warehouse.home import Home
from warehouse.ingestion.chunks import Chunk
from warehouse.landing import land
from warehouse.rules import ROW, as_number, as_text, judge, number_rules

TRIAL_COLUMNS: dict[str, pl.DataType] = {
    "trial": pl.String(),
    "topic": pl.String(),
    "task": pl.String(),
    "model": pl.String(),
    "quality": pl.Float64(),
    "generation_accuracy": pl.Float64(),
    "review_accuracy": pl.Float64(),
    "accuracy": pl.Float64(),
    "n": pl.Int64(),
    "run_id": pl.String(),
    "source": pl.String(),
}
"""A landed trial: one row per trial × model. Quality is 0 to 10, accuracies 0 to 1; what is not known is null."""

_SHARES = ("generation_accuracy", "review_accuracy", "accuracy")


def land_trials(home: Home, trials: pl.DataFrame, label: str) -> None:
    """Land ``trials`` (``TRIAL_COLUMNS``) for the next refresh; the same trials twice are one file."""
    land(home, "trials", trials.select(*TRIAL_COLUMNS).cast(pl.Schema(TRIAL_COLUMNS)), label)


def trials_of_history(chunk: Chunk, good: set[int], source: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The grades in the rows ``good`` of a performance history, and rejected rows (``row_number``, reason).

    Rows without a quality or an accuracy are no trials.
    """
    columns = dict(chunk.columns)
    columns.setdefault("generation_accuracy", columns.get("gen_accuracy", [None] * len(chunk.numbers)))
    for name in ("quality", "review_accuracy"):
        columns.setdefault(name, [None] * len(chunk.numbers))
    wanted = ("trial", "task", "model", "quality", *_SHARES)
    frame = Chunk({name: columns[name] for name in wanted}, chunk.numbers).frame(wanted)
    frame = frame.filter(pl.col(ROW).is_in(list(good)))
    types = frame.schema
    rules = [
        *number_rules("quality", types["quality"], 0, 10),
        *(rule for name in _SHARES for rule in number_rules(name, types[name], 0, 1)),
    ]
    kept, rejects = judge(frame, rules)
    trials = kept.select(
        as_text("trial", types["trial"]).alias("trial"),
        as_text("task", types["task"]).alias("topic"),
        pl.lit("*").alias("task"),
        as_text("model", types["model"]).alias("model"),
        *(as_number(name, types[name]).alias(name) for name in ("quality", *_SHARES)),
        pl.lit(1, pl.Int64).alias("n"),
        pl.lit(None, pl.String).alias("run_id"),
        pl.lit(source).alias("source"),
    )
    known = pl.all_horizontal(
        pl.col(name).is_not_null() for name in ("trial", "topic", "model", "quality", "accuracy")
    )
    return trials.filter(known), rejects
