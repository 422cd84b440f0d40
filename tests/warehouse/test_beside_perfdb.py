"""What other programs leave beside the published file, and what other DuckDBs read of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from optiq.errors import InputError
from optiq.plans.plan import Plan
from warehouse.archive import diff_snapshots
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

ALONE = Plan.of(["smollm2:135m"])
KILLED_WRITER = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table theirs as select 1 as one")
os._exit(9)
"""


def left_open_for_writing(home: Home) -> Path:
    """Somebody writes the published file and is killed; returns the log that it leaves."""
    home.perfdb.chmod(0o644)
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(home.perfdb)], check=False)
    home.perfdb.chmod(0o444)
    log = home.perfdb.with_name("perfdb.duckdb.wal")
    assert log.stat().st_size > 0
    return log


def n_executions(home: Home) -> int:
    return query(home.perfdb, "select count(*) as n from executions")["n"][0]


@pytest.mark.parametrize("linked", [True, False], ids=["linked", "copied"])
def test_a_log_that_a_killed_writer_left_is_not_heard_and_goes(
    home: Home, traces: Any, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = left_open_for_writing(home)
    if not linked:  # the temporary folder is on another disk
        monkeypatch.setattr("tempfile.tempdir", "/dev/shm")
    with pytest.raises(InputError, match="theirs"):
        query(home.perfdb, "from theirs")
    land_traces(home, traces(traces.execution(ALONE, 1)))
    assert refresh(home, full_gate=False).published
    assert not log.exists()
    assert n_executions(home) == 1
    with duckdb.connect(str(home.perfdb), read_only=True) as theirs:  # any client
        assert theirs.execute("select count(*) from executions").fetchall() == [(1,)]
        assert ("theirs",) not in theirs.execute("show tables").fetchall()


def test_a_log_of_another_file_is_not_heard(home: Home, traces: Any) -> None:
    log = left_open_for_writing(home)
    aside = shutil.copyfile(log, home.path / "aside")
    land_traces(home, traces(traces.execution(ALONE, 1)))
    name = refresh(home, full_gate=False).snapshot_id
    for file in (home.perfdb, home.snapshots / f"{name}.duckdb"):
        shutil.copyfile(aside, file.with_name(f"{file.name}.wal"))
    assert n_executions(home) == 1
    assert diff_snapshots(home).after == name
    assert not refresh(home, full_gate=False).published
    assert n_executions(home) == 1


def test_the_published_file_is_of_a_format_that_duckdb_1_reads(home: Home, traces: Any) -> None:
    assert storage_version(home.perfdb) == "v1.0.0+"
    # One that was published in the format of DuckDB 2 is brought to it.
    newer = home.work / "newer.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.perfdb}' as old (read_only)")
        connection.execute(f"attach '{newer}' as new (storage_version 'latest')")
        connection.execute("copy from database old to new")
    newer.replace(home.perfdb)
    assert storage_version(home.perfdb) != "v1.0.0+"
    land_traces(home, traces(traces.execution(ALONE, 1)))
    refresh(home, full_gate=False)
    assert storage_version(home.perfdb) == "v1.0.0+"
    assert n_executions(home) == 1


def storage_version(file: Path) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as theirs (read_only)")
        tags = "select tags['storage_version'] from duckdb_databases() where database_name = 'theirs'"
        return str(connection.execute(tags).fetchall()[0][0])
