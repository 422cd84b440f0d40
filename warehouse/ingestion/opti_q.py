"""The tables that were published with the Opti-Q paper: level tables as statistics, executions as traces.

In them plans come as ``models`` and ``edges``, and ``blend`` stands for the model that ran every blend node.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl

from optiq.files import strict_json
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.statistics import StatisticsFile
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW

BLENDER = "gemma3:27b"
LEVEL_COLUMNS = ("level_file", "topic", "models", "edges", "cost", "latency", "energy", "qoa")
EXECUTION_COLUMNS = (
    "execution_id",
    "question_id",
    "topic",
    "models",
    "edges",
    "realized_cost",
    "realized_latency",
    "realized_energy",
    "realized_qoa",
)
_PREDICTIONS = ("predicted_cost", "predicted_latency", "predicted_energy", "predicted_qoa")
_MORE = ("final_output", "prompt_family", "benchmark")
_UNITS = {"cost": "cost_usd", "latency": "latency_s", "energy": "energy_j", "qoa": "qoa"}


def is_levels(columns: list[str]) -> bool:
    """Whether a file with these columns is a level table."""
    return "plan" not in columns and all(name in columns for name in LEVEL_COLUMNS)


def is_executions(columns: list[str]) -> bool:
    """Whether a file with these columns is a table of executions."""
    return "plan" not in columns and all(name in columns for name in EXECUTION_COLUMNS)


class Levels:
    """Reads level tables. An average of 0 output tokens, which composed plans have there, is no figure."""

    kind = "statistics"
    schema = StatisticsFile.schema

    def __init__(self, path: Path, today: datetime.date | None = None) -> None:
        self._path = path
        self._statistics = StatisticsFile(path, today)
        self.notes = self._statistics.notes

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if a needed column is missing."""
        known = (*LEVEL_COLUMNS, "average_output_tokens")
        self.notes.ignore("columns", check_columns(self._path, columns, known, LEVEL_COLUMNS, "level"))

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The statistics of a chunk and its rejected rows, shown as they came."""
        chunk.ensure((*LEVEL_COLUMNS, "average_output_tokens"))
        rows = chunk.columns
        renamed = {
            "topic": rows["topic"],
            "plan": _plans(rows),
            **{unit: rows[name] for name, unit in _UNITS.items()},
            "output_tokens": [value or None for value in rows["average_output_tokens"]],
            "source": [f"Opti-Q PerfDB level file {level}" for level in rows["level_file"]],
        }
        good, rejects = self._statistics.read(Chunk(renamed, chunk.numbers))
        return good, chunk.rejects(rejects.select(ROW, "reason"))


class Executions:
    """Reads a table of executions, completed by ``steps.parquet`` and ``questions.parquet`` beside it.

    Costs, times and energies in it follow from tokens and one table of rates, so energy counts as predicted.
    """

    kind = "traces"

    def __init__(
        self,
        path: Path,
        source_hash: str,
        known: KnownRates | None = None,
        today: datetime.date | None = None,
    ) -> None:
        self._path = path
        self._traces = Traces(path, source_hash, known, today)
        self.schema = self._traces.schema
        self.notes = self._traces.notes
        self._calls = _steps(path.with_name("steps.parquet"))
        self._questions = _questions(path.with_name("questions.parquet"))

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if a needed column is missing."""
        known = (*EXECUTION_COLUMNS, *_PREDICTIONS, *_MORE)
        self.notes.ignore(
            "columns", check_columns(self._path, columns, known, EXECUTION_COLUMNS, "execution")
        )

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The executions of a chunk and its rejected rows, shown as they came."""
        chunk.ensure((*EXECUTION_COLUMNS, *_PREDICTIONS, *_MORE))
        rows = chunk.columns
        questions = [self._questions.get(name, (None, None)) for name in rows["question_id"]]
        renamed = {
            **{name: rows[name] for name in ("execution_id", "question_id", "topic")},
            "run_id": [f"Opti-Q {family}" if family else "Opti-Q" for family in rows["prompt_family"]],
            "question": [text for text, _ in questions],
            "reference": [gold for _, gold in questions],
            "kind": ["choice" if name == "MMLU-Pro" else "open" for name in rows["benchmark"]],
            "plan": _plans(rows),
            "answer": rows["final_output"],
            **{unit: rows[f"realized_{name}"] for name, unit in _UNITS.items()},
            **{f"predicted_{unit}": rows[f"predicted_{name}"] for name, unit in _UNITS.items()},
            "energy_source": ["predicted"] * len(chunk.numbers),
            "calls": [self._calls.get(name) for name in rows["execution_id"]],
        }
        good, rejects = self._traces.read(Chunk(renamed, chunk.numbers))
        return good, chunk.rejects(rejects.select(ROW, "reason"))


def _plans(rows: dict[str, list[Any]]) -> list[Any]:
    """Plans as dicts; what is no JSON is passed on, so that it is refused with its reason."""
    found: list[Any] = []
    for models, edges in zip(rows["models"], rows["edges"], strict=True):
        try:
            names = strict_json.loads(models) if isinstance(models, str) else models
            pairs = strict_json.loads(edges) if isinstance(edges, str) else edges
        except (ValueError, RecursionError):
            found.append(f"{models} {edges}")
            continue
        if isinstance(names, list):
            names = [BLENDER if name == "blend" else name for name in names]
        found.append({"models": names, "edges": pairs})
    return found


def _steps(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The calls of each execution, if the file is there."""
    calls: dict[str, list[dict[str, Any]]] = {}
    if path.is_file():
        for row in pl.read_parquet(path).iter_rows(named=True):
            call = {
                "node": row["node"],
                "model": BLENDER if row["model"] == "blend" else row["model"],
                "prompt_tokens": row["input_tokens"],
                "output_tokens": row["output_tokens"],
                "cost_usd": row["step_cost"],
                "latency_s": row["step_latency"],
                "energy_j": row["step_energy"],
                "output": row["output"],
            }
            calls.setdefault(row["execution_id"], []).append(call)
    return calls


def _questions(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """Text and gold answer of each question, if the file is there."""
    if not path.is_file():
        return {}
    table = pl.read_parquet(path, columns=["question_id", "text", "gold"])
    return {name: (text, gold) for name, text, gold in table.iter_rows()}
