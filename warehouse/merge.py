"""Merge landed files into a working PerfDB, each once; one that a merge broke off in is to be thrown away.

Nothing here loops over rows: DuckDB reads many files at once and writes whole tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import sql
from optiq.errors import PlanError
from optiq.plans.plan import Plan
from optiq.questions.metric import METRICS
from optiq.questions.question import Kind
from optiq.statistics.snapshot import GUESS
from warehouse.connection import pattern_of
from warehouse.faults import content_fault, every_column, schema_fault
from warehouse.gather import Gathered, empty_gathered, gather, units
from warehouse.landing import LandedFile
from warehouse.rows import temp_table
from warehouse.sources import merged_among

Step = Callable[[str], None]

BATCH_BYTES = 36 * 2**20
"""Bytes of landed traces that are merged at once: about 100,000 executions."""
BATCHES_TOGETHER = 8
"""Batches in a transaction: until it ends DuckDB keeps the helper tables of each, and 30 batches had no room."""
SLICE_EXECUTIONS = 1_000_000
"""So many new executions are summed up per day at once."""


class DamagedInsideError(Exception):
    """``faults`` tells of landed files that cannot be read to their end; what was merged is to be thrown away."""

    def __init__(self, faults: Mapping[LandedFile, str]) -> None:
        super().__init__("landed files are damaged inside")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge added. ``files`` are new, the ``refused`` ones among them: those are set aside as a whole.

    ``n_priors`` are published figures, ``n_guesses`` those that nobody published.
    """

    files: tuple[LandedFile, ...] = ()
    refused: Mapping[LandedFile, str] = field(default_factory=dict)
    n_executions: int = 0
    n_calls: int = 0
    n_priors: int = 0
    n_guesses: int = 0
    n_quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """Landed files that are new, each content once, and the faults of those that cannot be merged by ``file_id``.

    Small ones may have been ``gathered``.
    """

    files: tuple[LandedFile, ...]
    faults: Mapping[str, str]
    gathered: tuple[Gathered, ...] = ()


def check_files(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[LandedFile],
    refused: Mapping[LandedFile, str],
    work: Path,
) -> Checked:
    """Look which of ``files`` are new, and which of those cannot be read or are known to be ``refused``.

    ``work`` is a folder for small files that are put together.
    """
    done = merged_among(connection, files)
    new: dict[str, LandedFile] = {}
    for file in files:
        if file.file_id not in done:
            new.setdefault(file.file_id, file)
    faults = {file.file_id: reason for file, reason in refused.items()}
    gathered = gather([file for file in new.values() if file.file_id not in faults], work)
    read = {file.file_id for one in gathered for file in one.files}
    for file in new.values():
        if file.file_id in faults or file.file_id in read:
            continue
        fault = schema_fault(file) or ("its bundle cannot be read" if file.bundle is not None else None)
        if fault is not None:
            faults[file.file_id] = fault
    return Checked(tuple(new.values()), faults, tuple(gathered))


def merge(connection: duckdb.DuckDBPyConnection, checked: Checked, work: Path, step: Step) -> Merged:
    """Merge what was checked, without the files that have a fault.

    ``work`` is a folder for a helper file; ``step`` is told what was done.

    Raises
    ------
    DamagedInsideError
        if files with a sound schema turn out to be damaged further on. Whatever is raised, a part may be merged: the
        working file is of no use any more.
    """
    fresh, faults = list(checked.files), dict(checked.faults)
    connection.begin()
    try:
        counts = _merge(connection, fresh, faults, checked.gathered, work, step)
    except duckdb.OutOfMemoryException:  # no file's fault, and to read them all again takes long
        raise
    except duckdb.Error:
        with suppress(duckdb.Error):  # a full disk has ended it already
            connection.rollback()
        read = {file for one in checked.gathered for file in one.files}
        good = [file for file in fresh if file.file_id not in faults and file not in read]
        found = {file: content_fault(connection, file, work) for file in good}
        if not (damaged := {file: fault for file, fault in found.items() if fault is not None}):
            raise
        raise DamagedInsideError(damaged) from None
    connection.commit()
    return Merged(tuple(fresh), {f: faults[f.file_id] for f in fresh if f.file_id in faults}, *counts)


def _merge(
    connection: duckdb.DuckDBPyConnection,
    files: list[LandedFile],
    faults: dict[str, str],
    gathered: Sequence[Gathered],
    work: Path,
    step: Step,
) -> tuple[int, ...]:
    """Returns what :class:`Merged` counts, in its order."""
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("set variable now = $now::timestamp", {"now": now})
    before = _counts(connection)
    _register_files(connection, files, faults)
    connection.execute(sql.read("merge/tried_again"))
    good = [file for file in files if file.file_id not in faults]
    for kind, variable, name in (
        ("rejects", "reject_files", "merge/rejects"),
        ("priors", "prior_files", "merge/priors"),
        ("prices", "price_files", "merge/prices"),
        ("statistics", "statistics_files", "merge/statistics"),
        ("trials", "trial_files", "merge/trials"),
    ):
        if paths := [pattern_of(file.path) for file in good if file.kind == kind]:
            first = pattern_of(every_column(kind, work))
            connection.execute(f"set variable {variable} = $paths", {"paths": [first, *paths]})
            connection.execute(sql.read(name))
    step("published figures merged")
    _merge_traces(connection, [file for file in good if file.kind == "traces"], gathered, work, step)
    _merge_scores(connection, [pattern_of(file.path) for file in good if file.kind == "scores"], step)
    _add_plans(connection, _published_plans(connection))
    connection.execute(sql.read("merge/ingested_files"))
    step("files recorded")
    added = (new - old for new, old in zip(_counts(connection), before, strict=True))
    # what is set aside whole has a row there, too, which is none of the file's
    refused = "select file_id from landed_files where refused_because is not null"
    rows = f"select count(*) from quarantine where ingested_at = getvariable('now') and file_id not in ({refused})"  # noqa: S608
    return *added, connection.execute(rows).fetchall()[0][0]


def _merge_traces(
    connection: duckdb.DuckDBPyConnection,
    files: list[LandedFile],
    gathered: Sequence[Gathered],
    work: Path,
    step: Step,
) -> None:
    """Merge traces, some files at a time: memory holds the rows of those."""
    connection.execute("create or replace temp table trace_counts (file_id varchar, n bigint)")
    if not files:
        return
    first, first_gathered = every_column("traces", work), work / "every_column_of_gathered.parquet"
    empty_gathered(first_gathered)
    most = {metric.name: metric.most_of_run for metric in METRICS}
    connection.execute("set variable most = $most", {"most": most})
    connection.execute("set variable kinds = $kinds", {"kinds": [kind.value for kind in Kind]})
    for number, (alone, together) in enumerate(units(files, gathered, BATCH_BYTES), start=1):
        for variable, paths in (
            ("trace_files", [first, *(file.path for file in alone)]),
            ("gathered_files", [first_gathered, *(one.path for one in together)]),
        ):
            connection.execute(f"set variable {variable} = $paths", {"paths": list(map(pattern_of, paths))})
        connection.execute(sql.read("merge/landed_traces"))
        _merge_batch(connection, step)
        if number % BATCHES_TOGETHER == 0:
            connection.commit()
            connection.begin()
    connection.execute("drop view new_traces; drop view landed_traces; drop table judged_traces")
    connection.execute(sql.read("merge/new_rows"))
    connection.execute("set variable slice_executions = $most", {"most": SLICE_EXECUTIONS})
    connection.execute(sql.read("merge/day_slices"))
    for number in range(1, 1 + len(connection.table("day_slices"))):
        connection.execute("set variable slice = $slice", {"slice": number})
        for name in ("plan_days", "model_days"):
            connection.execute(sql.read(f"merge/{name}"))
            step(f"{name} merged")
        connection.commit()
        connection.begin()


def _merge_batch(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    """Merge what is in ``landed_traces``."""
    connection.execute(sql.read("merge/trace_rejects"))
    step("traces checked")
    keys = [row[0] for row in connection.execute(sql.read("merge/trace_plans")).fetchall()]
    if bad := _add_plans(connection, keys):
        temp_table(connection, "bad_plans", {"plan_key": "varchar", "reason": "varchar"}, bad)
        connection.execute(sql.read("merge/trace_rejects_plans"))
    if len(connection.table("trace_rejects")):
        connection.execute(sql.read("merge/trace_quarantine"))
    connection.execute(sql.read("merge/new_traces"))
    for name in ("executions", "calls"):
        connection.execute(sql.read(f"merge/{name}"))
        step(f"{name} merged")
    connection.execute("insert into trace_counts select file_id, count(*) from new_traces group by file_id")


def _merge_scores(connection: duckdb.DuckDBPyConnection, paths: list[str], step: Step) -> None:
    """Scores that came after the run, of executions merged before or just now."""
    if not paths:
        return
    connection.execute("set variable score_files = $paths", {"paths": paths})
    for name in ("landed_scores", "rescored", "score_days", "score_questions", "score_updates"):
        connection.execute(sql.read(f"merge/{name}"))
    step("late scores merged")


def _register_files(
    connection: duckdb.DuckDBPyConnection, files: list[LandedFile], faults: Mapping[str, str]
) -> None:
    last = connection.execute("select coalesce(max(ingestion), 0) from ingested_files").fetchall()[0][0]
    rows = [
        (
            str(file.path),
            file.file_id,
            number,
            last + number,
            file.kind,
            file.name,
            *file.source(),
            faults.get(file.file_id),
            file.n_rows() if file.file_id in faults else None,
        )
        for number, file in enumerate(files, start=1)
    ]
    types = {
        "path": "varchar",
        "file_id": "varchar",
        "file_number": "bigint",
        "ingestion": "bigint",
        "kind": "varchar",
        "name": "varchar",
        "source_file": "varchar",
        "source_hash": "varchar",
        "refused_because": "varchar",
        "refused_rows": "bigint",
    }
    temp_table(connection, "landed_files", types, rows)


def _published_plans(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Keys of plans with a published figure, single models among them, that are not in ``plans``."""
    rows = connection.execute(
        "select plan_key from (select single(model) as plan_key from priors "
        "union select plan_key from published_statistics) anti join plans using (plan_key) order by plan_key"
    ).fetchall()
    return [row[0] for row in rows]


def _add_plans(connection: duckdb.DuckDBPyConnection, keys: Iterable[str]) -> list[tuple[str, str]]:
    """Add the plans with these keys; returns (key, reason) of those that are none."""
    rows, bad = [], []
    for key in keys:
        try:
            plan = Plan.from_key(key)
        except PlanError as fault:
            bad.append((key, f"plan_key: {fault.message}"))
            continue
        if plan.key != key:
            bad.append((key, f"plan_key {key!r} is not canonical: the plan's key is {plan.key!r}"))
            continue
        models = sorted(set(plan.models))
        parts = [plan.subplan(node).key for node in range(plan.k)]
        repeated = [node for node in range(plan.k) if parts[node] in parts[:node]]
        sink = plan.models[plan.sink]
        rows.append((key, plan.to_json(), plan.expression, plan.level, plan.k, sink, models, repeated))
    types = {
        "plan_key": "varchar",
        "plan": "varchar",
        "expression": "varchar",
        "level": "integer",
        "operations": "integer",
        "sink_model": "varchar",
        "models": "varchar[]",
        "repeated_nodes": "bigint[]",
    }
    if rows:
        temp_table(connection, "more_plans", types, rows)
        connection.execute("insert into plans by name select * from more_plans")
    return bad


def _counts(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    executions, calls, priors = (len(connection.table(name)) for name in ("executions", "calls", "priors"))
    guessed = "select count(*) from priors where starts_with(source, $guess)"
    guesses = connection.execute(guessed, {"guess": GUESS}).fetchall()[0][0]
    return executions, calls, priors - guesses, guesses
