"""Earlier snapshots: listed, compared, restored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from optiq.errors import PerfDBError, UnknownName
from warehouse.connection import connect_to, explained, reading, silent
from warehouse.home import Home, empty_work, usable
from warehouse.later import Later, landing_later, later
from warehouse.lock import PATIENCE_S, alone
from warehouse.publish import publish
from warehouse.snapshots import keep_snapshot, kept_snapshots
from warehouse.statistics import snapshot_id


@dataclass(frozen=True, slots=True)
class SnapshotDiff:
    """What differs from snapshot ``before`` to snapshot ``after``.

    ``plans`` has a row per topic × plan whose statistics are new, gone or changed, ``figures`` one per
    model × topic × metric, ``counts`` one per table; each with the values before and after.
    """

    before: str
    after: str
    plans: pl.DataFrame
    figures: pl.DataFrame
    counts: pl.DataFrame


def list_snapshots(home: Home) -> pl.DataFrame:
    """Every snapshot on record, newest first, with what went in, its gate, and whether its file is kept.

    Columns: ``snapshot_id``, ``created_at``, ``code_version``, ``n_inputs``, ``executions``, ``calls``,
    ``plan_statistics``, ``gate``, ``settings``, ``published``, ``kept``.
    """
    with reading(home.perfdb, any_version=True) as connection:
        current = snapshot_id(connection)
        frames = [connection.sql(sql.read("queries/snapshots")).pl()]
    kept = _kept(home)
    # After a restore the published file does not know the snapshots that came later: their own files do.
    for name in sorted(set(kept) - set(frames[0]["snapshot_id"])):
        with reading(kept[name], any_version=True) as connection:
            frames.append(connection.sql(sql.read("queries/snapshots")).pl())
    return (
        pl.concat(frames)
        .unique("snapshot_id", keep="first")
        .with_columns(
            published=pl.col("snapshot_id") == current, kept=pl.col("snapshot_id").is_in(list(kept))
        )
        .sort("snapshot_id", descending=True)
    )


def diff_snapshots(home: Home, before: str | None = None, after: str | None = None) -> SnapshotDiff:
    """Compare two kept snapshots; by default the published one with the one before it.

    Raises
    ------
    UnknownName
        if a snapshot is not kept.
    PerfDBError
        if there is only one snapshot, or a file cannot be used.
    """
    with reading(home.perfdb, any_version=True) as connection:
        current = snapshot_id(connection)
    kept = _kept(home)
    after = _named(home, after) if after else current
    if before is None:
        earlier = [name for name in sorted(kept) if name < after]
        if not earlier:
            raise PerfDBError("there is no earlier snapshot to compare with", "Refresh when there is news.")
        before = earlier[-1]
    before = _named(home, before)
    with _both(kept[before], kept.get(after, home.perfdb)) as connection:
        return SnapshotDiff(
            before,
            after,
            connection.sql(sql.read("queries/snapshot_diff_plans")).pl(),
            connection.sql(sql.read("queries/snapshot_diff_figures")).pl(),
            connection.sql(sql.read("queries/snapshot_diff_counts")).pl(),
        )


def describe_snapshot(home: Home, name: str = "current") -> dict[str, Any]:
    """One kept snapshot as it tells of itself: id, time, version, settings, number of files, counts, gate.

    Raises
    ------
    UnknownName
        if it is not kept.
    """
    with reading(snapshot_file(home, name), any_version=True) as connection:
        told = connection.sql(sql.read("queries/snapshot_described")).pl().row(0, named=True)
    return {**told, "counts": dict(told["counts"])}


def snapshot_file(home: Home, name: str) -> Path:
    """The file of a kept snapshot; ``current`` is the published one. :class:`UnknownName` if it is not kept."""
    return home.perfdb if name == "current" else _kept(home)[_named(home, name)]


@dataclass(frozen=True, slots=True)
class Restored:
    """A snapshot that is published again: what it lacks of the one before it, and the files that landed again.

    ``missing`` is None if the one before it cannot be read.
    """

    snapshot_id: str
    missing: Later | None
    landed: list[Path]


def restore_snapshot(
    home: Home, name: str, lock_timeout_s: float = PATIENCE_S, keep_later: bool = False
) -> Restored:
    """Publish a kept snapshot again, atomically.

    What was merged after it is no longer in the published PerfDB; the snapshot that has it is kept, so a
    restore can be taken back by restoring that one. With ``keep_later`` it is landed again besides, for the next
    refresh to merge.

    Raises
    ------
    UnknownName
        if the snapshot is not kept.
    PerfDBError
        if its file cannot be used, a refresh is running, or the home cannot be written; with ``keep_later`` also if the
        published PerfDB cannot be read.
    """
    name = _named(home, name)
    file = _kept(home)[name]
    home.create()
    with usable(home), alone(home, lock_timeout_s), home.publishing(), empty_work(home):
        with reading(file, any_version=True) as connection:
            if snapshot_id(connection) != name:
                raise PerfDBError(f"{file} is not the snapshot {name}", "Restore another one.")
        copy = home.work / "restore.duckdb"
        shutil.copyfile(file, copy)
        if not home.perfdb.exists() or not (_keep_current(home) or keep_later):
            publish(home, copy)
            return Restored(name, None, [])
        with _both(file, home.perfdb) as connection, explained(home.perfdb), ExitStack() as stack:
            missing = later(connection)
            landed = stack.enter_context(landing_later(home, connection)) if keep_later else []
            publish(home, copy)
    return Restored(name, missing, landed)


def _keep_current(home: Home) -> bool:
    """Keep the published snapshot, unless it cannot be used: a restore is the way out then. Whether it is kept."""
    try:
        with reading(home.perfdb, any_version=True) as connection:
            current = snapshot_id(connection)
    except PerfDBError:
        return False
    keep_snapshot(home, current)
    return True


def _kept(home: Home) -> dict[str, Path]:
    home.fetch("snapshots")
    return kept_snapshots(home)


def _named(home: Home, name: str) -> str:
    """The kept snapshot that ``name`` or the beginning of its id names; its number will do."""
    kept = sorted(_kept(home))
    wanted = name.strip()
    found = [known for known in kept if known == wanted] or [
        known
        for known in kept
        if known.startswith(wanted) or (wanted.isdigit() and int(known.split("-")[0]) == int(wanted))
    ]
    if len(found) != 1:
        what = "is kept under that name" if not found else f"is meant: {', '.join(found)}"
        raise UnknownName(f"no one snapshot {what} ({wanted!r})", f"Kept are {', '.join(kept) or 'none'}.")
    return found[0]


@contextmanager
def _both(before: Path, after: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    for file in (before, after):
        with reading(file, any_version=True):
            pass
    connection = silent(":memory:")
    try:
        for name, file in (("before", before), ("after", after)):
            with explained(file):
                connect_to(connection, file, name)
                for table in ("plan_statistics", "model_figures"):
                    connection.execute(_with_task(connection, name, table))
        yield connection
    finally:
        connection.close()


def _with_task(connection: duckdb.DuckDBPyConnection, name: str, table: str) -> str:
    """A statement that makes the view ``<name>_<table>``: in older snapshots task stands in topic or nowhere."""
    columns = connection.execute(
        "select column_name from duckdb_columns() where database_name = ? and table_name = ?", [name, table]
    ).fetchall()
    chosen = "*"
    if ("task",) not in columns:
        is_task = "topic in ('open', 'choice')"
        chosen = (
            f"* replace (case when {is_task} then '*' else topic end as topic), "
            f"case when {is_task} then topic else '*' end as task"
        )
    return f"create temp view {name}_{table} as select {chosen} from {name}.{table}"  # noqa: S608
