"""Kills and readers: real processes, real files."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces, landed
from warehouse.query import query
from warehouse.refresh import refresh

CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
REFRESH = """
import sys
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.refresh import refresh
print("ready", flush=True)
refresh(find_home(sys.argv[1]), full_gate=False)
"""
TABLES = ("executions", "calls", "plan_days", "model_days", "plan_statistics", "model_figures", "quarantine")


def test_kill_9_at_random_moments_changes_nothing(home: Home, traces: Any, tmp_path: Path) -> None:
    for i in range(4):
        land_traces(home, traces(*[traces.execution(CHAIN, 50 * i + j) for j in range(50)]), i)
    twin = Home(tmp_path / "undisturbed")
    shutil.copytree(home.path, twin.path)
    refresh(twin, full_gate=False)
    rng = random.Random(5)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", REFRESH, str(home.path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.7))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert query(home.perfdb, "select count(*) as n from executions")["n"][0] in (0, 200)
    refresh(home, full_gate=False)
    assert landed(home) == []
    assert list(home.work.iterdir()) == []
    for table in TABLES:
        columns = "* exclude (ingested_at)" if table == "quarantine" else "*"
        statement = f"select {columns} from {table} order by all"
        assert query(home.perfdb, statement).equals(query(twin.perfdb, statement)), table


def test_readers_never_see_an_error_or_half_a_refresh(home: Home, traces: Any) -> None:
    over = threading.Event()
    faults: list[str] = []
    seen: set[int] = set()

    def read() -> None:
        # One statement sees one snapshot: what it counts is what that snapshot says of itself.
        statement = (
            "select count(*) as n, any_value(counts['executions']) as said from executions, "
            "(select counts from snapshots order by number desc limit 1) having count(*) > 0"
        )
        held = duckdb.connect(str(home.perfdb), read_only=True)
        first = held.execute("select count(*) from executions").fetchall()
        while not over.is_set():
            try:
                for n, said in query(home.perfdb, statement).rows():
                    seen.add(n)
                    if n != said:
                        faults.append(f"{n} executions, {said} recorded")
                if held.execute("select count(*) from executions").fetchall() != first:
                    faults.append("a held snapshot changed")
            except Exception as fault:  # whatever it is, no reader may see it
                faults.append(repr(fault))
            over.wait(1.0)
        held.close()

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for i in range(4):
        land_traces(home, traces(*[traces.execution(CHAIN, 10 * i + j) for j in range(10)]))
        refresh(home, full_gate=False)
    over.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert seen <= {10, 20, 30, 40}
    assert len(seen) > 1
