"""Performance histories in the format of LLM-Chemistry (its table 5): one single-model answer a row."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import polars as pl

from optiq.plans.wired import single_key
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.trials import trials_of_history
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW

NEEDED = ("trial", "model", "task", "latency", "result", "accuracy", "created")
COLUMNS = (
    *NEEDED,
    "temperature",
    "id",
    "quality",
    "gen_accuracy",
    "generation_accuracy",
    "variance",
    "review_accuracy",
    "elapsed",
    "strategy",
)


def is_history(columns: list[str]) -> bool:
    """Whether a file with these columns is a performance history."""
    return "plan" not in columns and all(name in columns for name in NEEDED)


class History:
    """Reads the chunks of one history file as executions of single models.

    ``accuracy`` is the quality, ``task`` question and topic, ``trial`` the run. Latencies are whole seconds:
    a 0 says less than one second, which is not known better, so it is left out. The grades of the rows
    (quality, generation and review accuracy) are :meth:`trials` of the models, which land beside the traces.
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
        self._last: tuple[Chunk, set[int]] = (Chunk(), set())

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if a needed column is missing."""
        self.notes.ignore("columns", check_columns(self._path, columns, COLUMNS, NEEDED, "history"))

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The executions of a chunk and its rejected rows, shown as they came."""
        chunk.ensure(NEEDED)
        rows = chunk.columns
        count = len(chunk.numbers)
        latency = [None if _is_zero(value) else value for value in rows["latency"]]
        plans = [_plan_key(model) for model in rows["model"]]
        as_traces = Chunk(
            {
                "execution_id": [_identity([rows[name][i] for name in rows]) for i in range(count)],
                "run_id": rows["trial"],
                "question_id": rows.get("id", [None] * count),
                "question": rows["task"],
                "topic": rows["task"],
                "plan_key": plans,
                "answer": rows["result"],
                "latency_s": latency,
                "qoa": rows["accuracy"],
                "started_at": rows["created"],
                "calls": [
                    [{"node": 0, "latency_s": seconds, "output": output}]
                    for seconds, output in zip(latency, rows["result"], strict=True)
                ],
            },
            chunk.numbers,
        )
        good, rejects = self._traces.read(as_traces)
        rejects = rejects.with_columns(pl.col("reason").str.replace("^qoa is", "accuracy is"))
        self._last = chunk, set(chunk.numbers) - set(rejects[ROW])
        return good, chunk.rejects(rejects.select(ROW, "reason"))

    def trials(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The grades in the good rows of the chunk that was read last, and rows whose grades are refused."""
        chunk, good = self._last
        found, rejects = trials_of_history(chunk, good, self._path.name)
        return found, Chunk(chunk.columns, chunk.numbers).rejects(rejects)


def _is_zero(value: object) -> bool:
    try:
        return float(str(value)) == 0
    except ValueError:
        return False


def _plan_key(model: object) -> str | None:
    return single_key(model) if isinstance(model, str) and model.strip() else None


def _identity(cells: list[object]) -> str:
    """The same row has the same id in every file, so that a history that grows is merged once."""
    return hashlib.sha256("\x1f".join(map(str, cells)).encode()).hexdigest()[:32]
