"""Tasks of one shard: open it where its run folder is, answer chunk by chunk, say what is left.

The same as a run of `optiq answer` on its questions, but for three things: the run folder is known, so that
any machine goes on with it whatever its own settings and paths are; rows and traces carry the name of the
whole run; and it gives a sign of life.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.questions.question_file import Row
from tasks.answering import Job
from tasks.pulse import Pulse
from tasks.run_state import RunOptions
from tasks.shard_files import folder_of, left_over, read_shard_questions, rows_frame, write_rows
from warehouse.find_home import find_home


@dataclass(frozen=True)
class ShardJob:
    """One session of a shard. ``job`` is its run (named after the shard), ``whole`` the run it is part of."""

    whole: str
    job: Job
    pulse: Pulse = field(repr=False)


@task(cache_policy=NO_CACHE, persist_result=False)
def open_shard(
    run_id: str, number: int, settings: Settings, options: RunOptions, turn: int = 0, start: int = 0
) -> ShardJob:
    """Find the shard in the home, go on where it stopped, and begin to give signs of life.

    ``turn`` above 0 asks rows again that failed in an earlier turn; ``start`` is told with every sign of life.

    Raises
    ------
    InputError
        if the home has no such shard, or another process works on it.
    """
    from optiq.execution.ledger import Amount
    from tasks.run_state import open_state
    from tasks.session import open_session

    started = time.time()
    session = open_session(settings)
    folder = folder_of(session.home, run_id, number)
    session.home.fetch(f"runs/{folder.run_id}")
    source = folder.path / "questions.jsonl"
    if not source.exists():
        raise InputError(
            f"there is no shard {number} of run {run_id} in {session.home.address}",
            "Give all workers the home of the run: $OPTIQ_HOME on a shared path or a store.",
        )
    rows = read_shard_questions(source)
    folder.chunks.mkdir(parents=True, exist_ok=True)
    folder.lock()
    try:
        folder.land_the_rest()
        done = folder.rows()
        pending, attempts = _pending(rows, done, turn)
        bill = folder.bill()
        spent = Amount(bill["spent_usd"] + bill["lost_usd"], bill["spent_j"] + bill["lost_j"])
        state = open_state(folder, options, session, spent, len(rows), len(rows) - len(pending))
    except BaseException:
        folder.unlock()
        raise
    resumed = folder.about() is not None
    if resumed and state.shared.responses is not None:
        again = {row.question_id for row in pending}
        recorded = [name for name in done["question_id"] if name not in again]
        state.shared.responses.delivered(f"{folder.run_id}/{name}" for name in recorded)
    folder.write_about({"run_id": folder.run_id, "status": "running", "questions": len(rows)})
    pulse = Pulse(session.home, folder.path / "alive", state.tally.standing, start)
    job = Job(folder.run_id, str(source), settings, rows, pending, started, turn, attempts, resumed)
    return ShardJob(run_id, job, pulse)


def fetched(settings: Settings, name: str) -> str:
    """The path on this machine of a file of the home."""
    home = find_home(settings.home)
    home.fetch(name)
    return str(home.path / name)


@task(cache_policy=NO_CACHE, persist_result=False)
def answer_shard_chunk(rows: tuple[Row, ...], shard: ShardJob) -> list[dict[str, Any]]:
    """Plan and execute one chunk, record it and land its traces; returns the rows that have no outcome."""
    from optiq.execution import traces_frame
    from tasks.answers import answer_rows
    from tasks.run_state import state_of

    job = shard.job
    state = state_of(job.run_id)
    if state.shared.control.stopping:
        return []
    # The shard's own name tells its calls in flight from those of other shards; people see the whole run.
    found = answer_rows(state.chunk_session(), rows, job.run_id, state.shared, job.attempts, state.loop)
    for row in [*found.rows, *found.left_over]:
        row |= {"round": job.turn, "run_id": shard.whole}
    executions = [replace(execution, run_id=shard.whole) for execution in found.executions]
    if found.rows:
        name = f"{job.turn:03d}-{found.rows[0]['row_number']:08d}"
        state.folder.write_chunk(name, found.rows, traces_frame(executions))
        if state.shared.responses is not None:
            state.shared.responses.delivered(f"{job.run_id}/{row['question_id']}" for row in found.rows)
    statuses = [row["status"] for row in found.rows]
    over = [row["status"] for row in found.left_over]
    state.tally.settled(statuses + over, found.n_executions)
    state.count_failed(statuses.count("failed"))
    return found.left_over


@task(cache_policy=NO_CACHE, persist_result=False)
def close_shard(shard: ShardJob, parts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Say in the shard's folder how it stands, and what it has spent in all."""
    from tasks.run_state import state_of

    state = state_of(shard.job.run_id)
    over = [row for part in parts for row in part]
    path = state.folder.path / "left_over.parquet"
    if over or left_over(state.folder).height:
        write_rows(path, rows_frame(over))
        state.folder.home.share(path)
    done = state.folder.rows()
    spent = state.shared.ledger.spent
    summary = {
        "shard": shard.job.run_id,
        "questions": len(shard.job.rows),
        "done": done.height,
        "left_over": len(over),
        "seconds": time.time() - shard.job.started,
        "spent_usd": spent.cost_usd,
        "spent_j": spent.energy_j,
        "stopped": state.shared.control.reason,
        "models_taken_out": list(state.shared.health.out),
    }
    _leave(shard, "done" if done.height == len(shard.job.rows) else "unfinished", summary)
    return summary


def abandon_shard(shard: ShardJob) -> None:
    """Leave a shard that did not come to its end: what is done stays. Does nothing after `close_shard`."""
    _leave(shard, "interrupted", None)


def _leave(shard: ShardJob, status: str, summary: dict[str, Any] | None) -> None:
    from tasks.run_state import close_state, state_of

    try:
        folder = state_of(shard.job.run_id).folder
    except KeyError:
        return  # left already
    shard.pulse.stop()
    finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"run_id": folder.run_id, "status": status, "questions": len(shard.job.rows)}
    folder.write_about({**about, "finished_at": finished_at, "summary": summary})
    close_state(shard.job.run_id)


def _pending(rows: tuple[Row, ...], done: pl.DataFrame, turn: int) -> tuple[tuple[Row, ...], dict[str, int]]:
    """Rows without an outcome, and those that failed before this turn with how often they were tried."""
    failed = done.filter((pl.col("status") == "failed") & (pl.col("round") < turn))
    settled = set(done["row_number"]) - set(failed["row_number"])
    attempts = dict(zip(failed["question_id"], failed["attempts"], strict=True))
    return tuple(row for row in rows if row.number not in settled), attempts
