"""Landed files that cannot be merged at all: damaged, foreign, or with columns of the wrong type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from optiq.files.parquet import write_parquet
from warehouse.connection import pattern_of
from warehouse.ingestion.prices import PRICE_COLUMNS
from warehouse.ingestion.priors import PRIOR_COLUMNS
from warehouse.ingestion.statistics import MEANS, STATISTIC_COLUMNS
from warehouse.ingestion.trials import TRIAL_COLUMNS
from warehouse.landing import LandedFile, trace_columns
from warehouse.scores import SCORE_COLUMNS

REJECT_COLUMNS = {
    "kind": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "reason": pl.String,
    "content": pl.String,
}

# Files that were landed by an older optiq do not say the task, nor figures of newer metrics.
NEEDED: dict[str, tuple[str, ...]] = {
    "traces": ("execution_id", "plan_key", "status"),
    "statistics": tuple(name for name in STATISTIC_COLUMNS if name not in ("task", *MEANS)),
}


def columns_of(kind: str) -> pl.Schema:
    """The columns that landed files of ``kind`` have, with their types."""
    if kind == "traces":
        return trace_columns()
    columns: Any = {
        "priors": PRIOR_COLUMNS,
        "prices": PRICE_COLUMNS,
        "statistics": STATISTIC_COLUMNS,
        "scores": SCORE_COLUMNS,
        "trials": TRIAL_COLUMNS,
        "rejects": REJECT_COLUMNS,
    }[kind]
    return pl.Schema(columns.items())


def schema_fault(file: LandedFile) -> str | None:
    """Why the file cannot be merged, judged by its name and its schema; None if it can."""
    if file.kind == "unknown":
        return "its name begins with no known kind: bring files in with `optiq ingest`"
    try:
        with file.place.open("rb") as handle:
            found = pl.read_parquet_schema(handle)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as fault:
        return f"not a valid Parquet file: {str(fault).splitlines()[0]}"
    wanted = columns_of(file.kind)
    for name in NEEDED.get(file.kind, tuple(wanted)):
        if name not in found:
            return f"it has no column {name}"
    for name, dtype in wanted.items():
        if name in found and not _fits(found[name], dtype):
            return f"its column {name} is {found[name]}, not {dtype}"
    return None


def _fits(found: Any, wanted: Any) -> bool:
    """Whether values of type ``found`` can stand in a column of type ``wanted``."""
    if found == pl.Null:
        return True
    if isinstance(wanted, pl.List):
        return isinstance(found, pl.List) and _fits(found.inner, wanted.inner)
    if isinstance(wanted, pl.Struct):
        types = {field.name: field.dtype for field in wanted.fields}
        return isinstance(found, pl.Struct) and all(
            _fits(field.dtype, types[field.name]) for field in found.fields if field.name in types
        )
    if wanted.is_temporal():
        # a time of day is no moment, and neither is a duration
        moments = pl.Date | pl.Datetime
        return isinstance(found, moments if isinstance(wanted, moments) else type(wanted))
    if wanted.is_numeric():
        return bool(found.is_numeric())
    return bool(found == wanted)


def every_column(kind: str, folder: Path) -> Path:
    """Write a file without rows that has every column of ``kind``: read first, it makes what others leave out NULL."""
    path = folder / f"every_column_of_{kind}.parquet"
    write_parquet(pl.DataFrame(schema=columns_of(kind)), path)
    return path


def content_fault(connection: duckdb.DuckDBPyConnection, file: LandedFile, work: Path) -> str | None:
    """Why a file whose schema is sound cannot be read through as a merge reads it; None if it can.

    ``work`` is a folder for a helper file.
    """
    try:
        connection.execute(
            "select bit_xor(hash(t)) from read_parquet("
            "$paths, union_by_name = true, filename = true, file_row_number = true) as t",
            {"paths": [pattern_of(every_column(file.kind, work)), pattern_of(file.place)]},
        ).fetchall()
    except duckdb.Error as fault:
        told = str(fault).splitlines()[0]
        for told_of in (f'Failed to read file "{file.place}": ', f' while reading file "{file.place}"'):
            told = told.replace(told_of, "")  # it is not there for long
        return f"it cannot be read: {told}"
    return None
