"""Refresh: land → check → merge → recompute → gate → publish, one at a time, all of it or nothing.

Everything happens in a copy of the published file. Until the last rename readers see the old snapshot;
whatever fails or is killed before it leaves that as it was, and the landed files where they are, so that the
next refresh does the same again. What fails after it is tidied up by the next refresh. A file that makes it fail is
set aside with the reason, and the rest is published (:mod:`warehouse.refused`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import duckdb

from optiq.errors import GateError, InputError, OptiqError, PerfDBError
from warehouse.check_result import CheckResult
from warehouse.connection import explained, is_interrupt, reading
from warehouse.drift import Comparison
from warehouse.home import Home, usable
from warehouse.landing import LandedFile, landed
from warehouse.lock import PATIENCE_S
from warehouse.migrate import pending
from warehouse.night import LAND, PREPARE, PUBLISH, Asked, GateRefusal, Night, NightStep
from warehouse.refused import culprit, reason_of
from warehouse.relative import check_rules
from warehouse.statistics import Settings, snapshot_id

Tell = Callable[[str], None]
Run = Callable[[NightStep, Night], None]

MOST_TRIES = 100
"""So often a night is prepared with some of the files to find those at fault: of a kind what was not tried then is set
aside."""


def _call(step: NightStep, night: Night) -> None:
    step.do(night)


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did. Without anything new nothing is published and ``snapshot_id`` is the old one.

    ``refused``: names of landed files that were set aside whole, with the reason. ``n_guesses_new``:
    figures of models that nobody described, ``n_priors_new`` the published ones. ``learned``: plans whose statistics
    rest on more than before, as ``sql/merge/learned.sql`` lists them.
    """

    snapshot_id: str
    published: bool
    n_files: int = 0
    n_executions_new: int = 0
    n_calls_new: int = 0
    n_priors_new: int = 0
    n_guesses_new: int = 0
    n_quarantined: int = 0
    n_statistics_new: int = 0
    n_statistics_changed: int = 0
    checks: tuple[CheckResult, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    drift: tuple[Comparison, ...] = ()
    gate_report: str = ""
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    learned: tuple[dict[str, Any], ...] = ()


def init(home: Home, on_step: Tell | None = None) -> RefreshReport:
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
    full_gate: bool = False,
    accept: Collection[str] = (),
    keep: int = 7,
    half_life_days: float | None = 180.0,
    distrust_drifted: bool = False,
    topic_model: str = "centroid",
    memory_mb: int = 600,
    lock_timeout_s: float = PATIENCE_S,
    on_step: Tell | None = None,
    run: Run = _call,
) -> RefreshReport:
    """Merge what has landed, recompute the statistics and publish a new snapshot.

    Parameters
    ----------
    create
        make a PerfDB if there is none.
    full_gate
        have Great Expectations judge columns and changes too, by the same rules (importing it takes 5 s): for
        scheduled nights.
    accept
        rules of :mod:`warehouse.relative_rules`: what is beyond them is published all the same, and recorded.
    keep
        number of snapshots kept in ``snapshots/``, the published one included.
    half_life_days
        age in days at which an observation counts half, because models and servers change; None: age does
        not matter.
    distrust_drifted
        what was observed of a drifted model before its drift counts no longer (:mod:`warehouse.drift`).
    topic_model
        ``centroid`` or ``bertopic``.
    memory_mb
        DuckDB's share of memory in MB; more is spilled to disk. A night that cannot do with it gets more, as far as
        the machine has it.
    on_step
        told what was done, whenever something is.
    run
        how a step of the night is run, such as a task of an orchestrator; by default a call.

    Raises
    ------
    PerfDBError
        if there is no PerfDB, it cannot be used, another refresh runs, or the home cannot be written: no right to,
        or no space.
    InputError
        if there is no such rule to accept.
    GateError
        if the quality gate refuses; a report is in ``gate/``. In all cases what was published stays.
    """
    started = time.perf_counter()
    asked = Asked(
        Settings(half_life_days, distrust_drifted, topic_model),
        full_gate,
        check_rules(accept),
        keep,
        memory_mb,
        lock_timeout_s,
    )
    if not create and not home.perfdb.exists() and not landed(home):
        raise PerfDBError(
            f"there is no PerfDB at {home.perfdb}",
            "Make one with `optiq init`, or bring files in with `optiq ingest`.",
        )
    home.create()
    with usable(home), Night(home, asked, on_step or (lambda _: None)) as night:
        run(LAND, night)
        if night.current is None:
            with explained(home.perfdb):
                _prepare(night, run)
                run(PUBLISH, night)
    return _report(night, time.perf_counter() - started)


def _prepare(night: Night, run: Run) -> None:
    """Prepare the night, without the files that it cannot be prepared with."""
    while True:
        try:
            try:
                for step in PREPARE:
                    run(step, night)
                return
            except BaseException as fault:
                if is_interrupt(fault):
                    raise KeyboardInterrupt from None
                if not _may_be_a_files(fault):
                    raise
                blamed = len(night.refused)
                run(NightStep("file at fault", partial(_blame, fault=fault)), night)
                if len(night.refused) == blamed:
                    raise fault.told(night.home) if isinstance(fault, GateRefusal) else fault from None
        except duckdb.OutOfMemoryException as fault:
            night.asked = _with_more_memory(night.asked, fault)
            night.tell(f"again with {night.asked.memory_mb} MB")


def _with_more_memory(asked: Asked, fault: duckdb.Error) -> Asked:
    """Twice the memory, if the machine has so much: what a night needs grows with what lands."""
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    if 2 * asked.memory_mb > 0.8 * has:
        raise PerfDBError(
            f"a refresh needs more than {asked.memory_mb} MB of memory ({str(fault).splitlines()[0]})",
            "The published PerfDB is unchanged. Refresh on a machine with more memory, or with fewer files in landing.",
        ) from None
    return replace(asked, memory_mb=2 * asked.memory_mb)


def _blame(night: Night, fault: BaseException) -> str:
    """Find the file without which ``fault`` does not happen, if there is one: it is refused."""

    faults: dict[int, BaseException] = {}  # by the number of files that it was met with

    def fails(some: Sequence[LandedFile]) -> bool:
        night.n_tried += 1
        try:
            with night.with_files([*night.refused, *some]) as fewer:
                for step in PREPARE:
                    step.do(fewer)
        except BaseException as again:
            if is_interrupt(again):
                raise KeyboardInterrupt from None
            if not _may_be_a_files(again):
                raise
            faults[len(some)] = again
            return is_relative or not (isinstance(again, GateRefusal) and again.is_relative)
        return False

    night.close()
    left = [file for file in night.files if file not in night.refused]
    is_relative = isinstance(fault, GateRefusal) and fault.is_relative
    guilty: LandedFile | None = None
    reason = reason_of(fault)
    if isinstance(fault, GateRefusal) and is_relative:
        # What is far from what was known may be so, and then no file is at fault: nobody searches for one. But one
        # that alone makes the night so is set aside, and the others are published.
        guilty = fault.file
        if guilty is not None and fails([file for file in left if file != guilty]):
            guilty = None
        reason += (
            f"; if it is so, `optiq ingest --retry-refused` and `optiq refresh {fault.accepting}` publish it"
        )
    elif night.n_sound is not None or (left and not fails(())):
        sound = night.n_sound or 0
        if sound < len(left):
            sound, guilty = culprit(left, fails, sound, MOST_TRIES - night.n_tried)
            night.n_sound = sound
            if guilty is None:
                return _leave_untried(night, left[sound:], reason)
            # another file may be at fault for what was met first
            reason = reason_of(faults.get(sound + 1, fault))
    if guilty is None:
        return "no landed file is at fault"
    if left.index(guilty) < (night.n_sound or 0):
        night.n_sound = (night.n_sound or 0) - 1
    night.refused[guilty] = reason
    night.tell(f"set aside {guilty.name}")
    return f"{guilty.name}: {reason}"


def _leave_untried(night: Night, files: Sequence[LandedFile], reason: str) -> str:
    """Set those of ``files`` aside that are of the first one's kind: to find each at fault would take the night."""
    others = [file for file in files if file.kind == files[0].kind]
    why = f"not tried, after {len(night.refused)} files at fault (`optiq ingest --retry-refused` tries it): {reason}"
    night.refused |= dict.fromkeys(others, why)
    told = f"set aside {len(others)} files of {files[0].kind} that were not tried"
    night.tell(told)
    return told


def _may_be_a_files(fault: BaseException) -> bool:
    """Whether a landed file may be at fault, and not the disk or the machine."""
    if isinstance(fault, GateError | InputError):  # what a step was given, it was given by a file
        return True
    if not isinstance(fault, Exception):  # a panic of Polars is none
        return type(fault).__name__ == "PanicException"
    others = (OptiqError, OSError, MemoryError, duckdb.OutOfMemoryException)
    return not isinstance(fault, others) and "No space left" not in str(fault)


def _report(night: Night, seconds: float) -> RefreshReport:
    if night.current is not None:
        return RefreshReport(night.current, False, seconds=seconds)
    merged = night.merged
    return RefreshReport(
        snapshot_id=night.name,
        published=True,
        n_files=len(merged.files),
        n_executions_new=merged.n_executions,
        n_calls_new=merged.n_calls,
        n_priors_new=merged.n_priors,
        n_guesses_new=merged.n_guesses,
        n_quarantined=merged.n_quarantined,
        n_statistics_new=night.n_new,
        n_statistics_changed=night.n_changed,
        checks=tuple(night.checks),
        refused={file.name: reason for file, reason in merged.refused.items()},
        drift=tuple(night.drift),
        gate_report=night.gate_report,
        seconds=seconds,
        counts=night.counts,
        learned=tuple(night.learned),
    )
