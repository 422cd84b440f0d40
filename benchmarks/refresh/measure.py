"""A refresh in a process of its own: its steps, seconds and peak memory.

The caller stays small: what it needs beyond the standard library it leaves to the processes it starts. A
process otherwise inherits the peak memory of the one that starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Prints every step with its CPU and wall seconds and the peak memory so far, then the report; arguments: home, full
# gate or not, snapshots kept.
REFRESH = """
import json, resource, sys, time
from warehouse.find_home import find_home
from warehouse.refresh import refresh

def note(step):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([step, time.process_time(), time.perf_counter() - started, peak]), flush=True)

started = time.perf_counter()
report = refresh(
    find_home(sys.argv[1]), create=True, full_gate=sys.argv[2] == "full", keep=int(sys.argv[3]), on_step=note
)
print(json.dumps({
    "published": report.published, "snapshot": report.snapshot_id, "executions": report.n_executions_new,
    "calls": report.n_calls_new, "quarantined": report.n_quarantined,
}), flush=True)
"""

KEPT = 7
"""Snapshots that a refresh keeps unless told otherwise. Once there are so many, a night copies over old files."""

_PER_MB = 1024 * 1024 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: peak memory in MB, CPU seconds (user and system) and wall seconds, start-up included.

    ``steps`` are (name, CPU seconds, wall seconds, peak memory in MB) at the end of each step, counted from the start.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    steps: tuple[tuple[str, float, float, float], ...]
    report: dict[str, object]


def generate(home: Path, executions: int, seed: int, labelled: bool = True, landing: str = "together") -> int:
    """Land generated traces, from another process; returns the number of calls.

    Without labels no topics are learned, which takes 20 CPU seconds whatever the number of executions.
    """
    command = [sys.executable, "-m", "benchmarks.refresh.traces", str(home), str(executions), str(seed)]
    command += [] if labelled else ["unlabelled"]
    command += [] if landing == "together" else [landing]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def start_refresh(home: Path, gate: str = "quick", keep: int = KEPT) -> subprocess.Popen[str]:
    """Start a refresh; ``gate`` is quick (as ``optiq refresh`` does it) or full (Great Expectations too, at night)."""
    command = [sys.executable, "-c", REFRESH, str(home), gate, str(keep)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def measured_refresh(home: Path, gate: str = "quick", keep: int = KEPT) -> Measured:
    """Refresh in a fresh process and wait for it.

    Raises
    ------
    RuntimeError
        with what it said, if it failed.
    """
    started = time.perf_counter()
    process = start_refresh(home, gate, keep)
    assert process.stdout is not None
    assert process.stderr is not None
    lines = told(process.stdout)
    fault = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the refresh ended with {process.returncode}: {fault[-2000:]}")
    return Measured(
        wall_s=time.perf_counter() - started,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / _PER_MB,
        steps=tuple((name, cpu, wall, peak / _PER_MB) for name, cpu, wall, peak in lines[:-1]),
        report=lines[-1],
    )


def told(lines: Iterable[str]) -> list[Any]:
    """What ``REFRESH`` printed; lines that libraries print, and one that a kill cut off, are left out."""
    found = []
    for line in lines:
        with suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


@contextmanager
def temporary_home(folder: Path | None) -> Iterator[Path]:
    """A home below ``folder`` (or the system's temporary folder) that is removed afterwards."""
    import shutil
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="optiq-benchmark-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
