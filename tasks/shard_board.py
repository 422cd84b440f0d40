"""What the coordinator of a sharded run knows of its shards, on disk before it acts on it.

Killed at any moment, it is started again with the same command, reads this, and goes on with the same
shards: a start that was written down is made with the same key, and so is the same flow run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from optiq.files.atomic import replacing
from optiq.questions.question_file import Row
from tasks.grants import Grants
from tasks.run_folder import RunFolder
from tasks.shard_files import (
    Shard,
    every_round,
    folder_of,
    left_over,
    split,
    write_questions,
    write_rows,
)


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
        if (rows := every_round(folder)).height:
            path = self.folder.chunks / f"000-{shard.first_row:08d}.rows.parquet"
            write_rows(path, rows)
            self.folder.home.share(path)
        last = folder.rows()
        again = last.filter((pl.col("status") == "failed") & (pl.col("round") < self.turn)).height
        bill = folder.bill()
        return {
            "done": last.height - again,
            "spent_usd": bill["spent_usd"] + bill["lost_usd"],
            "spent_j": bill["spent_j"] + bill["lost_j"],
            "left_over": left_over(folder).height,
            "summary": (folder.about() or {}).get("summary") or {},
        }

    def left_over(self) -> pl.DataFrame:
        """Rows of all shards that a share of a total limit left unanswered, and that were not asked since."""
        return pl.concat([left_over(self.run(shard.number)) for shard in self.shards])
