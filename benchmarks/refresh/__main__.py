"""How long a refresh takes and how much memory, and whether kills and readers can do harm.

    python -m benchmarks.refresh --executions 1000000 --then 1000   time and memory
    python -m benchmarks.refresh --executions 1000000 --keep 2 --nights 3   the same, once there are as many snapshots
    python -m benchmarks.refresh --executions 20000 --one-by-one    many small files; --loose: not bundled
    python -m benchmarks.refresh --executions 100000 --kills 20     kill -9 at random moments
    python -m benchmarks.refresh --strange 40                       the same, with strange files landing meanwhile
    python -m benchmarks.refresh --executions 100000 --readers 20 --refreshes 10

Traces are generated from ``--seed``; the home that they land in is removed afterwards. CPU seconds are those
of the refresh's own process, so they mean something on a busy machine, where wall seconds do not.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.refresh.kills import killed_refreshes
from benchmarks.refresh.measure import KEPT, Measured, generate, measured_refresh, temporary_home
from benchmarks.refresh.readers import watched_refreshes
from benchmarks.refresh.strange import killed_among_strange_files


def main() -> int:
    """Read the arguments, measure, print; 1 if a kill or a reader found a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.refresh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--executions", type=int, default=100_000, help="landed executions")
    parser.add_argument("--then", type=int, default=1_000, help="executions of the second refresh (1000)")
    parser.add_argument("--nights", type=int, default=1, help="so many nights of --then executions (1)")
    parser.add_argument("--keep", type=int, default=KEPT, help=f"snapshots that are kept ({KEPT})")
    parser.add_argument(
        "--one-by-one",
        dest="landing",
        action="store_const",
        const="one-by-one",
        default="together",
        help="each execution lands by itself, as of optiq ask",
    )
    parser.add_argument(
        "--loose",
        dest="landing",
        action="store_const",
        const="loose",
        help="the same, and the files are not bundled, as older versions left them",
    )
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="kill N refreshes instead")
    parser.add_argument(
        "--strange", type=int, default=0, metavar="N", help="N kills among strange files instead"
    )
    parser.add_argument("--readers", type=int, default=0, metavar="R", help="R reading processes instead")
    parser.add_argument("--refreshes", type=int, default=10, metavar="K", help="refreshes that they watch")
    parser.add_argument("--steps", action="store_true", help="also print the steps of each refresh")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the temporary home is made")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the home is removed then, too
    with temporary_home(given.folder) as home:
        if given.kills:
            rows, faults = killed_refreshes(home, given.executions, given.kills, given.seed)
            _print(
                f"{given.kills} kills, {given.executions:,} executions",
                ["step done at the kill", "kills"],
                rows,
            )
        elif given.strange:
            rows, faults = killed_among_strange_files(home, given.strange, given.seed)
            _print(f"{given.strange} kills among strange files", ["step done at the kill", "kills"], rows)
        elif given.readers:
            title = f"{given.readers} readers, {given.refreshes} refreshes of {given.then:,} on {given.executions:,}"
            sizes = (given.executions, given.then, given.refreshes)
            rows, faults = watched_refreshes(home, sizes, given.readers, given.seed)
            _print(title, ["what", "number"], rows)
        else:
            _time_and_memory(home, given)
            faults = []
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _time_and_memory(home: Path, given: argparse.Namespace) -> None:
    rows = [_row("init", 0, 0, measured_refresh(home, keep=given.keep))]
    measured: list[tuple[str, Measured]] = []
    for name, executions, seed in (
        ("refresh", given.executions, given.seed),
        *(("refresh", given.then, given.seed + 1 + night) for night in range(given.nights)),
        ("refresh, nothing new", 0, 0),
    ):
        calls = generate(home, executions, seed, landing=given.landing) if executions else 0
        result = measured_refresh(home, keep=given.keep)
        measured.append((f"a refresh of {executions:,}", result))
        if result.report["executions"] != executions or result.report["calls"] != calls:
            raise RuntimeError(f"{executions} executions with {calls} calls landed, merged: {result.report}")
        rows.append(_row(name, executions, calls, result))
    size = (home / "perfdb.duckdb").stat().st_size / 1024**2
    head = ["what", "executions", "calls", "wall s", "CPU s", "CPU s per million", "peak MB"]
    _print(f"PerfDB of {size:.0f} MB at the end", head, rows)
    for name, result in measured if given.steps else ():
        steps: list[tuple[str, ...]] = []
        before = (0.0, 0.0)
        for step, cpu, wall, peak in result.steps:
            steps.append((step, f"{cpu - before[0]:.2f}", f"{wall - before[1]:.2f}", f"{peak:.0f}"))
            before = (cpu, wall)
        _print(f"Steps of {name}", ["step", "CPU s", "wall s", "peak MB so far"], steps)


def _row(name: str, executions: int, calls: int, result: Measured) -> tuple[str, ...]:
    rate = f"{result.cpu_s / executions * 1e6:.1f}" if executions >= 10_000 else ""
    return (
        name,
        f"{executions:,}",
        f"{calls:,}",
        f"{result.wall_s:.1f}",
        f"{result.cpu_s:.1f}",
        rate,
        f"{result.peak_mb:.0f}",
    )


def _print(title: str, head: list[str], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title)
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
