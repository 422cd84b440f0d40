"""Answers files of `optiq answer` as traces: for another PerfDB, or for one that lost the run.

The runs that wrote them landed their traces themselves, with the calls; these have none, and the ids of the same
executions, so that nothing counts twice. (A question that was planned again has the id of its first plan here.)
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import polars as pl

from optiq.execution.identity import execution_id
from optiq.questions.metric import METRIC_NAMES
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW

NEEDED = ("question_id", "status", "answer", "plan_key", "snapshot_id", "run_id")
_TAKEN = (
    "question_id",
    "question",
    "answer",
    "plan_key",
    "topics",
    "reference",
    "status",
    "error",
    "snapshot_id",
    "run_id",
)


def is_answers(columns: list[str]) -> bool:
    """Whether a file with these columns is an answers file."""
    return (
        all(name in columns for name in NEEDED) and "execution_id" not in columns and "calls" not in columns
    )


_RUN = re.compile(r"(\d{8}T\d{6})-")


def _began(run_id: Any) -> datetime.datetime | None:
    """When a run began, as its id says."""
    found = _RUN.match(str(run_id or ""))
    return None if found is None else datetime.datetime.strptime(found[1] + "+0000", "%Y%m%dT%H%M%S%z")


class AnswersFile:
    """Reads the chunks of an answers file as executions without calls."""

    kind = "traces"

    def __init__(
        self,
        path: Path,
        source_hash: str,
        known: KnownRates | None = None,
        today: datetime.date | None = None,
    ) -> None:
        self._traces = Traces(path, source_hash, known, today, judges=False)
        self.schema = self._traces.schema
        self.notes = self._traces.notes

    def check(self, columns: list[str]) -> None:
        """Any other column is the question file's own."""

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The executions of a chunk and its rejected rows, shown as they came."""
        chunk.ensure(_TAKEN)
        columns = chunk.columns
        asked = [
            place
            for place, (status, key) in enumerate(zip(columns["status"], columns["plan_key"], strict=True))
            if status in ("answered", "failed") and key
        ]
        self.notes.count("no traces: questions that no plan was run for", len(chunk.numbers) - len(asked))
        rows: dict[str, list[Any]] = {name: [columns[name][i] for i in asked] for name in _TAKEN}
        for name in METRIC_NAMES:
            for theirs, ours in ((f"observed_{name}", name), (f"predicted_{name}", f"predicted_{name}")):
                if theirs in columns:
                    rows[ours] = [columns[theirs][i] for i in asked]
        rows["started_at"] = [_began(run) for run in rows["run_id"]]
        ids = zip(rows["run_id"], rows["question_id"], rows["plan_key"], strict=True)
        rows["execution_id"] = [execution_id(str(run), str(name), str(key), 1) for run, name, key in ids]
        good, rejects = self._traces.read(Chunk(rows, [chunk.numbers[i] for i in asked], chunk.refused))
        bad = rejects.filter(pl.col("reason").is_not_null()).select(ROW, "reason")
        return good, Chunk(columns, chunk.numbers).rejects(bad)
