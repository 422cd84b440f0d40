"""Tasks that answer a question file: open or resume the run, answer chunk by chunk, write the answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.questions.question import Budget
from optiq.questions.question_file import Row, read_questions
from tasks.run_state import RunOptions
from tasks.same_run import identify, to_resume

STATUSES = ("answered", "infeasible", "failed", "invalid")
_CHUNKS = 16
_LARGEST_CHUNK = 500


@dataclass(frozen=True)
class Job:
    """One session of a run over a question file. ``rows`` are all that count, ``pending`` those to do.

    ``turn`` numbers the rounds of `--retry-errors`; ``attempts`` says how often a question was tried before.
    """

    run_id: str
    output: str
    settings: Settings
    rows: tuple[Row, ...]
    pending: tuple[Row, ...]
    started: float
    turn: int = 0
    attempts: Mapping[str, int] = field(default_factory=dict)
    resumed: bool = False

    def chunks(self) -> list[tuple[Row, ...]]:
        """The pending rows in pieces of ``chunk_size``, larger ones in a large file, in input order."""
        size = max(self.settings.chunk_size, min(len(self.pending) // _CHUNKS, _LARGEST_CHUNK))
        return [self.pending[i : i + size] for i in range(0, len(self.pending), size)]


@task(cache_policy=NO_CACHE, persist_result=False)
def open_job(
    file: str,
    output: str,
    budget: Budget,
    topic: str | None,
    settings: Settings,
    options: RunOptions | None = None,
) -> Job:
    """Read the question file, find the run to resume or start one, and check that answers can be written."""
    from optiq.execution.ledger import Amount
    from optiq.files.tables import check_writable
    from tasks.run_folder import RunFolder
    from tasks.run_state import open_state
    from tasks.session import new_run_id, open_session

    started = time.time()
    options = options or RunOptions()
    check_writable(output)
    if Path(output).resolve() == Path(file).resolve():
        raise InputError(f"{output} is the question file itself", "Give another file for the answers.")
    questions = read_questions(file, budget)
    if topic is not None:
        questions = questions.with_topic(topic)
    rows = questions.rows if options.limit is None else questions.rows[: options.limit]
    session = open_session(settings)
    key, about = identify(file, output, budget, topic, settings, questions)
    about |= {"snapshot_id": session.statistics.snapshot_id, "options": asdict(options)}
    folder = None if options.fresh else to_resume(RunFolder.latest(session.home, key), about, options)
    resumed = folder is not None
    if folder is None:
        folder = RunFolder(session.home, new_run_id())
        folder.create(key, {"run_id": folder.run_id, **about})
    folder.lock()
    try:
        folder.land_the_rest()
        done = folder.rows()
        pending, turn, attempts = _pending(rows, done, options)
        bill = folder.bill()
        spent = Amount(bill["spent_usd"] + bill["lost_usd"], bill["spent_j"] + bill["lost_j"])
        state = open_state(folder, options, session, spent, len(rows), len(rows) - len(pending))
    except BaseException:
        folder.unlock()
        raise
    if resumed and state.shared.responses is not None:
        again = {row.question_id for row in pending}
        recorded = [name for name in done["question_id"] if name not in again]
        state.shared.responses.delivered(f"{folder.run_id}/{name}" for name in recorded)
    folder.write_about({**(folder.about() or about), "options": about["options"], "status": "running"})
    return Job(folder.run_id, output, settings, rows, pending, started, turn, attempts, resumed)


@task(cache_policy=NO_CACHE, persist_result=False)
def answer_chunk(rows: tuple[Row, ...], job: Job) -> list[dict[str, Any]]:
    """Plan and execute one chunk, record it and land its traces; returns the rows that have no outcome."""
    from optiq.execution import traces_frame
    from tasks.answers import answer_rows
    from tasks.run_state import state_of

    state = state_of(job.run_id)
    if state.shared.control.stopping:
        return []
    found = answer_rows(state.chunk_session(), rows, job.run_id, state.shared, job.attempts, state.loop)
    if found.rows:
        for row in found.rows:
            row["round"] = job.turn
        name = f"{job.turn:03d}-{found.rows[0]['row_number']:08d}"
        state.folder.write_chunk(name, found.rows, traces_frame(found.executions))
        if state.shared.responses is not None:
            state.shared.responses.delivered(f"{job.run_id}/{row['question_id']}" for row in found.rows)
    statuses = [row["status"] for row in found.rows]
    left_over = [row["status"] for row in found.left_over]
    state.tally.settled(statuses + left_over, found.n_executions)
    state.count_failed(statuses.count("failed"))
    return found.left_over


@task(cache_policy=NO_CACHE, persist_result=False)
def write_job(job: Job, parts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Write the answers file, whole or not at all, and sum up the run."""
    import polars as pl

    from optiq.questions.answer_file import ANSWER_SCHEMA, answers_frame, write_answers
    from tasks.run_state import close_state, state_of

    state = state_of(job.run_id)
    done = state.folder.rows().filter(pl.col("row_number") <= len(job.rows))
    missing = _without_outcome(job, done, parts, state.shared.control.reason)
    answers = answers_frame([{name: row.get(name) for name in ANSWER_SCHEMA} for row in missing])
    numbers = pl.Series("row_number", [row["row_number"] for row in missing], dtype=pl.Int64)
    together = pl.concat([done.select(*ANSWER_SCHEMA, "row_number"), answers.with_columns(numbers)])
    write_answers(together.sort("row_number").drop("row_number"), job.output)
    counts = dict(together["status"].value_counts().iter_rows())
    bill = state.folder.bill()
    known = bill["calls"] - bill["unpriced_calls"] > 0 or bill["calls"] == 0
    summary = {
        "run_id": job.run_id,
        "output": job.output,
        "questions": len(job.rows),
        **{status: counts.get(status, 0) for status in STATUSES},
        "asked": len(job.pending),
        "calls": bill["calls"],
        "cached": bill["cached_calls"],
        "cost_usd": bill["spent_usd"] if known else None,
        "energy_j": bill["spent_j"] if known else None,
        "seconds": time.time() - job.started,
        "stopped": state.shared.control.reason,
        "models_taken_out": list(state.shared.health.out),
    }
    finished = not missing and state.folder.rows().height == (state.folder.about() or {}).get("questions")
    about = state.folder.about() or {}
    state.folder.write_about(
        {
            **about,
            "status": "done" if finished else "unfinished",
            "snapshot_id": about.get("snapshot_id"),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(about.get("seconds", 0.0) + summary["seconds"], 3),
            "summary": summary,
        }
    )
    close_state(job.run_id)
    return summary


def abandon(job: Job) -> None:
    """Leave a run that did not come to its end: what is done stays done. Does nothing after `write_job`."""
    from tasks.run_folder import RunFolder
    from tasks.run_state import close_state
    from warehouse.find_home import find_home

    if close_state(job.run_id):
        folder = RunFolder(find_home(job.settings.home), job.run_id)
        folder.write_about({**(folder.about() or {}), "status": "interrupted"})


def _pending(
    rows: tuple[Row, ...], done: Any, options: RunOptions
) -> tuple[tuple[Row, ...], int, dict[str, int]]:
    """What is left to do: all that has no row yet, or what failed; with round and earlier attempts."""
    if not options.retry_errors:
        numbers = set(done["row_number"])
        return tuple(row for row in rows if row.number not in numbers), 0, {}
    failed = done.filter(done["status"] == "failed")
    numbers = set(failed["row_number"])
    attempts = dict(zip(failed["question_id"], failed["attempts"], strict=True))
    turn = int(done["round"].max() or 0) + 1
    return tuple(row for row in rows if row.number in numbers), turn, attempts


def _without_outcome(
    job: Job, done: Any, parts: list[list[dict[str, Any]]], reason: str | None
) -> list[dict[str, Any]]:
    """Rows for what was left over by a total limit, and for what was not asked."""
    numbers = set(done["row_number"])
    left_over = {row["row_number"]: row for part in parts for row in part if row["row_number"] not in numbers}
    missing = list(left_over.values())
    for row in job.rows:
        if row.number not in numbers and row.number not in left_over:
            error = reason or "not asked; the same command asks it"
            missing.append(
                {
                    "question_id": row.question_id,
                    "status": "failed",
                    "run_id": job.run_id,
                    "error": error,
                    "row_number": row.number,
                }
            )
    return missing
