"""Answers files: one row per row of the question file, in its order, always."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from optiq.files.tables import write_table
from optiq.questions.metric import METRIC_NAMES

STATUSES = ("answered", "infeasible", "failed", "invalid")

ANSWER_SCHEMA: dict[str, pl.DataType] = {
    "question_id": pl.String(),
    "status": pl.String(),
    "answer": pl.String(),
    "plan": pl.String(),
    "plan_key": pl.String(),
    "topics": pl.List(pl.Struct({"topic": pl.String(), "weight": pl.Float64()})),
    **{f"predicted_{name}": pl.Float64() for name in METRIC_NAMES},
    **{f"observed_{name}": pl.Float64() for name in METRIC_NAMES},
    "confidence": pl.Float64(),
    "confidence_low": pl.Float64(),
    "confidence_high": pl.Float64(),
    "ask_person": pl.Boolean(),
    "snapshot_id": pl.String(),
    "run_id": pl.String(),
    "error": pl.String(),
}


def answers_frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """``rows`` as a frame with exactly the columns of ``ANSWER_SCHEMA``, in the order given.

    What a row leaves out is null, and so is NaN. ``topics`` are (topic, weight) pairs, as a question holds
    them, or records. Raises ``ValueError`` for an unknown column or status: that is a bug, not bad input.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ANSWER_SCHEMA}
    for row in rows:
        if row.get("status") not in STATUSES or not columns.keys() >= row.keys():
            raise ValueError(f"not a row of an answers file: {dict(row)!r}")
        for name, values in columns.items():
            values.append(_topics(row.get(name)) if name == "topics" else row.get(name))
    return pl.DataFrame(columns, schema=ANSWER_SCHEMA, strict=True).with_columns(cs.float().fill_nan(None))


def write_answers(frame: pl.DataFrame, path: str | Path) -> None:
    """Write answers by suffix, atomically; in CSV the topics are JSON."""
    write_table(frame.select(pl.col(name).cast(dtype) for name, dtype in ANSWER_SCHEMA.items()), path)


def _topics(value: Any) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    return [
        dict(item) if isinstance(item, Mapping) else {"topic": item[0], "weight": item[1]} for item in value
    ]
