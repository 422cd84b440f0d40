"""What a sharded run has on disk besides the folders of its shards.

::

    runs/<run_id>/                          a run like any other: run.json, chunks with the rows that are done
    runs/<run_id>/shards.json               the shards: which rows, how often started, what each may spend
    runs/<run_id>/shards/0001/              a run folder for each shard (tasks/run_folder.py)
    runs/<run_id>/shards/0001/questions.jsonl   its questions, with their ids and row numbers
    runs/<run_id>/shards/0001/left_over.parquet rows that its share of a total limit left unanswered
    runs/<run_id>/shards/0001/alive         changes every few seconds while a process works on it

Each file has one writer: ``shards.json`` the coordinator, the others the process that works on the shard.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from optiq.files.atomic import replacing
from optiq.questions.question import Budget, Kind, Question
from optiq.questions.question_file import Row
from tasks.run_folder import ROW_SCHEMA, RunFolder
from warehouse.home import Home


@dataclass
class Shard:
    """One shard as the coordinator knows it.

    ``start`` counts the times that it was started; with the run it names one flow run. ``failures`` counts
    those that came to no end, since the coordinator was started. ``state`` is ``waiting``, ``started``,
    ``ended`` or ``given up``.
    """

    number: int
    first_row: int
    questions: int
    start: int = 0
    failures: int = 0
    state: str = "waiting"
    fault: str | None = None
    flow_run_id: str | None = None


def place_of(run_id: str, number: int) -> str:
    """The name of a shard's run: also its folder below ``runs/``."""
    return f"{run_id}/shards/{number:04d}"


def folder_of(home: Home, run_id: str, number: int) -> RunFolder:
    """The run folder of a shard."""
    return RunFolder(home, place_of(run_id, number))


def split(rows: Sequence[Row], shards: int) -> list[list[Row]]:
    """``rows`` in ``shards`` pieces of the same size (but for one row), in order; no piece is empty."""
    shards = max(min(shards, len(rows)), 1)
    size, longer = divmod(len(rows), shards)
    pieces, at = [], 0
    for number in range(shards):
        end = at + size + (number < longer)
        pieces.append(list(rows[at:end]))
        at = end
    return [piece for piece in pieces if piece]


def write_questions(path: Path, rows: Sequence[Row]) -> None:
    """Rows with a question, one JSON object a line; everything that :class:`Question` holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            if row.question is not None:
                file.write(json.dumps({"row_number": row.number, **asdict(row.question)}) + "\n")


def read_shard_questions(path: Path) -> tuple[Row, ...]:
    """The rows that :func:`write_questions` wrote."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            told = json.loads(line)
            number = told.pop("row_number")
            told["topics"] = tuple((name, weight) for name, weight in told["topics"])
            told["options"] = tuple(told["options"])
            told["kind"], told["budget"] = Kind(told["kind"]), Budget(**told["budget"])
            rows.append(Row(number, told["question_id"], Question(**told), None))
    return tuple(rows)


def write_rows(path: Path, frame: pl.DataFrame) -> None:
    """Rows of an answers file with their bookkeeping."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        frame.write_parquet(temporary)


def rows_frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as :func:`tasks.answers.answer_rows` makes them, as a frame of ``ROW_SCHEMA``."""
    columns = {column: [row.get(column) for row in rows] for column in ROW_SCHEMA}
    return pl.DataFrame(columns, schema=ROW_SCHEMA, strict=True)


def left_over(folder: RunFolder) -> pl.DataFrame:
    """The rows that the shard's share of a total limit left unanswered in its last session."""
    path = folder.path / "left_over.parquet"
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=ROW_SCHEMA)


def every_round(folder: RunFolder) -> pl.DataFrame:
    """All rows that the shard recorded, those of earlier rounds too: the whole bill."""
    files = sorted(folder.chunks.glob("*.rows.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files]) if files else pl.DataFrame(schema=ROW_SCHEMA)
