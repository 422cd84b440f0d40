"""Processes that hold PerfDB open and query it while refreshes run: none may see a fault or half a refresh.

python -m benchmarks.refresh.readers HOME      one reader, until its input is closed
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

from benchmarks.refresh.measure import generate, measured_refresh

# One statement sees one snapshot: what its tables hold is what that snapshot says of itself.
_STATEMENT = """
select
    number,
    counts['executions'] as executions_said, (select count(*) from executions) as executions,
    counts['calls'] as calls_said, (select count(*) from calls) as calls,
    counts['plan_statistics'] as statistics_said, (select count(*) from plan_statistics) as statistics,
    (select coalesce(sum(n_executions), 0) from plan_statistics where topic = '*') as observed,
    (select count(*) from executions where status = 'answered') as answered
from snapshots order by number desc limit 1
"""


def watched_refreshes(
    home: Path, sizes: tuple[int, int, int], readers: int, seed: int
) -> tuple[list[tuple[str, ...]], list[str]]:
    """``sizes``: executions at the start, executions per refresh, refreshes. Returns figures and faults."""
    start, each, refreshes = sizes
    generate(home, start, seed, labelled=False)
    measured_refresh(home, "quick")
    command = [sys.executable, "-m", "benchmarks.refresh.readers", str(home)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(readers)
    ]
    faults: list[str] = []
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it holds the first snapshot now
        for number in range(1, refreshes + 1):
            generate(home, each, seed + number, labelled=False)
            done = measured_refresh(home, "quick")
            if done.report["executions"] != each:
                faults.append(f"refresh {number} merged {done.report}")
    finally:
        told = [process.communicate()[0] for process in processes]
    seen: set[int] = set()
    queries = 0
    for process, text in zip(processes, told, strict=True):
        if process.returncode:
            faults.append(f"a reader ended with {process.returncode}")
            continue
        result = json.loads(text)
        queries += result["queries"]
        seen |= set(result["snapshots"])
        faults += result["faults"]
    if len(seen) < 2:
        faults.append(f"the readers saw only the snapshots {sorted(seen)}")
    rows: list[tuple[str, ...]] = [
        ("queries", f"{queries:,}"),
        ("snapshots seen", str(len(seen))),
        ("faults", str(len(faults))),
    ]
    return rows, faults


def read_until_closed(home: Path) -> dict[str, object]:
    """Query the published file over and over, and one that is held open from the start."""
    import duckdb

    from warehouse.find_home import find_home
    from warehouse.query import query

    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    perfdb = find_home(home).perfdb
    count = "select count(*), sum(cost_usd), max(started_at) from executions"
    faults: list[str] = []
    seen: set[int] = set()
    queries = 0
    with duckdb.connect(str(perfdb), read_only=True, config={"threads": 1}) as held:
        first = held.execute(count).fetchall()
        print("ready", flush=True)
        threading.Thread(target=wait, daemon=True).start()
        while not over.is_set():
            try:
                row = query(perfdb, _STATEMENT).row(0, named=True)
                seen.add(row["number"])
                pairs = [(row[f"{name}_said"], row[name]) for name in ("executions", "calls", "statistics")]
                pairs.append((row["observed"], row["answered"]))
                if any(said != there for said, there in pairs):
                    faults.append(f"half a refresh: {row}")
                if held.execute(count).fetchall() != first:
                    faults.append("a snapshot that was held open changed")
            except Exception as fault:  # whatever it is, no reader may see it
                faults.append(repr(fault))
            queries += 2
            over.wait(2.0)  # or else twenty readers leave no processor to the refresh
    return {"queries": queries, "snapshots": sorted(seen), "faults": faults}


if __name__ == "__main__":
    print(json.dumps(read_until_closed(Path(sys.argv[1]))))
