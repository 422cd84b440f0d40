"""A home that cannot be written: one line that names the file and the reason, nothing half done."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from optiq.errors import PerfDBError
from optiq.plans.plan import Plan
from warehouse.archive import restore_snapshot
from warehouse.home import Home
from warehouse.ingest import ingest_priors
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import init, refresh

NOBODY = 65534


@contextmanager
def without_rights() -> Iterator[None]:
    """The superuser may write anything, so it becomes somebody else for a while."""
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)


@pytest.fixture
def read_only(home: Home, traces: Any) -> Iterator[Home]:
    """A home with something landed, in which nothing may be written."""
    land_traces(home, traces(traces.execution(Plan.of(["smollm2:135m"]), 1)))
    folder = Path(tempfile.mkdtemp(prefix="optiq-read-only-"))
    folder.chmod(0o755)
    shutil.copytree(home.path, folder / "home")
    everything = [folder / "home", *(folder / "home").rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield Home(folder / "home")
    for path in everything:
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(folder)


def test_a_read_only_home_is_said_in_one_line(read_only: Home, tmp_path: Path) -> None:
    shared = Path(tempfile.mkdtemp(prefix="optiq-given-"))
    shared.chmod(0o755)
    file = shared / "priors.csv"
    file.write_text("model,qoa\nphi4:14b,0.5\n")
    (snapshot,) = (path.stem for path in read_only.snapshots.glob("*.duckdb"))
    with without_rights():
        for attempt in (
            lambda: refresh(read_only, full_gate=False),
            lambda: ingest_priors(read_only, [file]),
            lambda: restore_snapshot(read_only, snapshot),
            lambda: init(Home(read_only.path / "another")),
        ):
            with pytest.raises(PerfDBError, match=r"cannot be used.*: .*Permission denied") as caught:
                attempt()
            assert "--perfdb" in str(caught.value)
            assert str(read_only.path) in str(caught.value)
        # Reading needs no right to write, and what is there needs no init.
        assert not init(read_only).published
        assert query(read_only.perfdb, "select 1 as one").height == 1
    shutil.rmtree(shared)


def test_init_leaves_what_has_landed(home: Home, traces: Any) -> None:
    land_traces(home, traces(traces.execution(Plan.of(["smollm2:135m"]), 1)))
    assert not init(home).published
    assert len(list(home.landing.glob("traces-*"))) == 1
    assert query(home.perfdb, "select count(*) as n from executions")["n"][0] == 0
    assert refresh(home, full_gate=False).n_executions_new == 1


def test_a_link_in_the_work_folder_is_taken_away_and_what_it_leads_to_is_not(
    home: Home, tmp_path: Path
) -> None:
    """In a shared home another may have put it there: what a refresh spills would go where it leads."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (home.work / "spill").symlink_to(tmp_path / "mine")
    refresh(home)
    assert not list(home.work.iterdir())
    assert (tmp_path / "mine" / "file").read_text() == "mine"
