"""The rows that a run has recorded: what an answers file has of them, and what the run itself keeps beside it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors

from optiq.errors import OptiqWarning
from optiq.files.atomic import replacing
from optiq.files.parquet import write_parquet
from optiq.questions.answer_file import ANSWER_SCHEMA
from warehouse.home import Home

BOOKKEEPING: dict[str, pl.DataType] = {
    "row_number": pl.Int64(),
    "round": pl.Int64(),
    "attempts": pl.Int64(),
    "calls": pl.Int64(),
    "cached_calls": pl.Int64(),
    "unpriced_calls": pl.Int64(),
    "explored": pl.Int64(),
    "spent_usd": pl.Float64(),
    "spent_j": pl.Float64(),
    "lost_usd": pl.Float64(),
    "lost_j": pl.Float64(),
    "judge_calls": pl.Int64(),
    "judge_usd": pl.Float64(),
}
"""Columns that a row of a chunk has besides those of an answers file. ``round`` counts `--retry-errors`; calls and
spending have those of a judge among them, which stand apart, too."""

USAGE: dict[str, pl.DataType] = {
    "prompt_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "finish_reason": pl.String(),
}
"""What a client of a model server is told: tokens of all calls, and why the last one ended. Null: nobody said."""

ROW_SCHEMA: dict[str, pl.DataType] = {**ANSWER_SCHEMA, **BOOKKEEPING, **USAGE}


def rows_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as :func:`tasks.answers.answer_rows` makes them, as a frame of ``ROW_SCHEMA``."""
    columns = {column: [row.get(column) for row in rows] for column in ROW_SCHEMA}
    return pl.DataFrame(columns, schema=ROW_SCHEMA, strict=True)


def write_frame(home: Home, path: Path, frame: pl.DataFrame) -> None:
    """A Parquet file of a run: whole or not at all, and where other machines find it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        write_parquet(frame, temporary)
    home.share(path)


def read_rows(file: Path, names: Sequence[str] | None = None) -> pl.DataFrame | None:
    """The rows of a chunk, of the columns ``names`` those that it has; None, with a warning, if the file is damaged.

    Its questions then count as not done, and are asked again; what they cost is in the ledger.
    """
    try:
        if names is None:
            return pl.read_parquet(file, glob=False)
        return (
            pl.scan_parquet(file, glob=False).select(selectors.by_name(*names, require_all=False)).collect()
        )
    except (pl.exceptions.PolarsError, OSError) as fault:
        said = " ".join(str(fault).split())[:120]
        warnings.warn(f"{file} is damaged and passed over: {said}", OptiqWarning, stacklevel=2)
        return None
