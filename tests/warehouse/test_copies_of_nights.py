"""A night copies over files that nobody needs any more: each snapshot stays what it was, whoever reads what."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optiq.errors import GateError
from optiq.plans.plan import Plan
from warehouse import gate
from warehouse.check_result import CheckResult
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.snapshots import kept_snapshots

A = Plan.of(["smollm2:135m"])
COUNT = "select count(*) from executions"


def night(home: Home, traces: Any, number: int, keep: int = 2) -> str:
    land_traces(home, traces(traces.execution(A, number)))
    return refresh(home, keep=keep).snapshot_id


def held(home: Home) -> dict[str, int]:
    """How many executions each kept snapshot has."""
    return {name: query(file, COUNT).item() for name, file in kept_snapshots(home).items()}


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_every_snapshot_is_its_own_night(home: Home, traces: Any, keep: int) -> None:
    names = [*kept_snapshots(home)]
    for number in range(1, 6):
        names.append(night(home, traces, number, keep))
        last = [*range(number + 1)][-keep:]
        assert held(home) == dict(zip(names[-keep:], last, strict=True))
        newest = kept_snapshots(home)[names[-1]]
        assert newest.read_bytes() == home.perfdb.read_bytes()
        assert newest.stat().st_ino != home.perfdb.stat().st_ino
    modes = {file.stat().st_mode for file in (*kept_snapshots(home).values(), home.perfdb)}
    assert len(modes) == 1
    assert not [*home.work.iterdir()]


_READER = """
import hashlib, sys
opened = [open(path, "rb") for path in sys.argv[1:]]
print("open", flush=True)
sys.stdin.read()
print(*(hashlib.sha256(one.read()).hexdigest() for one in opened))
"""


def test_who_has_an_old_file_open_keeps_it(home: Home, traces: Any) -> None:
    night(home, traces, 1)
    files = [home.perfdb, *kept_snapshots(home).values()]
    before = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    command = [sys.executable, "-c", _READER, *map(str, files)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        for number in range(2, 6):
            night(home, traces, number)
        said, _ = reader.communicate("")
    assert said.split() == before
    assert [*held(home).values()] == [4, 5]


def test_a_backup_that_links_files_keeps_them(home: Home, traces: Any, tmp_path: Path) -> None:
    night(home, traces, 1)
    linked = {}
    for name, file in {**kept_snapshots(home), "published": home.perfdb}.items():
        os.link(file, tmp_path / name)
        linked[tmp_path / name] = file.read_bytes()
    for number in range(2, 5):
        night(home, traces, number)
    assert {file: file.read_bytes() for file in linked} == linked


def test_nights_that_are_refused_take_one_old_snapshot_at_most(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        night(home, traces, number, keep=3)
    before = held(home)
    refusing = CheckResult("made_up", "sql", 2, "{}")
    monkeypatch.setattr(gate, "run_checks", lambda connection, full: [refusing])
    for number in range(4, 7):
        with pytest.raises(GateError):
            night(home, traces, number, keep=3)
    assert held(home) == dict([*before.items()][1:])
    monkeypatch.undo()
    refresh(home, keep=3)
    assert [*held(home).values()] == [2, 3, 6]
