"""Traces files read without landing them: what an evaluation replays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from optiq.errors import InputError
from optiq.files.tables import check_readable_suffix
from warehouse.evidence import FAILED, UNJUDGED, UNRECORDED, Evidence, LeftOut, Part, beyond, choose_prompt
from warehouse.ingestion.chunks import read_chunks
from warehouse.ingestion.history import History, is_history
from warehouse.ingestion.opti_q import Executions, is_executions
from warehouse.ingestion.traces import Traces
from warehouse.landing import content_hash


def read_recorded(files: Iterable[str | Path], run_id: str | None = None) -> tuple[pl.DataFrame, int]:
    """The executions in traces files of any form that ``optiq ingest traces`` takes, and how many rows were refused.

    ``run_id`` keeps the executions of runs whose id begins so: recordings made with different prompts must not be
    pooled. :class:`~optiq.errors.InputError` names a file that cannot be read.
    """
    frames, refused, why = [], 0, ""
    for path in map(Path, files):
        check_readable_suffix(path)
        if path.is_dir():
            raise InputError(f"{path} is a folder", "Give the files in it.")
        if not path.is_file():
            raise InputError(f"no file {path}", "Check the path.")
        reader: Traces | History | Executions | None = None
        for chunk in read_chunks(path):
            refused += chunk.rejects().height
            why = why or _first(chunk.rejects())
            if not chunk.columns:
                continue
            columns = list(chunk.columns)
            if reader is None:
                form = History if is_history(columns) else Executions if is_executions(columns) else Traces
                reader = form(path, content_hash(path))
                reader.check(columns)
            rows, rejects = reader.read(chunk)
            refused += rejects.height
            why = why or _first(rejects)
            frames.append(rows)
    if not sum(frame.height for frame in frames):
        raise InputError(
            "the traces hold no execution" + (f" that can be used: {why}" if why else ""),
            "`optiq ingest traces` names every row and what is wrong with it."
            if why
            else "Give files written by `optiq answer` or `calibrate`.",
        )
    table = pl.concat(frames, how="diagonal_relaxed")
    if run_id is not None:
        found = table["run_id"].unique().drop_nulls().sort().to_list()
        table = table.filter(pl.col("run_id").str.starts_with(run_id))
        if table.height == 0:
            shown = ", ".join(found[:8]) or "none"
            raise InputError(
                f"no execution of a run that begins with {run_id!r}", f"Runs in the traces: {shown}."
            )
    return table, refused


def read_evidence(files: Iterable[str | Path], part: Part) -> Evidence:
    """What an evaluation reads from traces files; see :func:`read_recorded` for what they may be."""
    table, refused = read_recorded(files, part.run)
    left = []
    if refused:
        why = "they cannot be used; `optiq ingest traces` says why"
        left.append(LeftOut.of(refused, "row", "", why))
    once = table.unique("execution_id", keep="first", maintain_order=True)
    if again := table.height - once.height:
        left.append(LeftOut.of(again, "execution", "given twice", "each counts once"))
    failed = once.filter(pl.col("status") != "answered").height
    if failed:
        left.append(LeftOut.of(failed, "execution", "that failed", FAILED))
    table = once.filter(pl.col("status") == "answered").with_columns(pl.col("prompt").fill_null(UNRECORDED))
    timeless = table["started_at"].null_count()
    if timeless and (part.since or part.until):
        left.append(
            LeftOut.of(timeless, "execution", "without a start", "whether they are in that time is unknown")
        )
    if part.since is not None:
        table = table.filter(pl.col("started_at") >= part.since)
    if part.until is not None:
        table = table.filter(pl.col("started_at") < part.until)
    if table.height == 0:
        raise InputError(
            f"the traces hold no answered execution {part.told()}".rstrip(), "Widen --since and --until."
        )
    table = table.with_columns(asked=pl.coalesce("question_id", "question"))
    judged = pl.col("qoa").is_not_null()
    sets = (
        table.group_by("prompt")
        .agg(
            pl.len().alias("n_executions"),
            judged.sum().alias("n_judged"),
            pl.col("asked").filter(judged).n_unique().alias("n_questions"),
        )
        .sort("n_questions", "n_executions", "prompt", descending=[True, True, False])
    )
    prompt, more = choose_prompt(sets, part.prompt)
    table = table.filter(pl.col("prompt") == prompt)
    if unjudged := table.height - table.filter(judged).height:
        more.append(LeftOut.of(unjudged, "execution", "without a score", UNJUDGED))
    if nameless := table.filter(judged & pl.col("asked").is_null()).height:
        more.append(LeftOut.of(nameless, "execution", "without a question", "nothing says what was asked"))
    table = table.filter(judged & pl.col("asked").is_not_null())
    kept = _drawn(table, part.questions)
    if (n := table["asked"].n_unique() - kept["asked"].n_unique()) > 0:
        more.append(LeftOut.of(n, "question", "", beyond(part.questions)))
    return Evidence(kept.drop("asked"), "the traces", prompt, (*left, *more))


def _drawn(table: pl.DataFrame, most: int) -> pl.DataFrame:
    """The rows of at most ``most`` questions: those with several plans first, else by the digests of their ids."""
    questions = table.group_by("asked").agg(pl.col("plan_key").n_unique() > 1)
    if questions.height <= most:
        return table
    digests = [hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in questions["asked"]]
    chosen = questions.with_columns(digest=pl.Series(digests)).sort(
        "plan_key", "digest", descending=[True, False]
    )
    return table.filter(pl.col("asked").is_in(chosen["asked"].head(most).implode()))


def _first(rejects: pl.DataFrame) -> str:
    """The first reason why a row was refused."""
    return f"row {rejects.item(0, 'row_number')}: {rejects.item(0, 'reason')}" if rejects.height else ""
