"""A night of PerfDB: what a refresh knows while it runs, and its steps in order.

Everything before :data:`PUBLISH` happens in a copy of the published file and can be done again from the start, with
other landed files: readers see nothing of it. Who runs the steps (:mod:`warehouse.refresh`) decides how: as plain
calls, or as tasks that somebody watches. What only some steps need is loaded by those: most nights have nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

import sql
from optiq.errors import GateError
from optiq.files.copying import copying
from warehouse.check_result import CheckResult
from warehouse.connection import log_of, reading, writing
from warehouse.home import Home, empty_work
from warehouse.landing import LandedFile, content_hash, landed
from warehouse.lock import PATIENCE_S, alone
from warehouse.migrate import migrate, pending
from warehouse.priors import shipped
from warehouse.publish import compact, publish
from warehouse.refused import set_aside
from warehouse.relative_rules import RULES
from warehouse.snapshots import keep_snapshot, kept_snapshots, prune_snapshots, record_snapshot, take_oldest
from warehouse.sources import has_landed, merged_among, merged_sources
from warehouse.statistics import Settings, recompute, snapshot_id, stored_settings
from warehouse.template import start_new

if TYPE_CHECKING:
    from warehouse.drift import Comparison
    from warehouse.merge import Checked, Merged


_OF_LATER_STEPS = (
    "warehouse.merge",
    "warehouse.relative",
    "warehouse.drift",
    "warehouse.confidence",
    "warehouse.found_topics",
    "warehouse.topics",
    "warehouse.chemistry",
    "warehouse.views",
    "warehouse.neighbours",
    "warehouse.gate",
    "warehouse.gate_report",
)
"""What later steps load: that takes as long as to copy a file of 1 M executions, and is done meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a refresh was asked for; see :func:`warehouse.refresh.refresh`."""

    settings: Settings
    full_gate: bool = False
    accept: frozenset[str] = frozenset()
    keep: int = 7
    memory_mb: int = 600
    lock_timeout_s: float = PATIENCE_S


@dataclass(slots=True)
class Night:
    """What is known so far. A field without a default is there once its step is done.

    ``current`` is the published snapshot if there is nothing new. ``refused`` are files that are known to break a
    night, with the reason; of the others the first ``n_sound`` are known to break none (None: nor is it known whether
    the night breaks without any), after ``n_tried`` preparations with some of them. ``tell`` is told what was done, in
    more detail than the steps.
    """

    home: Home
    asked: Asked
    tell: Callable[[str], None]
    files: list[LandedFile] = field(default_factory=list)
    refused: dict[LandedFile, str] = field(default_factory=dict)
    n_sound: int | None = None
    n_tried: int = 0
    current: str | None = None
    connection: duckdb.DuckDBPyConnection = field(init=False)
    checked: Checked = field(init=False)
    merged: Merged = field(init=False)
    quarantined: dict[str, int] = field(init=False)
    drift: list[Comparison] = field(init=False)
    checks: list[CheckResult] = field(init=False)
    name: str = field(init=False)
    counts: dict[str, int] = field(init=False)
    n_new: int = field(init=False)
    n_changed: int = field(init=False)
    learned: list[dict[str, Any]] = field(init=False)
    gate_report: str = field(init=False)
    _finished: Path = field(init=False)
    _held: ExitStack = field(default_factory=ExitStack)
    _opened: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Night:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        finally:
            self._held.__exit__(kind, fault, trace)

    def close(self) -> None:
        """Close the working file, if it is open."""
        self._opened.close()

    def with_files(self, files: Sequence[LandedFile]) -> Night:
        """The same night with these files only, to prepare; it does not hold the lock."""
        return Night(self.home, self.asked, self.tell, list(files), self.refused)

    def land(self) -> str:
        """Take the home's lock, land the shipped priors, and see what there is to merge."""
        with ExitStack() as taken:
            taken.enter_context(alone(self.home, self.asked.lock_timeout_s))
            taken.enter_context(self.home.publishing())
            taken.enter_context(empty_work(self.home))
            self.tell("started")
            self._land_shipped_priors()
            self.files = landed(self.home)
            self.current = self._nothing_new() if self.home.perfdb.exists() else None
            self._held = taken.pop_all()
        if self.current is not None:
            self._remove({})
            return f"nothing new since snapshot {self.current}"
        return f"{len(self.files)} landed files"

    def _land_shipped_priors(self) -> None:
        digest = content_hash(shipped())
        if digest not in merged_sources(self.home) and not has_landed(self.home, "priors", digest):
            from warehouse.ingest import ingest_priors

            ingest_priors(self.home, [shipped()], trusted=True)

    def copy(self) -> str:
        """Copy the published file and bring the copy to the schema of this version."""
        self.close()
        working = self._working
        working.unlink(missing_ok=True)
        log_of(working).unlink(missing_ok=True)
        if self.home.perfdb.exists():
            take_oldest(self.home, self.asked.keep, working)
            with copying(self.home.perfdb, working):
                for module in _OF_LATER_STEPS:
                    import_module(module)
            self.tell("copied")
        else:
            start_new(working, self.home.work / "spill")
        self.connection = self._opened.enter_context(
            writing(working, self.home.work / "spill", self.asked.memory_mb)
        )
        migrate(self.connection)
        self.tell("migrated")
        self.connection.execute(sql.read("merge/macros"))
        last = self.connection.execute("select coalesce(max(ingestion), 0) from ingested_files").fetchall()[0]
        self.connection.execute("set variable last_ingestion = $last", {"last": last[0]})
        before = "select topic, task, plan_key, n_observations, n_failed, qoa from plan_statistics"
        self.connection.execute(f"create temp table statistics_before as {before}")
        return "a working copy"

    def check(self) -> str:
        """Look which landed files are new, and which of them cannot be read."""
        from warehouse.merge import check_files
        from warehouse.relative import remember_known

        remember_known(self.connection)
        self.checked = check_files(self.connection, self.files, self.refused, self.home.work)
        return f"{len(self.checked.files)} new files, {len(self.checked.faults)} of them refused"

    def merge(self) -> str:
        """Merge the rows of the new files, each once; what is wrong with a row sets it aside."""
        from warehouse.merge import DamagedInsideError, merge

        while True:
            try:
                self.merged = merge(self.connection, self.checked, self.home.work, self.tell)
                break
            except DamagedInsideError as found:
                self.refused |= found.faults
                self.copy()
                self.check()
        reasons = "select reason, count(*) from quarantine where ingested_at = getvariable('now') "
        reasons += "and row_number is not null group by reason order by count(*) desc, reason"
        self.quarantined = dict(self.connection.execute(reasons).fetchall())
        return (
            f"{self.merged.n_executions} executions, {self.merged.n_calls} calls, "
            f"{self.merged.n_priors} published figures, {self.merged.n_guesses} guessed; "
            f"{self.merged.n_quarantined} rows set aside"
        )

    def judge_drift(self) -> str:
        """Compare new calls of each model with earlier ones."""
        from warehouse.drift import judge_drift

        with self._transaction():
            self.connection.execute(sql.read("statistics/10_models"))
            self.drift = judge_drift(self.connection)
        self.tell("drift judged")
        drifted = sorted({row.model for row in self.drift if row.verdict == "drifted"})
        return f"{len(self.drift)} comparisons; drifted: {', '.join(drifted) or 'none'}"

    def recompute_statistics(self) -> str:
        """Statistics per topic, task and plan."""
        from warehouse.confidence import recompute_confidence

        with self._transaction():
            recompute(self.connection, self.asked.settings)
            recompute_confidence(self.connection)
        self.tell("statistics recomputed")
        return f"{len(self.connection.table('plan_statistics'))} statistics"

    def learn_topics(self) -> str:
        """Fit the topic model again if labelled questions have changed enough; what the others are about."""
        from warehouse.found_topics import recompute_found_topics
        from warehouse.topics import recompute_topics

        with self._transaction():
            recompute_topics(self.connection, self.asked.settings.topic_model)
            said = recompute_found_topics(self.connection, self.tell)
        self.tell("topics learned")
        return f"topics are up to date; {said}"

    def compute_chemistry(self) -> str:
        """Which models complement each other, if their trials changed."""
        from warehouse.chemistry import recompute_chemistry

        with self._transaction():
            changed = recompute_chemistry(self.connection)
        if changed:
            self.tell("chemistry computed")
        return "computed" if changed else "as before"

    def fill_levels(self) -> str:
        """The tables and views that people look at."""
        from warehouse.views import fill_levels, remake_views

        with self._transaction():
            if remake_views(self.connection):
                self.tell("views made")
            fill_levels(self.connection)
        self.tell("levels filled")
        return "levels filled"

    def read_past_questions(self) -> str:
        """What neighbours of a question will say."""
        from warehouse.neighbours import recompute_neighbours

        with self._transaction():
            changed = recompute_neighbours(self.connection)
        if changed:
            self.tell("past questions read")
        return "past questions read" if changed else "no new answers"

    def pass_gate(self) -> str:
        """Check what would be published, record it as a snapshot, and close the file.

        Raises
        ------
        GateRefusal
            if anything is wrong with it.
        """
        from warehouse.gate import compare_with_known, refusal, run_checks
        from warehouse.relative import record_accepted

        full = self.asked.full_gate
        relative, accepted = compare_with_known(self.connection, full, self.asked.accept)
        self.checks = run_checks(self.connection, full) + relative
        if (why := refusal(self.checks)) is not None:
            raise GateRefusal.of(why, self)
        self.tell("gate passed")
        inputs = [file.file_id for file in self.merged.files]
        taken = kept_snapshots(self.home)
        self.name, self.counts = record_snapshot(
            self.connection, inputs, self.checks, self.asked.settings, taken
        )
        record_accepted(self.connection, self.name, accepted)
        changes = self.connection.execute(sql.read("merge/statistics_changed")).fetchall()[0]
        self.n_new, self.n_changed = changes
        learned = self.connection.execute(sql.read("merge/learned"))
        columns = [about[0] for about in learned.description or ()]
        self.learned = [dict(zip(columns, row, strict=True)) for row in learned.fetchall()]
        self.tell("snapshot recorded")
        self._finished = compact(self.connection, self._working)
        self.close()
        self.tell("closed")
        return f"{len(self.checks)} checks passed"

    def publish(self) -> str:
        """Rename the file over the published one, keep the snapshot, take merged files away, let go of the lock."""
        publish(self.home, self._finished)
        self.tell("published")
        keep_snapshot(self.home, self.name)
        merged = self.merged
        self.gate_report = self.write_report(self.name)
        prune_snapshots(self.home, self.asked.keep)
        self.tell("snapshot kept")
        self._remove(merged.refused)
        self.tell("done")
        self._held.close()
        return f"snapshot {self.name}"

    def write_report(self, name: str = "") -> str:
        """Write what the gate found; returns the path."""
        from warehouse.gate_report import write_gate_report

        merged = self.merged
        return write_gate_report(self.home, self.checks, merged.files, name, merged.refused, self.quarantined)

    @property
    def _working(self) -> Path:
        return self.home.work / "refresh.duckdb"

    def _remove(self, refused: Mapping[LandedFile, str]) -> None:
        """Take merged files out of landing; the refused ones are kept beside it."""
        for file in self.files:
            if file in refused:
                set_aside(self.home, file, refused[file])
        for place in {file.place for file in self.files if file not in refused}:
            with suppress(FileNotFoundError):
                place.unlink()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of a step or nothing, written once; a working file whose step failed is thrown away."""
        self.connection.begin()
        yield
        self.connection.commit()

    def _nothing_new(self) -> str | None:
        """The published snapshot's id if a refresh would change nothing."""
        with reading(self.home.perfdb, any_version=True) as connection:
            if pending(connection):
                return None
            if {file.file_id for file in self.files} - merged_among(connection, self.files):
                return None
            if stored_settings(connection) != self.asked.settings.to_json():
                return None
            current = snapshot_id(connection)
        keep_snapshot(self.home, current)
        return current


@dataclass(frozen=True, slots=True)
class NightStep:
    """A step: what people call it, what it does (and says that it did), whether trying again may help."""

    name: str
    do: Callable[[Night], str]
    may_pass: bool = False


LAND = NightStep("land", Night.land, may_pass=True)
PREPARE = (
    NightStep("copy", Night.copy),
    NightStep("check", Night.check),
    NightStep("merge", Night.merge),
    NightStep("drift", Night.judge_drift),
    NightStep("statistics", Night.recompute_statistics),
    NightStep("topics", Night.learn_topics),
    NightStep("chemistry", Night.compute_chemistry),
    NightStep("levels", Night.fill_levels),
    NightStep("neighbours", Night.read_past_questions),
    NightStep("gate", Night.pass_gate),
)
"""From the copy to a file that may be published."""
PUBLISH = NightStep("publish", Night.publish)


class GateRefusal(GateError):
    """The gate refuses what was merged: ``checks`` says what is wrong with it."""

    checks: Sequence[CheckResult] = ()
    merged: Merged
    quarantined: Mapping[str, int] = MappingProxyType({})

    @property
    def _refusing(self) -> list[CheckResult]:
        return [check for check in self.checks if check.refuses]

    @property
    def is_relative(self) -> bool:
        """Whether the night is only far from what was known: that may be so, and a person can accept it."""
        return all(check.relative for check in self._refusing)

    @property
    def file(self) -> LandedFile | None:
        """The landed file with most of the rows that are far off, if it is not the only new one."""
        names = [check.file for check in self._refusing if check.file]
        others = [file for file in self.merged.files if file.name not in names and file.kind != "rejects"]
        return next((file for file in self.merged.files if file.name in names[:1] and others), None)

    @property
    def accepting(self) -> str:
        """The flags that accept the rules that refuse."""
        return " ".join(f"--accept {check.name}" for check in self._refusing if check.name in RULES)

    @classmethod
    def of(cls, why: str, night: Night) -> GateRefusal:
        """The refusal of a night."""
        made = cls(why)
        made.checks, made.merged, made.quarantined = night.checks, night.merged, night.quarantined
        return made

    def told(self, home: Home) -> GateRefusal:
        """As it is said: with the report, which is written now."""
        from warehouse.gate_report import write_gate_report

        merged = self.merged
        report = write_gate_report(
            home, list(self.checks), merged.files, refused=merged.refused, quarantined=self.quarantined
        )
        remedy = "mend or remove the file in landing that brought them."
        if self.is_relative:
            remedy = f"if it is so, accept it: `optiq refresh {self.accepting}`; if not, {remedy}"
        said = GateRefusal(
            f"not published: {self.message}; the report is {report}",
            f"The published PerfDB is unchanged; {remedy}",
        )
        said.checks, said.merged, said.quarantined = self.checks, self.merged, self.quarantined
        return said
