"""PerfDBs that know part of what a home knows: published figures only, runs of single models, pairs, and so on.

A home of level L has the priors of the original and its executions of plans of up to L operations (level 4: all),
except those on the questions of the experiment. It is made once per snapshot, by landing and an ordinary refresh.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl

from optiq.questions.trace_schema import TRACE_SCHEMA
from warehouse.home import Home
from warehouse.landing import land, land_traces
from warehouse.query import query
from warehouse.refresh import init, refresh

if TYPE_CHECKING:
    from benchmarks.experiments.bench import Bench

LAST_LEVEL = 4

_PRIORS = ["model", "topic", "metric", "value", "source", "as_of"]


def home_of_level(bench: Bench, level: int) -> Home:
    """The home of a coverage level, made if it is not there."""
    snapshot = query(
        bench.home.perfdb, "select snapshot_id from snapshots order by number desc limit 1"
    ).item()
    path = bench.folder / "homes" / f"{snapshot}-level-{level}"
    if not path.exists():
        unfinished = Home(path.with_name(f".{path.name}"))
        shutil.rmtree(unfinished.path, ignore_errors=True)
        unfinished.path.parent.mkdir(parents=True, exist_ok=True)
        fill(unfinished, bench.home, level, {question.text for question in bench.questions})
        unfinished.path.rename(path)
    return Home(path)


def fill(home: Home, source: Home, level: int, unseen: set[str]) -> None:
    """Make ``home`` with what ``source`` knows at ``level``, without executions on the questions ``unseen``."""
    init(home)
    shipped = query(home.perfdb, "from priors").select(_PRIORS)
    own = query(source.perfdb, "from priors").select(_PRIORS)
    added = own.join(shipped, on=_PRIORS, how="anti", nulls_equal=True)
    if added.height:
        land(home, "priors", added, "priors")
    traces = known_traces(source, level, unseen)
    if traces.height:
        land_traces(home, traces)
    if added.height or traces.height:
        refresh(home, full_gate=False)


def known_traces(source: Home, level: int, unseen: set[str]) -> pl.DataFrame:
    """Executions of plans of up to ``level`` operations, with their calls, as they landed once."""
    executions = query(source.perfdb, "from executions")
    size = pl.col("plan_key").str.split(":").list.first().cast(pl.Int64)
    few = pl.lit(True) if level >= LAST_LEVEL else size <= level
    executions = executions.filter(few, ~pl.col("question").is_in(sorted(unseen)).fill_null(False))
    calls = query(source.perfdb, "from calls").sort("execution_id", "node")
    fields = TRACE_SCHEMA["calls"].inner.fields  # type: ignore[attr-defined]
    nested = pl.struct(
        (pl.col(field.name) if field.name in calls.columns else pl.lit(None))
        .cast(field.dtype)
        .alias(field.name)
        for field in fields
    )
    by_execution = calls.group_by("execution_id", maintain_order=True).agg(nested.alias("calls"))
    table = executions.join(by_execution, on="execution_id", how="left").sort("execution_id")
    return table.select(name for name in TRACE_SCHEMA if name in table.columns)


def runs_in(home: Home) -> int:
    """Executions that a PerfDB knows."""
    return int(query(home.perfdb, "select count(*) from executions").item())
