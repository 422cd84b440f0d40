"""Scores that come after the run: find the executions that they are about, and land them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

import sql
from optiq.questions.trace_schema import SCORED_SCHEMA
from warehouse.connection import reading
from warehouse.home import Home
from warehouse.landing import land, read_waiting

SCORE_COLUMNS: dict[str, pl.DataType] = {
    "execution_id": pl.String(),
    "reference": pl.String(),
    "qoa": pl.Float64(),
    **SCORED_SCHEMA,
    "nodes": pl.List(pl.Struct({"node": pl.Int64(), "qoa": pl.Float64()})),
}
"""A landed score: one row per execution; ``nodes`` are the QoA of the outputs of its nodes."""

_EXECUTION: dict[str, pl.DataType] = {
    **{
        name: pl.String()
        for name in (
            "execution_id",
            "run_id",
            "question_id",
            "question",
            "topic",
            "kind",
            "plan_key",
            "status",
            "answer",
        )
    },
    "calls": pl.List(pl.Struct({"node": pl.Int64(), "output": pl.String()})),
}


def executions_of(home: Home, wanted: pl.DataFrame) -> pl.DataFrame:
    """The executions of ``wanted`` (run_id, question_id), in PerfDB or landed, with every node's output.

    Columns: execution_id, run_id, question_id, question, topic, kind, plan_key, status, answer, calls (list of
    node and output); sorted by execution_id, each once.
    """
    # What waits is read before what is published: a refresh in between moves rows from there to here.
    waiting = read_waiting(home, "traces", lambda file: _landed(file, wanted))
    found = [pl.DataFrame(schema=_EXECUTION)]
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            connection.register("wanted", wanted.select(pl.col("run_id", "question_id").cast(pl.String)))
            found.append(connection.sql(sql.read("scoring/executions_to_score")).pl())
    together = pl.concat([frame.select(*_EXECUTION).cast(pl.Schema(_EXECUTION)) for frame in found + waiting])
    return together.unique("execution_id", keep="first", maintain_order=True).sort("execution_id")


def execution_of(home: Home, execution_id: str) -> dict[str, Any] | None:
    """One execution by its id, in PerfDB or landed: a row as of :func:`executions_of`; None if there is none."""
    wanted = pl.DataFrame({"execution_id": [execution_id]})
    waiting = read_waiting(home, "traces", lambda file: _landed(file, wanted, "execution_id"))
    if home.perfdb.exists():  # read last: a refresh in between moves rows from there to here
        with reading(home.perfdb, any_version=True) as connection:
            found = connection.sql(sql.read("scoring/execution_by_id"), params={"id": execution_id}).pl()
        if found.height:
            return found.row(0, named=True)
    return next((found.row(0, named=True) for found in reversed(waiting) if found.height), None)


def land_scores(home: Home, scores: pl.DataFrame, label: str) -> Path:
    """Land ``scores`` (``SCORE_COLUMNS``) for the next refresh; the same scores twice are one file."""
    return land(home, "scores", scores.select(*SCORE_COLUMNS).cast(pl.Schema(SCORE_COLUMNS)), label)


def _landed(file: Path, wanted: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Executions that wait in one landed file."""
    waiting = pl.scan_parquet(file, glob=False)
    known = waiting.collect_schema().names()
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in _EXECUTION.items() if name not in known]
    calls = pl.element().struct.field
    outputs = pl.struct(calls("node"), calls("output"))
    return (
        waiting.with_columns(missing)
        .join(wanted.lazy(), on=list(by) or ["run_id", "question_id"], how="semi")
        .select(*_EXECUTION)
        .with_columns(pl.col("calls").list.eval(outputs.filter(calls("output").is_not_null())))
        .collect()
    )
