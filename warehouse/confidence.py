"""How sure one can be of answers: calibrated at the refresh on those that were judged, read by runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl

import sql
from optiq.estimation.confidence import (
    AGREEMENT,
    ANY_MODEL,
    LEAST,
    MEAN,
    Confidences,
    Row,
    calibrated,
    told_apart,
)
from warehouse.connection import reading

_SCHEMA = {
    "model": pl.String,
    "task": pl.String,
    "signal": pl.String,
    "least": pl.Float64,
    "n": pl.Int64,
    "probability": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n_judged": pl.Int64,
    "told_apart": pl.Float64,
}


def recompute_confidence(connection: duckdb.DuckDBPyConnection) -> int:
    """Calibrate anew; returns how many model × task × signal can be told apart. The caller holds the transaction."""
    connection.execute(sql.read("confidence/window"))
    judged = connection.sql(sql.read("confidence/judged")).pl()
    found: list[tuple[object, ...]] = []
    n_signals = 0
    for (model, task), rows in _groups(judged):
        # Of a model's two signals the one that told more apart.
        names = (AGREEMENT,) if model == ANY_MODEL else (MEAN, LEAST)
        tried = [(told_apart(*pair), name, pair) for name in names if (pair := _pair(rows, name))[0]]
        for area, name, pair in sorted(tried, key=lambda item: (-item[0], item[1]))[:1]:
            blocks = calibrated(*pair)
            n_signals += bool(blocks)
            found += [
                (model, task, name, block.least, block.n, *block.confidence, len(pair[0]), area)
                for block in blocks
            ]
    frame = pl.DataFrame(found, schema=_SCHEMA, orient="row")
    connection.register("new_confidence", frame)
    connection.execute("delete from confidence_blocks")
    connection.execute("insert into confidence_blocks by name select * from new_confidence")
    connection.unregister("new_confidence")
    return n_signals


def load_confidence(perfdb: Path) -> Confidences:
    """What is calibrated in a published file; nothing of one from before this was kept."""
    with reading(perfdb, any_version=True) as connection:
        tables = connection.execute("select 1 from duckdb_tables() where table_name = 'confidence_blocks'")
        if not tables.fetchall():
            return Confidences([])
        rows = connection.execute(
            "select model, task, signal, least, probability, low, high from confidence_blocks"
        )
        return Confidences(Row(*row) for row in rows.fetchall())


def _groups(judged: pl.DataFrame) -> Iterable[tuple[tuple[str, str], pl.DataFrame]]:
    for (model, task), rows in sorted(judged.drop_nulls("model").group_by("model", "task")):
        yield (str(model), str(task)), rows
    for (task,), rows in sorted(judged.group_by("task")):
        yield (ANY_MODEL, str(task)), rows


def _pair(rows: pl.DataFrame, name: str) -> tuple[list[float], list[bool]]:
    known = rows.drop_nulls(name).sort(name, "is_right")
    return known[name].to_list(), known["is_right"].to_list()
