"""Parquet as people see it: text for what databases write and Polars or Python has no values of."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from optiq.files.days import with_texts


def read_parquet(path: Path) -> pl.DataFrame:
    """The table in ``path``; columns of UUIDs, JSON and intervals are text.

    Polars takes the first two for bytes, and of a file that has the third it reads nothing. So are days without a year
    of four digits (:mod:`optiq.files.days`). Numbers of 32 bits are as people see them: 0.1, not 0.10000000149011612.
    The errors are those of Polars and pyarrow.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    with pq.ParquetFile(path) as file:
        columns = [file.schema.column(number) for number in range(len(file.schema.names))]
        kinds = {column.path: str(column.logical_type).upper() for column in columns}
        names = [name for name, kind in kinds.items() if kind in _SAID and name in file.schema_arrow.names]
        cells = {name: file.read(columns=[name]).column(0) for name in names}
        arrow = file.read() if "INTERVAL" in kinds.values() else None
    if arrow is None:
        with path.open("rb") as opened:  # a path would be taken for a pattern if it holds * or [
            frame = pl.read_parquet(opened)
    else:
        frame = pl.DataFrame(pl.from_arrow(arrow))
    said = []
    for name, column in cells.items():
        plain = (
            column.cast(column.type.storage_type) if isinstance(column.type, pa.BaseExtensionType) else column
        )
        texts = [None if cell is None else _SAID[kinds[name]](cell) for cell in plain.to_pylist()]
        said.append(pl.Series(name, texts, dtype=pl.String))
    days = [with_texts(column) for column in frame.select(cs.date() | cs.datetime())]
    return frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64), *said, *days)


def _interval(cell: bytes) -> str:
    """Months, days and milliseconds as ISO 8601 writes a duration."""
    months, days, milliseconds = struct.unpack("<III", cell)
    return f"P{months}M{days}DT{milliseconds / 1000:g}S"


_SAID: dict[str, Callable[[Any], str]] = {
    "UUID": lambda cell: str(uuid.UUID(bytes=cell)),
    "JSON": lambda cell: cell if isinstance(cell, str) else cell.decode("utf-8", "replace"),
    "INTERVAL": _interval,
}
"""What a cell says, by the logical type of its column in upper case."""
