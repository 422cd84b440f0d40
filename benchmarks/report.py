"""The report of a large run: seconds, peak memory, size.

    python -m benchmarks.report --questions 10000

Traces are drawn from a seed (benchmarks.refresh.traces: 5 models, 20 topics, 60 plans) and merged by a real
refresh; then `optiq report` runs in a process of its own, start-up included, on the run and on the snapshot.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
OPTIQ = (PYTHON, "-m", "flows.command_line.main")


def measured(*command: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB of one process; it must end well.

    This process stays small: a child starts with the peak of the one that starts it.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Prints one line per page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=10_000, help="questions in the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", metavar="DIR", help="write the pages here instead of a folder that is removed"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="optiq-benchmark-") as folder:
        home, pages = str(Path(folder) / "home"), Path(given.keep or folder)
        pages.mkdir(parents=True, exist_ok=True)
        measured(*OPTIQ, "init", "--perfdb", home)
        measured(PYTHON, "-m", "benchmarks.refresh.traces", home, str(given.questions), str(given.seed))
        measured(*OPTIQ, "refresh", "--perfdb", home)
        print(
            f"{given.questions} questions in one run, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        print(f"{'page':10} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'size MB':>8}")
        for kind, arguments in {"run": (), "snapshot": ("--snapshot", "current")}.items():
            page = pages / f"{kind}.html"
            wall, cpu, peak = measured(*OPTIQ, "report", "-o", str(page), "--perfdb", home, *arguments)
            print(f"{kind:10} {wall:8.1f} {cpu:8.1f} {peak:8.0f} {page.stat().st_size / 1e6:8.2f}")


if __name__ == "__main__":
    main()
