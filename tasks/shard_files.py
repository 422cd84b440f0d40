"""What a sharded run has on disk besides the folders of its shards.

::

    runs/<run_id>/                          a run like any other: run.json, chunks with the rows that are done
    runs/<run_id>/shards.json               the shards: which rows, how often started, what each may spend
    runs/<run_id>/shards/0001/              a run folder for each shard (tasks/run_folder.py)
    runs/<run_id>/shards/0001/questions.jsonl   its questions, with their ids and row numbers
    runs/<run_id>/shards/0001/alive         changes every few seconds while a process works on it

Each file has one writer: ``shards.json`` the coordinator, before it acts on it, the others the process that works on
the shard. Killed at any moment, the coordinator is started again with the same command, reads what it wrote, and
goes on with the same shards: a start that was written down is made with the same key, and so is the same flow run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from optiq.files.atomic import replacing
from optiq.questions.question import Budget, Kind, Question, Wishes
from optiq.questions.question_file import Row
from tasks.grants import Grants
from tasks.run_folder import RunFolder
from tasks.run_rows import rows_frame, write_frame
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
            told["wishes"] = None if told.get("wishes") is None else Wishes(**told["wishes"])
            rows.append(Row(number, told["question_id"], Question(**told), None))
    return tuple(rows)


@dataclass
class Board:
    """The shards of a run, what each may spend, and the turn (rounds of `--retry-errors`)."""

    folder: RunFolder
    usd: Grants
    joules: Grants
    shards: list[Shard] = field(default_factory=list)
    turn: int = 0

    @classmethod
    def read(cls, folder: RunFolder, max_usd: float | None, max_j: float | None) -> Board:
        """What was written, under the totals that hold now; empty for a new run."""
        board = cls(folder, Grants(max_usd), Grants(max_j))
        path = folder.path / "shards.json"
        if path.exists():
            told = json.loads(path.read_text(encoding="utf-8"))
            board.turn = told["turn"]
            board.shards = [Shard(**shard) for shard in told["shards"]]
            for grants, was in ((board.usd, told["usd"]), (board.joules, told["joules"])):
                grants.limits = {int(number): limit for number, limit in was["limits"].items()}
                grants.lost = {int(number): lost for number, lost in was["lost"].items()}
        return board

    def write(self) -> None:
        """Put it on disk."""
        told = {
            "turn": self.turn,
            "shards": [asdict(shard) for shard in self.shards],
            "usd": asdict(self.usd),
            "joules": asdict(self.joules),
        }
        path = self.folder.path / "shards.json"
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        self.folder.home.share(path)

    def add(self, rows: Sequence[Row], shards: int) -> None:
        """Write shard files for ``rows``; the shards are known when all of their files are there."""
        for piece in split(rows, shards):
            number = len(self.shards) + 1
            path = self.run(number).path / "questions.jsonl"
            write_questions(path, piece)
            self.folder.home.share(path)
            self.shards.append(Shard(number, piece[0].number, len(piece)))

    def run(self, number: int) -> RunFolder:
        """The run folder of a shard."""
        return folder_of(self.folder.home, self.folder.run_id, number)

    def adopt(self, shard: Shard) -> dict[str, Any]:
        """Take the rows that a shard has recorded into the folder of the whole run; its bill and counts."""
        folder = self.run(shard.number)
        self.folder.home.fetch(f"runs/{folder.run_id}")
        if (rows := folder.every_round()).height:
            path = self.folder.chunks / f"000-{shard.first_row:08d}.rows.parquet"
            write_frame(self.folder.home, path, rows)
        last = folder.rows()
        again = last.filter((pl.col("status") == "failed") & (pl.col("round") < self.turn)).height
        bill = folder.bill()
        return {
            "done": last.height - again,
            "spent_usd": bill["spent_usd"] + bill["lost_usd"],
            "spent_j": bill["spent_j"] + bill["lost_j"],
            "left_over": folder.left_over().height,
            "summary": (folder.about() or {}).get("summary") or {},
        }

    def left_over(self) -> pl.DataFrame:
        """Rows of all shards that a share of a total limit left unanswered, and that were not asked since."""
        return pl.concat([rows_frame([]), *(self.run(shard.number).left_over() for shard in self.shards)])
