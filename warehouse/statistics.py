"""Statistics: recomputed in SQL at a refresh, read by planners as one immutable snapshot."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import duckdb

import sql
from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.prompts.output_lengths import MAX_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS
from optiq.questions.question import Kind
from optiq.statistics.price_steps import PriceStep, depends
from optiq.statistics.snapshot import (
    ANY_TASK,
    ANY_TOPIC,
    FIGURES,
    RECORDED,
    ModelFigures,
    Record,
    Statistics,
)
from warehouse.connection import reading

TOPIC_MODELS = ("centroid", "bertopic")


@dataclass(frozen=True, slots=True)
class Settings:
    """What statistics depend on besides the data; stored with every snapshot."""

    half_life_days: float | None = None
    distrust_drifted: bool = False
    """Whether what was observed of a drifted model before its drift counts no longer."""
    topic_model: str = "centroid"
    """Which topic model is learned: ``centroid`` or ``bertopic``."""

    def __post_init__(self) -> None:
        if self.half_life_days is not None and not 0 < self.half_life_days < math.inf:
            raise InputError(
                f"the half-life is {self.half_life_days} days",
                "Give a number above 0, or none to turn it off.",
            )
        if self.topic_model not in TOPIC_MODELS:
            raise InputError(
                f"the topic model is {self.topic_model!r}", f"Give one of {', '.join(TOPIC_MODELS)}."
            )

    def to_json(self) -> str:
        """The settings as JSON, equal for equal settings."""
        return json.dumps(asdict(self), sort_keys=True)


def recompute(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Recompute ``models``, ``model_figures`` and ``plan_statistics`` from priors and daily sums."""
    connection.execute("set variable half_life_days = $days", {"days": settings.half_life_days})
    connection.execute("set variable distrust_drifted = $told", {"told": settings.distrust_drifted})
    connection.execute("set variable usual_lengths = $lengths", {"lengths": _usual_lengths()})
    for name in sql.names("statistics"):
        connection.execute(sql.read(name))


def _usual_lengths() -> list[dict[str, Any]]:
    """Per task the usual and the longest output, and the longest of a fact, in tokens."""
    return [
        {
            "task": task,
            "usual": usual,
            "longest": max(most for kind, most in MAX_OUTPUT_TOKENS.items() if kind.task == task),
            "fact": MAX_OUTPUT_TOKENS[Kind.OPEN],
        }
        for task, usual in TYPICAL_OUTPUT_TOKENS.items()
    ]


def load_statistics(perfdb: str | Path) -> Statistics:
    """The published statistics, as planners read them.

    Rows of ``plan_statistics`` that only repeat a published figure of a single model are no records.

    Raises
    ------
    PerfDBError
        if there is no PerfDB, or it cannot be used.
    """
    perfdb = Path(perfdb)
    with reading(perfdb) as connection:
        return Statistics.build(snapshot_id(connection), _model_figures(connection), _records(connection))


def load_singles(connection: duckdb.DuckDBPyConnection) -> Statistics:
    """The statistics of single models alone, from a connection: all that says what a model is worth."""
    return Statistics.build(
        snapshot_id(connection), _model_figures(connection), _records(connection, "level = 0")
    )


def stored_settings(connection: duckdb.DuckDBPyConnection) -> str:
    """The settings that the connection's statistics were computed with, as JSON."""
    rows = connection.execute("select settings from snapshots order by number desc limit 1").fetchall()
    return str(rows[0][0]) if rows else ""


def snapshot_id(connection: duckdb.DuckDBPyConnection) -> str:
    """The id of the snapshot that the connection's file is."""
    rows = connection.execute("select snapshot_id from snapshots order by number desc limit 1").fetchall()
    return str(rows[0][0]) if rows else ""


def _model_figures(connection: duckdb.DuckDBPyConnection) -> list[ModelFigures]:
    names = ("model", "topic", "task", *FIGURES, "n_observations", "provenance")
    rows = connection.table("model_statistics").select(*names).fetchall()
    steps = _price_steps(connection)
    figures = [ModelFigures(**_known(names, row)) for row in rows]
    return [
        replace(row, price_steps=steps.get(row.model, ()))
        if row.topic == ANY_TOPIC and row.task == ANY_TASK
        else row
        for row in figures
    ]


def _price_steps(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[PriceStep, ...]]:
    """By model, where a price that is used depends on the length of the prompt, the hour or the day."""
    names = tuple(field.name for field in fields(PriceStep))
    found: dict[str, list[PriceStep]] = {}
    table = connection.sql(sql.read("queries/current_prices"))
    for model, *values in table.select("model", *names).fetchall():
        found.setdefault(model, []).append(PriceStep(**_known(names, values)))
    return {model: tuple(steps) for model, steps in found.items() if depends(steps)}


def _records(connection: duckdb.DuckDBPyConnection, among: str = "true") -> list[Record]:
    names = ("topic", "task", "n_observations", "n_questions", *RECORDED, "provenance")
    table = (
        connection.table("plan_statistics")
        .filter(f"(n_observations > 0 or n_published > 0) and {among}")
        .order("topic, task, plan_key")
    )
    rows = table.select("plan_key", *names).fetchall()
    plans: dict[str, Plan] = {}
    records = []
    for key, *values in rows:
        if key not in plans:
            plans[key] = Plan.from_key(key)
        records.append(Record(plan=plans[key], **_known(names, values)))
    return records


def _known(names: tuple[str, ...], values: Any) -> dict[str, Any]:
    """Named values without the missing ones, which NaN stands for."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
