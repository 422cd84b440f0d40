"""Refresh: land → check → merge → recompute → gate → publish, one at a time, all of it or nothing.

Everything happens in a copy of the published file. Until the last rename readers see the old snapshot;
whatever fails or is killed before it leaves that as it was, and the landed files where they are, so that the
next refresh does the same again. What fails after it is tidied up by the next refresh. A file that makes it fail is
set aside with the reason, and the rest is published (:mod:`warehouse.refused`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import polars as pl

import sql
from optiq.errors import GateError, OptiqError, PerfDBError
from warehouse.check_result import CheckResult
from warehouse.chemistry import recompute_chemistry
from warehouse.connection import explained, reading, writing
from warehouse.drift import Comparison, judge_drift
from warehouse.gate import refusal, run_checks
from warehouse.gate_report import write_gate_report
from warehouse.home import Home, usable
from warehouse.ingest import ingest_priors
from warehouse.landing import LandedFile, landed
from warehouse.lock import alone
from warehouse.merge import Merged, merge, merged_files
from warehouse.migrate import migrate, pending
from warehouse.neighbours import recompute_neighbours
from warehouse.priors import shipped
from warehouse.publish import compact, publish
from warehouse.refused import culprit, reason_of, set_aside
from warehouse.snapshots import keep_snapshot, prune_snapshots, record_snapshot
from warehouse.statistics import Settings, recompute, snapshot_id, stored_settings
from warehouse.topics import recompute_topics
from warehouse.views import fill_levels, remake_views

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did. Without anything new nothing is published and ``snapshot_id`` is the old one.

    ``refused``: names of landed files that were set aside whole, with the reason.
    """

    snapshot_id: str
    published: bool
    n_files: int = 0
    n_executions_new: int = 0
    n_calls_new: int = 0
    n_priors_new: int = 0
    n_quarantined: int = 0
    n_statistics_new: int = 0
    n_statistics_changed: int = 0
    checks: tuple[CheckResult, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    drift: tuple[Comparison, ...] = ()
    gate_report: str = ""
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)


def init(home: Home, on_step: Step | None = None) -> RefreshReport:
    """Make PerfDB with the shipped priors. One that is there already stays as it is, what has landed included.

    One of an older version, which nothing can plan with, is refreshed.
    """
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            current = "" if pending(connection) else snapshot_id(connection)
        if current:
            return RefreshReport(current, False)
    return refresh(home, create=True, full_gate=False, on_step=on_step)


def refresh(
    home: Home,
    *,
    create: bool = False,
    full_gate: bool | None = None,
    keep: int = 7,
    half_life_days: float | None = 180.0,
    distrust_drifted: bool = False,
    topic_model: str = "centroid",
    memory_limit: str = "1500MB",
    lock_timeout_s: float = 0.0,
    on_step: Step | None = None,
) -> RefreshReport:
    """Merge what has landed, recompute the statistics and publish a new snapshot.

    Parameters
    ----------
    create
        make a PerfDB if there is none.
    full_gate
        run the Great Expectations suite besides the SQL checks (about 5 s); by default if there is
        anything new.
    keep
        number of snapshots kept in ``snapshots/``, the published one included.
    half_life_days
        age in days at which an observation counts half, because models and servers change; None: age does
        not matter.
    distrust_drifted
        what was observed of a drifted model before its drift counts no longer (:mod:`warehouse.drift`).
    topic_model
        ``centroid`` or ``bertopic``.
    memory_limit
        DuckDB's share of memory; more is spilled to disk.
    on_step
        told the name of every step that is done.

    Raises
    ------
    PerfDBError
        if there is no PerfDB, it cannot be used, or another refresh runs.
    InputError
        if the home cannot be written.
    GateError
        if the quality gate refuses; a report is in ``gate/``. In all cases what was published stays.
    """
    started = time.perf_counter()
    step = on_step or (lambda _: None)
    settings = Settings(half_life_days, distrust_drifted, topic_model)
    if not create and not home.perfdb.exists():
        raise PerfDBError(f"there is no PerfDB at {home.perfdb}", "Make one with `optiq init`.")
    home.create()
    with usable(home), alone(home, lock_timeout_s), home.publishing():
        _tidy(home)
        step("started")
        ingest_priors(home, [shipped()], trusted=True)
        files = landed(home)
        if home.perfdb.exists():
            current = _nothing_new(home, files, settings)
            if current is not None:
                _remove(home, files, {})
                return RefreshReport(current, False, seconds=time.perf_counter() - started)
        with explained(home.perfdb):
            report = _published(home, files, settings, full_gate, keep, memory_limit, step)
        _tidy(home)
        step("done")
    return replace(report, seconds=time.perf_counter() - started)


def _published(
    home: Home,
    files: list[LandedFile],
    settings: Settings,
    full_gate: bool | None,
    keep: int,
    memory_limit: str,
    step: Step,
) -> RefreshReport:
    def prepared(some: Sequence[LandedFile]) -> _Prepared:
        return _prepared(home, some, refused, settings, full_gate, memory_limit, step)

    refused: dict[LandedFile, str] = {}
    while True:
        try:
            made = prepared(files)
            break
        except (Exception, pl.exceptions.PanicException) as fault:
            if not _may_be_a_files(fault):
                raise
            left = [file for file in files if file not in refused]
            guilty = culprit(left, lambda some: _fails(prepared, [*refused, *some]))
            if guilty is None:
                if isinstance(fault, _Refused):
                    raise fault.told(home) from None
                raise
            refused[guilty] = reason_of(fault)
            step(f"set aside {guilty.name}")
    merged = made.merged
    publish(home, made.finished)
    step("published")
    keep_snapshot(home, made.name)
    gate_report = write_gate_report(home, made.checks, merged.files, made.name, merged.refused)
    prune_snapshots(home, keep)
    step("snapshot kept")
    _remove(home, files, merged.refused)
    return RefreshReport(
        snapshot_id=made.name,
        published=True,
        n_files=len(merged.files),
        n_executions_new=merged.n_executions,
        n_calls_new=merged.n_calls,
        n_priors_new=merged.n_priors,
        n_quarantined=merged.n_quarantined,
        n_statistics_new=made.n_new,
        n_statistics_changed=made.n_changed,
        checks=tuple(made.checks),
        refused={file.name: reason for file, reason in merged.refused.items()},
        drift=tuple(made.drift),
        gate_report=gate_report,
        counts=made.counts,
    )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A working file that passed the gate, and what is in it."""

    finished: Path
    merged: Merged
    drift: list[Comparison]
    checks: list[CheckResult]
    name: str
    counts: dict[str, int]
    n_new: int
    n_changed: int


class _Refused(GateError):
    """The gate refuses what was merged."""

    def __init__(self, why: str, checks: list[CheckResult], merged: Merged) -> None:
        super().__init__(why, "")
        self._checks, self._merged = checks, merged

    def told(self, home: Home) -> GateError:
        """As it is said: with the report, which is written now."""
        report = write_gate_report(home, self._checks, self._merged.files, refused=self._merged.refused)
        return GateError(
            f"not published: {self.message}; the report is {report}",
            "The published PerfDB is unchanged; mend or remove the file in landing that brought them.",
        )


def _may_be_a_files(fault: BaseException) -> bool:
    """Whether a landed file may be at fault, and not the disk or the machine."""
    if isinstance(fault, GateError):
        return True
    others = (OptiqError, OSError, MemoryError, duckdb.InterruptException)
    return not isinstance(fault, others) and "No space left" not in str(fault)


def _fails(prepared: Callable[[Sequence[LandedFile]], _Prepared], files: Sequence[LandedFile]) -> bool:
    try:
        prepared(files)
    except (Exception, pl.exceptions.PanicException) as fault:
        if not _may_be_a_files(fault):
            raise
        return True
    return False


def _prepared(
    home: Home,
    files: Sequence[LandedFile],
    refused: Mapping[LandedFile, str],
    settings: Settings,
    full_gate: bool | None,
    memory_limit: str,
    step: Step,
) -> _Prepared:
    working = home.work / "refresh.duckdb"
    working.unlink(missing_ok=True)
    if home.perfdb.exists():
        shutil.copyfile(home.perfdb, working)
        step("copied")
    with writing(working, home.work / "spill", memory_limit) as connection:
        migrate(connection)
        step("migrated")
        connection.execute(sql.read("merge/macros"))
        last = connection.execute("select coalesce(max(ingestion), 0) from ingested_files").fetchall()[0][0]
        connection.execute("set variable last_ingestion = $last", {"last": last})
        before = "select topic, task, plan_key, n_observations, n_failed, qoa from plan_statistics"
        connection.execute(f"create temp table statistics_before as {before}")
        merged = merge(connection, files, refused, home.work, step)
        drift = _recompute(connection, settings, step)
        full = bool(merged.files) if full_gate is None else full_gate
        checks = run_checks(connection, full)
        if (why := refusal(checks)) is not None:
            raise _Refused(why, checks, merged)
        step("gate passed")
        inputs = [file.file_id for file in merged.files]
        taken = [path.stem for path in home.snapshots.glob("*.duckdb")]
        name, counts = record_snapshot(connection, inputs, checks, settings, taken)
        new, changed = connection.execute(sql.read("merge/statistics_changed")).fetchall()[0]
        step("snapshot recorded")
        finished = compact(connection, working)
    step("closed")
    return _Prepared(finished, merged, drift, checks, name, counts, new, changed)


def _recompute(connection: duckdb.DuckDBPyConnection, settings: Settings, step: Step) -> list[Comparison]:
    connection.begin()
    try:
        connection.execute(sql.read("statistics/10_models"))
        drift = judge_drift(connection)
        step("drift judged")
        recompute(connection, settings)
        step("statistics recomputed")
        recompute_topics(connection, settings.topic_model)
        step("topics learned")
        if recompute_chemistry(connection):
            step("chemistry computed")
        if remake_views(connection):
            step("views made")
        fill_levels(connection)
        step("levels filled")
        if recompute_neighbours(connection):
            step("past questions read")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return drift


def _nothing_new(home: Home, files: list[LandedFile], settings: Settings) -> str | None:
    """The published snapshot's id if a refresh would change nothing."""
    with reading(home.perfdb, any_version=True) as connection:
        if pending(connection):
            return None
        known = merged_files(connection)
        if any(file.file_id not in known for file in files):
            return None
        if stored_settings(connection) != settings.to_json():
            return None
        current = snapshot_id(connection)
    keep_snapshot(home, current)
    return current


def _tidy(home: Home) -> None:
    """Empty the work folder, also of what a killed refresh left; the lock is held, so nobody needs it."""
    for path in home.work.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _remove(home: Home, files: list[LandedFile], refused: Mapping[LandedFile, str]) -> None:
    """Take merged files out of landing; the refused ones are kept beside it."""
    for file in files:
        if file in refused:
            set_aside(home, file, refused[file])
        else:
            with suppress(FileNotFoundError):
                file.path.unlink()
