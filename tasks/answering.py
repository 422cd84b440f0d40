"""Tasks that answer questions: open or resume a run, answer chunk by chunk, write the answers.

A shard of a sharded run (:mod:`tasks.shard_run`) is the same job over a part of the questions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from optiq.configuration import Settings
from optiq.questions.question import Budget
from optiq.questions.question_file import Row
from optiq.report.text import count
from tasks.beyond_limits import beyond_limits
from tasks.orchestration import step
from tasks.run_folder import RunFolder
from tasks.run_rows import USAGE, rows_frame
from tasks.run_state import RunOptions
from tasks.session import Session

STATUSES = ("answered", "infeasible", "failed", "invalid")
_CHUNKS = 16
_LARGEST_CHUNK = 500


@dataclass(frozen=True)
class Job:
    """One session of a run. ``rows`` are all that count, ``pending`` those to do.

    ``turn`` numbers the rounds of `--retry-errors`; ``attempts`` says how often a question was tried before.
    ``whole`` is the run that people see, if this one is a shard of it.
    """

    run_id: str
    output: str
    settings: Settings
    rows: tuple[Row, ...]
    pending: tuple[Row, ...]
    started: float
    turn: int = 0
    attempts: Mapping[str, int] = field(default_factory=dict)
    whole: str | None = None

    def chunks(self) -> list[tuple[Row, ...]]:
        """The pending rows in pieces of ``chunk_size``, larger ones in a large file, in input order."""
        size = max(self.settings.chunk_size, min(len(self.pending) // _CHUNKS, _LARGEST_CHUNK))
        return [self.pending[i : i + size] for i in range(0, len(self.pending), size)]


@step
def open_job(
    file: str,
    output: str,
    budget: Budget,
    topic: str | None,
    settings: Settings,
    options: RunOptions | None = None,
) -> Job:
    """Read the question file, find the run to resume or start one, and check that answers can be written."""
    from tasks.run_state import close_state
    from tasks.same_run import find_run, questions_of_run
    from tasks.session import open_session

    started = time.time()
    options = options or RunOptions()
    questions = questions_of_run(file, output, budget, topic, settings)
    session = open_session(settings, executes=True)
    snapshot_id = session.statistics.snapshot_id
    folder = find_run(session.home, file, output, budget, topic, settings, questions, options, snapshot_id)
    try:
        session.tell_new_topics(questions.questions)
        job = begin(folder, questions.rows[: options.limit], session, options)
        planning = session.planning
        folder.keep_left_over(rows_frame([]))  # they are asked again now
        folder.note(
            options=asdict(options),
            status="running",
            pool=planning.pool,
            blender=planning.blender,
            offered=asdict(session.offered),
        )
    except BaseException:
        if not close_state(folder.run_id):
            folder.unlock()
        raise
    return replace(job, output=output, started=started)


def begin(
    folder: RunFolder,
    rows: tuple[Row, ...],
    session: Session,
    options: RunOptions,
    turn: int | None = None,
    shard: bool = False,
) -> Job:
    """A session of the run in ``folder``, which is locked: what is recorded is landed, the rest is to do.

    Rows that failed before ``turn`` are to do again; None: that is the next round if errors are to be retried.
    A ``shard`` plans for no total.
    """
    from optiq.execution.ledger import Amount
    from tasks.allotting import PIECES, begin_allotting
    from tasks.run_state import close_state, open_state

    try:
        folder.land_the_rest()
        done = folder.rows()
        if turn is None:
            turn = max(done["round"].to_list(), default=0) + 1 if options.retry_errors else 0
        failed = done.filter((pl.col("status") == "failed") & (pl.col("round") < turn))
        again = set(failed["row_number"])
        settled = set(done["row_number"]) - again
        pending = tuple(
            row
            for row in rows
            if (row.number in again if options.retry_errors else row.number not in settled)
        )
        bill = folder.bill()
        spent = Amount(bill["spent_usd"] + bill["lost_usd"], bill["spent_j"] + bill["lost_j"])
        session.land_guesses()
        state = open_state(
            folder, options, session, spent, bill["spent_usd"], len(rows), len(rows) - len(pending)
        )
    except BaseException:
        folder.unlock()
        raise
    asked = {row.question_id for row in pending}
    recorded = [name for name in done["question_id"] if name not in asked]
    if recorded and state.shared.responses is not None:
        state.shared.responses.delivered(f"{folder.run_id}/{name}" for name in recorded)
    attempts = dict(zip(failed["question_id"], failed["attempts"], strict=True))
    settings = session.settings
    try:
        if not shard:  # shards get grants, which are no totals of theirs
            questions = [row.question for row in pending if row.question is not None]
            begin_allotting(state, session, options, questions)
    except BaseException:
        close_state(folder.run_id)
        raise
    if state.allotment is not None:  # what was spent is heard between chunks
        settings = replace(settings, chunk_size=max(min(settings.chunk_size, len(pending) // PIECES), 1))
    return Job(folder.run_id, "", settings, rows, pending, time.time(), turn, attempts)


@step
def answer_chunk(rows: tuple[Row, ...], job: Job) -> list[dict[str, Any]]:
    """Plan and execute one chunk, record it and land its traces; returns the rows that have no outcome."""
    from optiq.execution import traces_frame
    from tasks.answers import answer_rows
    from tasks.run_state import state_of

    state = state_of(job.run_id)
    if state.shared.control.stopping:
        return []
    # A shard's own name tells its calls in flight from those of other shards; people see the whole run.
    session, shared = state.chunk_session(), state.shared
    found = answer_rows(
        session, rows, job.run_id, shared, job.attempts, state.loop, state.allotment, state.explore
    )
    name = job.whole or job.run_id
    for row in [*found.rows, *found.left_over]:
        row |= {"round": job.turn, "run_id": name}
    if found.rows:
        chunk = f"{job.turn:03d}-{found.rows[0]['row_number']:08d}"
        executions = [replace(execution, run_id=name) for execution in found.executions]
        state.folder.write_chunk(chunk, found.rows, traces_frame(executions))
        if state.shared.responses is not None:
            made = [f"{job.run_id}/{row['question_id']}" for row in found.rows]
            state.shared.responses.delivered([*made, *(f"{name}/judge" for name in made)])
    statuses = [row["status"] for row in found.rows]
    left_over = [row["status"] for row in found.left_over]
    state.tally.settled(statuses + left_over, found.n_executions)
    state.count_failed(statuses.count("failed"))
    return found.left_over


@step
def write_job(job: Job, parts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Write the answers file, whole or not at all, and sum up the run."""
    from tasks.run_state import close_state, state_of

    state = state_of(job.run_id)
    reason = state.shared.control.reason or "not asked; the same command asks it"
    left_over = rows_frame([row for part in parts for row in part])
    summary = conclude(
        state.folder,
        job.rows,
        left_over,
        lambda row: reason,
        job.output,
        job.started,
        counted_usd=state.shared.ledger.spent.cost_usd,
        asked=len(job.pending),
        stopped=state.shared.control.reason,
        models_taken_out=list(state.shared.health.out),
        at_once=state.tally.standing().at_once,
    )
    close_state(job.run_id)
    return summary


def conclude(
    folder: RunFolder,
    rows: Sequence[Row],
    left_over: pl.DataFrame,
    why: Callable[[Row], str],
    output: str,
    started: float,
    counted_usd: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    """Write the answers to ``rows`` in input order, and say in `run.json` and in a summary how the run ended.

    ``left_over`` are rows that a total limit left unanswered; ``why`` tells of any other row without an outcome why.
    ``why_invalid`` and ``why_infeasible`` of the summary are the reasons of the first such row, ``beyond_limits`` says
    how many answers spent more than a limit on their question (:func:`tasks.beyond_limits.beyond_limits`).
    ``counted_usd`` is what ledgers counted: they know of calls without an answer of which no row tells. ``more`` stands
    in the summary as it is.
    """
    from optiq.formats.batch_requests import write_responses
    from optiq.questions.answer_file import ANSWER_SCHEMA, write_answers
    from tasks.tally import unanswered_usd

    done = folder.rows((*ANSWER_SCHEMA, *USAGE))
    if max(done["row_number"], default=0) > len(rows):  # each copy of a large run would be in memory, too
        done = done.filter(pl.col("row_number") <= len(rows))
    left_over = left_over.filter(~pl.col("row_number").is_in(done["row_number"].implode()))
    folder.keep_left_over(left_over)
    over = left_over.select(done.columns)
    numbers = {*done["row_number"], *over["row_number"]}
    unasked = [
        {
            "question_id": row.question_id,
            "status": "failed",
            "run_id": folder.run_id,
            "error": why(row),
            "row_number": row.number,
        }
        for row in rows
        if row.number not in numbers
    ]
    together = pl.concat([done, over, rows_frame(unasked).select(done.columns)])
    if not together["row_number"].is_sorted():
        together = together.sort("row_number")
    n_settled = done.height + over.height
    del done, over
    about = folder.about() or {}
    if any(row.question is not None and row.question.wishes is not None for row in rows):
        wishes = ((row.question_id, row.question.wishes) for row in rows if row.question is not None)
        urls = {name: wish.url for name, wish in wishes if wish is not None and wish.url is not None}
        write_responses(together.select(*ANSWER_SCHEMA, *USAGE).iter_rows(named=True), output, urls)
    else:
        asked = rows if shows_questions(folder, output) else None
        given = _question_table(about.get("file")) if asked is not None else None
        write_answers(together.select(*ANSWER_SCHEMA), output, asked, given)
    counts = dict(together["status"].value_counts().iter_rows())
    first = together.unique("status", keep="first", maintain_order=True).select("status", "error")
    reasons = dict(first.iter_rows())
    beyond = beyond_limits(rows, together)
    del together
    bill = folder.bill()
    known = bill["calls"] - bill["unpriced_calls"] > 0 or bill["calls"] == 0
    summary = {
        "run_id": folder.run_id,
        "output": output,
        "questions": len(rows),
        **{status: counts.get(status, 0) for status in STATUSES},
        **{f"why_{status}": reasons.get(status) for status in ("invalid", "infeasible")},
        "beyond_limits": beyond,
        "calls": bill["calls"],
        "cached": bill["cached_calls"],
        "judge_calls": bill["judge_calls"],
        "judge_usd": bill["judge_usd"],
        "explored": bill["explored"],
        "cost_usd": bill["spent_usd"] if known else None,
        "unanswered_usd": max(unanswered_usd(counted_usd, bill["spent_usd"]), bill["lost_usd"]),
        "energy_j": bill["spent_j"] if known else None,
        "seconds": time.time() - started,
        **more,
    }
    folder.note(
        status="done" if n_settled == len(rows) else "unfinished",  # of a run with --limit its rows are all
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(about.get("seconds", 0.0) + summary["seconds"], 3),
        summary=summary,
    )
    return summary


def shows_questions(folder: RunFolder, output: str) -> bool:
    """Whether the answers file says what was asked: as wanted, else in files that people open."""
    from optiq.files.tables import is_for_people

    wanted = ((folder.about() or {}).get("options") or {}).get("with_questions")
    return is_for_people(output) if wanted is None else bool(wanted)


def _question_table(file: str | None) -> pl.DataFrame | None:
    """What the question file has now that answers keep beside them; None if it cannot be read any more."""
    from optiq.errors import InputError
    from optiq.files.tables import read_table
    from optiq.questions.answer_file import columns_of_others

    try:
        table = None if file is None else read_table(file)
    except InputError:
        return None
    return None if table is None else table.select(columns_of_others(table.columns))


def put_down(job: Job) -> str:
    """A run was interrupted: write the answers so far, and say what was in flight and how to go on."""
    from tasks.run_state import close_state, state_of

    try:
        state = state_of(job.run_id)
    except KeyError:
        return "interrupted; the same command goes on"
    words = "not asked: interrupted; the same command goes on"
    summary = conclude(
        state.folder,
        job.rows,
        rows_frame([]),
        lambda row: words,
        job.output,
        job.started,
        stopped="interrupted",
    )
    done = state.folder.rows(()).height
    state.folder.note(status="interrupted")
    close_state(job.run_id)
    called_off = (
        f"{count(state.in_flight, 'call')} in flight called off, which may be billed"
        if state.in_flight
        else ("no call was in flight")
    )
    return (
        f"interrupted: {done} of {summary['questions']} questions are done, {called_off}; answers so far are in "
        f"{job.output}; the same command goes on (run {job.run_id})"
    )


def abandon(job: Job) -> None:
    """Leave a run or shard that did not come to its end: what is done stays done. Does nothing after its end."""
    from tasks.run_state import close_state, state_of

    try:
        folder = state_of(job.run_id).folder
    except KeyError:
        return
    try:
        folder.note(status="interrupted")
    finally:  # the disk may be full
        close_state(job.run_id)
