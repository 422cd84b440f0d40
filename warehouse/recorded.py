"""Traces files read without landing them: what an evaluation replays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from optiq.errors import InputError
from optiq.tables import check_suffix
from warehouse.ingestion.chunks import read_chunks
from warehouse.ingestion.history import History, is_history
from warehouse.ingestion.opti_q import Executions, is_executions
from warehouse.ingestion.traces import Traces
from warehouse.landing import content_hash


def read_recorded(files: Iterable[str | Path], run_id: str | None = None) -> tuple[pl.DataFrame, int]:
    """The executions in traces files of any form that ``optiq ingest traces`` takes, and how many rows were refused.

    ``run_id`` keeps the executions of runs whose id begins so: recordings made with different prompts must not be
    pooled. :class:`~optiq.errors.InputError` names a file that cannot be read.
    """
    frames, refused = [], 0
    for path in map(Path, files):
        check_suffix(path)
        if not path.is_file():
            raise InputError(f"no file {path}", "Check the path.")
        reader: Traces | History | Executions | None = None
        for chunk in read_chunks(path):
            refused += chunk.rejects().height
            if not chunk.columns:
                continue
            columns = list(chunk.columns)
            if reader is None:
                form = History if is_history(columns) else Executions if is_executions(columns) else Traces
                reader = form(path, content_hash(path))
                reader.check(columns)
            rows, rejects = reader.read(chunk)
            refused += rejects.height
            frames.append(rows)
    if not frames:
        raise InputError(
            "the traces hold no execution", "Give files written by `optiq answer` or `calibrate`."
        )
    table = pl.concat(frames, how="diagonal_relaxed")
    if run_id is not None:
        found = table["run_id"].unique().drop_nulls().sort().to_list()
        table = table.filter(pl.col("run_id").str.starts_with(run_id))
        if table.height == 0:
            shown = ", ".join(found[:8]) or "none"
            raise InputError(
                f"no execution of a run that begins with {run_id!r}", f"Runs in the traces: {shown}."
            )
    return table, refused
