"""A disk that is full: one line, nothing half written, and the same command works once there is room."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from optiq.errors import PerfDBError
from optiq.plans.plan import Plan
from tests.small_disk import fill, make_room
from warehouse.archive import restore_snapshot
from warehouse.home import Home
from warehouse.ingest import ingest_priors
from warehouse.landing import land_traces, landed
from warehouse.query import query
from warehouse.refresh import refresh

CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
MB = 2**20


@pytest.fixture
def small(home: Home, small_disk: Path) -> Home:
    """A home on a disk that can be filled."""
    shutil.copytree(home.path, small_disk / "home")
    return Home(small_disk / "home")


def everything(home: Home) -> dict[str, bytes]:
    return {
        str(path.relative_to(home.path)): path.read_bytes()
        for path in sorted(home.path.rglob("*"))
        if path.is_file()
    }


def test_a_refresh_on_a_full_disk_leaves_all_as_it_was(small: Home, small_disk: Path, traces: Any) -> None:
    land_traces(small, traces(*[traces.execution(CHAIN, i) for i in range(200)]))
    (small.work / "of a killed one").write_bytes(b"x")
    before = everything(small)
    before.pop("work/of a killed one")
    for free in (0, MB // 10, 2 * MB, 6 * MB, 7 * MB):
        fill(small_disk, free)
        with pytest.raises(PerfDBError, match=r"no space left on the disk of .*home/"):
            refresh(small, full_gate=False)
        assert everything(small) == before, free
    make_room(small_disk)
    assert refresh(small, full_gate=False).n_executions_new == 200
    assert landed(small) == []
    assert query(small.perfdb, "select count(*) as n from executions")["n"][0] == 200


def test_what_lands_on_a_full_disk_lands_whole_or_not(
    small: Home, small_disk: Path, traces: Any, tmp_path: Path
) -> None:
    file = tmp_path / "priors.csv"
    file.write_text("model,qoa\nphi4:14b,0.5\nphi4:14b,7\n")
    fill(small_disk, 0)
    for attempt in (
        lambda: land_traces(small, traces(traces.execution(CHAIN, 1))),
        lambda: ingest_priors(small, [file]),
        lambda: restore_snapshot(small, "1"),
    ):
        before = everything(small)
        with pytest.raises(PerfDBError, match="no space left on the disk of"):
            attempt()
        assert everything(small) == before
    make_room(small_disk)
    assert ingest_priors(small, [file]).n_landed == 1
