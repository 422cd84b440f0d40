"""What a run did, question by question: its executions and calls, merged into PerfDB or still in ``landing/``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

import sql
from optiq.questions.trace_schema import TRACE_SCHEMA
from warehouse.connection import reading
from warehouse.home import Home
from warehouse.landing import read_waiting
from warehouse.scores import SCORE_COLUMNS

_CALL = {field.name: field.dtype for field in TRACE_SCHEMA["calls"].inner.fields}  # type: ignore[attr-defined]
CALL_SCHEMA: dict[str, pl.DataType] = {"execution_id": pl.String(), **_CALL}
"""A call with the execution that it belongs to."""
_OF_CALLS: dict[str, pl.DataType] = {
    "n_calls": pl.Int64(),
    "n_cached": pl.Int64(),
    "n_unpriced": pl.Int64(),
    "spent_usd": pl.Float64(),
    "saved_usd": pl.Float64(),
}
EXECUTION_SCHEMA: dict[str, pl.DataType] = {
    **{name: dtype for name, dtype in TRACE_SCHEMA.items() if name not in ("calls", "topics", "topic_given")},
    **_OF_CALLS,
}
"""An execution without its calls. ``spent_usd`` is what was paid for it, ``saved_usd`` what cached calls had cost."""


def executions_of_run(home: Home, run_id: str) -> pl.DataFrame:
    """Executions of a run, each once, in the order of their start (``EXECUTION_SCHEMA``).

    Scores that wait in ``landing/`` count already.
    """
    # What waits is read before what is published: a refresh in between moves rows from there to here.
    landed = [_landed_executions(frame) for frame in _landed(home, pl.col("run_id") == run_id)]
    found = [pl.DataFrame(schema=EXECUTION_SCHEMA)]
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            merged = connection.sql(sql.read("answers/executions"), params={"run": run_id}).pl()
        found.append(_shaped(merged, EXECUTION_SCHEMA))
    together = pl.concat(found + landed).unique("execution_id", keep="first", maintain_order=True)
    return _rescored(home, together).sort("started_at", "execution_id", nulls_last=True)


def calls_of(home: Home, execution_ids: Iterable[str]) -> pl.DataFrame:
    """Calls of executions by node (``CALL_SCHEMA``)."""
    wanted = pl.DataFrame({"execution_id": list(execution_ids)}, schema={"execution_id": pl.String()})
    landed = _landed(home, pl.col("execution_id").is_in(wanted["execution_id"].implode()))
    found = [pl.DataFrame(schema=CALL_SCHEMA)]
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            connection.register("wanted", wanted)
            found.append(_shaped(connection.sql(sql.read("answers/calls")).pl(), CALL_SCHEMA))
    found += [
        _shaped(frame.select("execution_id", "calls").explode("calls").unnest("calls"), CALL_SCHEMA)
        for frame in landed
    ]
    together = pl.concat(found).drop_nulls("node")
    return together.unique(["execution_id", "node"], keep="first").sort("execution_id", "node")


def best_known(home: Home, asked: pl.DataFrame, models: Iterable[str]) -> pl.DataFrame:
    """The best plan that is known for questions, beside the one that was run.

    ``asked``: execution_id, question, topic, task, plan_key. Plans count whose models could have been asked: those of
    ``models``, and what the servers of these executions were ever asked for. Returned per execution: best_plan (an
    expression), best_qoa and best_from: ``question`` where another plan was tried on this very one, else ``topic``.
    """
    schema = {
        "execution_id": pl.String(), "best_plan": pl.String(), "best_qoa": pl.Float64(), "best_from": pl.String()
    }  # fmt: skip
    if not home.perfdb.exists() or asked.is_empty():
        return pl.DataFrame(schema=schema)
    with reading(home.perfdb, any_version=True) as connection:
        connection.register("asked", asked)
        connection.register(
            "able", pl.DataFrame({"model": sorted(set(models))}, schema={"model": pl.String()})
        )
        return connection.sql(sql.read("answers/best_known")).pl().cast(pl.Schema(schema))


def tried_on_question(home: Home, question: str) -> pl.DataFrame:
    """What every plan was seen to do on a question, in any merged run; one row per plan, the best first."""
    if not home.perfdb.exists():
        return pl.DataFrame()
    with reading(home.perfdb, any_version=True) as connection:
        return connection.sql(sql.read("answers/tried_on_question"), params={"question": question}).pl()


def known_runs(home: Home) -> list[str]:
    """Runs that have landed or are merged, the latest first; those without a folder too (calibrations, traces)."""
    landed = [frame.select("run_id", "started_at") for frame in _landed(home, pl.col("run_id").is_not_null())]
    found: list[str] = []
    if landed:
        runs = pl.concat(landed, how="vertical_relaxed").group_by("run_id").agg(pl.col("started_at").max())
        found += runs.sort("started_at", "run_id", descending=True, nulls_last=True)["run_id"].to_list()
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            merged = connection.sql(sql.read("queries/report_last_run")).fetchall()
        found += [str(row[0]) for row in merged]
    return list(dict.fromkeys(found))


def _landed(home: Home, which: pl.Expr) -> list[pl.DataFrame]:
    """Rows of landed traces."""

    def read(file: Path) -> pl.DataFrame:
        rows = pl.scan_parquet(file, glob=False)
        if {"run_id", "execution_id", "calls"} <= set(rows.collect_schema().names()):
            return rows.filter(which).collect()
        return pl.DataFrame()

    return [frame for frame in read_waiting(home, "traces", read) if frame.height]


def _landed_executions(frame: pl.DataFrame) -> pl.DataFrame:
    call = pl.element().struct.field
    cached = call("cached").fill_null(False)

    def of_calls(expression: pl.Expr) -> pl.Expr:
        return pl.col("calls").list.eval(expression).list.first()

    return _shaped(
        frame.with_columns(
            n_calls=pl.col("calls").list.len().cast(pl.Int64),
            n_cached=of_calls(cached.sum()).cast(pl.Int64),
            n_unpriced=of_calls((~cached & call("cost_usd").is_null() & call("error").is_null()).sum()).cast(
                pl.Int64
            ),
            spent_usd=of_calls(call("cost_usd").filter(~cached).sum()),
            saved_usd=of_calls(call("cost_usd").filter(cached).sum()),
        ),
        EXECUTION_SCHEMA,
    )


def _rescored(home: Home, executions: pl.DataFrame) -> pl.DataFrame:
    """With the scores that have landed and are not merged yet."""
    for landed in read_waiting(
        home, "scores", lambda file: _shaped(pl.read_parquet(file, glob=False), SCORE_COLUMNS)
    ):
        executions = executions.update(landed.drop("nodes"), on="execution_id", how="left")
    return executions


def _shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """``frame`` with these columns; what an older PerfDB or file lacks is null."""
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(
        pl.col(name).dt.replace_time_zone("UTC").cast(dtype)
        if isinstance(dtype, pl.Datetime) and getattr(frame.schema.get(name), "time_zone", "UTC") is None
        else pl.col(name).cast(dtype)
        for name, dtype in schema.items()
    )
