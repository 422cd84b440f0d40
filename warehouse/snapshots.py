"""Snapshots: the record of a published set of statistics, and the files of earlier ones."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from optiq.files.copying import copy_apart, take_over
from warehouse.check_result import CheckResult
from warehouse.home import Home
from warehouse.landing import sync_folder
from warehouse.migrate import code_version, newest_version
from warehouse.publish import published_before
from warehouse.rows import temp_table
from warehouse.statistics import Settings

_TABLES = (
    "models",
    "priors",
    "plans",
    "executions",
    "calls",
    "plan_statistics",
    "model_figures",
    "quarantine",
)


def record_snapshot(
    connection: duckdb.DuckDBPyConnection,
    inputs: list[str],
    checks: list[CheckResult],
    settings: Settings,
    taken: Iterable[str] = (),
) -> tuple[str, dict[str, int]]:
    """Write the rows of ``snapshots`` and ``quality_checks``; returns the id and the rows per table.

    The same inputs (file ids) and settings on the same snapshot with the same code make the same id.
    ``taken`` are ids that are in use; the new number is above theirs.
    """
    rows = connection.execute(
        "select snapshot_id, number from snapshots order by number desc limit 1"
    ).fetchall()
    previous, number = (rows[0][0], rows[0][1] + 1) if rows else ("", 1)
    # After a restore later numbers are taken.
    number = max(number, *(int(name.split("-")[0]) + 1 for name in taken), 1)
    inputs = sorted(inputs)
    what = json.dumps([previous, inputs, settings.to_json(), code_version(), newest_version()])
    name = f"{number:06d}-{hashlib.sha256(what.encode()).hexdigest()[:10]}"
    counts = {table: len(connection.table(table)) for table in _TABLES}
    now = datetime.now(UTC).replace(tzinfo=None)
    passed = f"{sum(check.passed for check in checks)} of {len(checks)} checks passed"
    if accepted := sorted({check.name for check in checks if check.accepted}):
        passed += f", accepted: {', '.join(accepted)}"
    connection.begin()
    types = {
        "name": "varchar",
        "tool": "varchar",
        "passed": "boolean",
        "n_bad_rows": "bigint",
        "example": "varchar",
        "accepted": "boolean",
    }
    rows = [(c.name, c.tool, c.passed, c.n_bad_rows, c.example, c.accepted) for c in checks]
    temp_table(connection, "passed_checks", types, rows)
    connection.execute(
        "insert into quality_checks by name select *, $snapshot as snapshot_id, $now as checked_at from passed_checks",
        {"snapshot": name, "now": now},
    )
    connection.execute(
        "insert into snapshots values (?, ?, ?, ?, ?, ?, ?, map(?::varchar[], ?::bigint[]), ?)",
        [
            name,
            number,
            now,
            code_version(),
            newest_version(),
            settings.to_json(),
            inputs,
            list(counts),
            list(counts.values()),
            passed,
        ],
    )
    connection.commit()
    return name, counts


def keep_snapshot(home: Home, snapshot_id: str) -> Path:
    """Keep the published file as ``snapshots/<snapshot_id>.duckdb``.

    It is a file of its own, blocks shared where the file system can: damage in place to the one spares the other.
    """
    target = home.snapshots / f"{snapshot_id}.duckdb"
    if not target.exists():
        temporary = home.work / f"{snapshot_id}.keep"
        temporary.unlink(missing_ok=True)
        try:
            if (old := published_before(home)).exists():
                take_over(old, temporary)
            copy_apart(home.perfdb, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(home.snapshots)
    return target


_ID = re.compile(r"\d+-\w+")


def kept_snapshots(home: Home) -> dict[str, Path]:
    """The files of kept snapshots by id, oldest first; what else lies beside them is not ours."""
    found = sorted(home.snapshots.glob("*.duckdb"))
    return {path.stem: path for path in found if _ID.fullmatch(path.stem)}


def prune_snapshots(home: Home, keep: int) -> None:
    """Remove all but the latest ``keep`` snapshots (ids begin with their number)."""
    for path in [*kept_snapshots(home).values()][: -max(keep, 1)]:
        for file in (path, _gate_report(home, path)):
            with suppress(OSError):
                file.unlink()


def take_oldest(home: Home, keep: int, target: Path) -> None:
    """Rename the file of the oldest snapshot to ``target`` if it would be removed as soon as there is one more.

    A copy that is made over it takes little. The newest is never taken; what somebody reads stays.
    """
    kept = [*kept_snapshots(home).values()]
    if len(kept) >= max(keep, 2) and take_over(kept[0], target):
        with suppress(OSError):
            _gate_report(home, kept[0]).unlink()


def _gate_report(home: Home, snapshot: Path) -> Path:
    return home.gate / f"{snapshot.stem}.md"
