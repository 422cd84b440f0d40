"""Tasks of a sharded run: make or find its shards, have them answered, merge the answers."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.questions.question import Budget
from optiq.questions.question_file import Row
from tasks.answering import conclude
from tasks.artifacts import table_artifact
from tasks.orchestration import inside_flow_run, step
from tasks.run_folder import RunFolder
from tasks.run_rows import rows_frame, write_frame
from tasks.run_state import RunOptions, show
from tasks.same_run import find_run, questions_of_run
from tasks.shard_files import Board
from tasks.tally import ShardsTally
from warehouse.find_home import find_home

DEPLOYMENT = "answer-questions/shard"
_OF_THE_MACHINE = (
    "home",
    "server",
    "server_url",
    "energy",
    "timeout_s",
    "timeout_tries",
    "examples",
    "concurrency",
    "servers",
)
_OF_SERVING = ("profiles", "features")
_OF_REFRESHES = ("keep", "half_life_days", "distrust_drifted", "topic_model")


@dataclass(frozen=True)
class ShardedJob:
    """One session of a sharded run over ``rows``; ``given`` are flags that every shard gets as they are."""

    run_id: str
    output: str
    settings: Settings
    rows: tuple[Row, ...]
    board: Board
    options: RunOptions
    given: dict[str, Any]
    started: float
    examples: str | None = None

    def parameters(self) -> dict[str, Any]:
        """What a shard's flow run gets: the planning of this machine, but each machine's own model server."""
        left_out = (*_OF_THE_MACHINE, *_OF_REFRESHES, *_OF_SERVING)
        planning = {name: value for name, value in asdict(self.settings).items() if name not in left_out}
        planning |= {
            name: self.given[name] for name in ("server", "server_url", "concurrency") if self.given.get(name)
        }
        return {
            "run_id": self.run_id,
            "perfdb": self.board.folder.home.address,
            "settings": {name: value for name, value in planning.items() if value is not None},
            "examples": self.examples,
            "cache": self.options.cache,
            "fail_after": self.options.fail_after,
        }


@step
def open_sharded(
    file: str,
    output: str,
    budget: Budget,
    topic: str | None,
    settings: Settings,
    options: RunOptions,
    shards: int,
    given: dict[str, Any],
) -> ShardedJob:
    """Read the questions, find the run to go on with or start one, and write a file per shard.

    Raises
    ------
    InputError
        if the file cannot be used, the answers cannot be written, or another process coordinates the run.
    """
    from tasks.session import load_statistics

    started = time.time()
    if shards < 1:
        raise InputError(f"--shards is {shards}", "Give a whole number from 1 up.")
    questions = questions_of_run(file, output, budget, topic, settings)
    rows = questions.rows[: options.limit]
    home = find_home(settings.home)
    snapshot_id = load_statistics(home).snapshot_id
    folder = find_run(
        home, file, output, budget, topic, settings, questions, options, snapshot_id, sharded=True
    )
    try:
        board = Board.read(folder, options.max_total_cost_usd, options.max_total_energy_j)
        known = sum(shard.questions for shard in board.shards)
        valid = [row for row in rows if row.question is not None]
        board.add(valid[known:], shards)  # a longer --limit than before adds shards
        board.turn += options.retry_errors
        board.write()
        _record_invalid(folder, rows)
        examples = _take_along(folder, settings.examples)
        folder.keep_left_over(rows_frame([]))  # they are asked again now
        folder.note(options=asdict(options), status="running")
    except BaseException:
        folder.unlock()
        raise
    return ShardedJob(folder.run_id, output, settings, rows, board, options, given, started, examples)


@step
def answer_shards(job: ShardedJob, silence_s: float, attempts: int) -> int:
    """Have all shards answered; returns how often one had to be started again."""
    from tasks.coordinating import Coordinator
    from tasks.flow_runs import DeploymentRuns

    runs = DeploymentRuns(DEPLOYMENT, f"optiq-run:{job.run_id}")
    invalid = sum(row.question is None for row in job.rows)
    usd, joules = job.options.max_total_cost_usd, job.options.max_total_energy_j
    tally = ShardsTally(len(job.rows), invalid, usd, joules)
    coordinator = Coordinator(job.board, runs, job.parameters(), tally, silence_s, attempts)
    if job.board.folder.home.mirrored:
        coordinator.poll_s *= 5
    show(tally)
    try:
        coordinator.work()
    except BaseException:
        coordinator.cancel()
        raise
    finally:
        tally.finish()
    return coordinator.restarts


@step
def write_sharded(job: ShardedJob, restarts: int) -> dict[str, Any]:
    """Merge the answers in input order into one file, whole or not at all, and sum up the run."""
    folder, board = job.board.folder, job.board
    over = board.left_over().with_columns(
        error=pl.lit("in its shard's share of the total: ") + pl.col("error")
    )
    faults = [f"shard {s.number}: {s.fault}" for s in board.shards if s.state == "given up"]
    told = [(board.run(shard.number).about() or {}).get("summary") or {} for shard in board.shards]
    summary = conclude(
        folder,
        job.rows,
        over,
        lambda row: f"{_why_without_outcome(board, row)}; the same command tries it again",
        job.output,
        job.started,
        counted_usd=math.fsum(one.get("spent_usd", 0.0) for one in told),
        stopped="; ".join(faults) or None,
        shards=len(board.shards),
        restarts=restarts,
    )
    folder.unlock()
    return summary


@step
def report_sharded(job: ShardedJob, summary: dict[str, Any]) -> None:
    """How the run and its shards ended, as Prefect artifacts; nothing outside a flow run."""
    if not inside_flow_run():
        return
    table_artifact(
        key="optiq-sharded-run",
        table=[{name: value for name, value in summary.items() if value is not None}],
        description=f"Run {job.run_id}: all shards together",
    )
    table_artifact(
        key="optiq-shards",
        table=[
            {
                "shard": shard.number,
                "first row": shard.first_row,
                "questions": shard.questions,
                "state": shard.state,
                "starts": shard.start,
                "fault": shard.fault or "",
                "flow run": shard.flow_run_id or "",
            }
            for shard in job.board.shards
        ],
        description=f"Run {job.run_id}: its {len(job.board.shards)} shards",
    )


def abandon_sharded(job: ShardedJob) -> None:
    """Leave a run that did not come to its end: what is done stays. Does nothing after `write_sharded`."""
    folder = job.board.folder
    if (folder.about() or {}).get("status") == "running":
        try:
            folder.note(status="interrupted")
        finally:  # the disk may be full
            folder.unlock()


def _take_along(folder: RunFolder, examples: str | None) -> str | None:
    """The file of few-shot examples in the home, where every machine finds it: its name there."""
    if examples is None:
        return None
    target = folder.path / f"examples{Path(examples).suffix}"
    with replacing(target) as temporary:
        shutil.copyfile(examples, temporary)
    folder.home.share(target)
    return target.relative_to(folder.home.path).as_posix()


def _record_invalid(folder: RunFolder, rows: tuple[Row, ...]) -> None:
    """Rows that hold no question have their outcome before any shard starts."""
    invalid = [
        {
            "question_id": row.question_id,
            "status": "invalid",
            "run_id": folder.run_id,
            "error": row.error,
            "row_number": row.number,
            "round": 0,
            "attempts": 0,
        }
        for row in rows
        if row.question is None
    ]
    if invalid:
        write_frame(folder.home, folder.chunks / "000-invalid.rows.parquet", rows_frame(invalid))


def _why_without_outcome(board: Board, row: Row) -> str:
    """Why no shard has an outcome for a row: the shard was given up, or had no money left to go on."""
    before = [shard for shard in board.shards if shard.first_row <= row.number]
    shard = max(before, key=lambda shard: shard.first_row, default=None)
    if shard is not None and shard.state == "given up":
        return f"shard {shard.number} was given up after {shard.failures} failed starts: {shard.fault}"
    if shard is not None and shard.fault:
        return f"shard {shard.number} could not go on after: {shard.fault}"
    return "not asked"
