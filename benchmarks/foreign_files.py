"""What reading large logs of other tools takes: a real file's records over and over, each with ids of its own.

    python -m benchmarks.foreign_files otlp --megabytes 1000
    python -m benchmarks.foreign_files litellm --megabytes 100

``optiq ingest traces`` reads the file in a process of its own. Prints its rows, CPU seconds (with what it begins with),
wall seconds and peak memory. To reach for 1 GB of OTLP: streamed, at most 500 MB.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REAL_FILES = Path(__file__).parent.parent / "tests/warehouse/real_files"
SAMPLES = {
    "otlp": (REAL_FILES / "otel/otlp.jsonl", r'"(?:traceId|spanId|parentSpanId)": "([0-9a-f]+)"'),
    "litellm": (REAL_FILES / "litellm/payloads.jsonl", r'"(?:id|trace_id)": ?"([^"]+)"'),
}
"""Of each kind the real file of JSON lines, and where its records have ids."""


def grown(kind: str, path: Path, size: int) -> None:
    """Write the sample's lines to ``path``, over and over with other ids, until it has ``size`` bytes."""
    sample, ids = SAMPLES[kind]
    lines = sample.read_text(encoding="utf-8").splitlines(keepends=True)
    names = sorted({name for line in lines for name in re.findall(ids, line)})
    text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    for place, name in enumerate(names):
        text = text.replace(name, f"%{place:03d}%")
    parts = re.split(r"%(\d{3})%", text)
    written = turn = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            fresh = [f"{turn:08x}{place:08x}" for place in range(len(names))]
            turn += 1
            written += file.write(
                "".join(part if at % 2 == 0 else fresh[int(part)] for at, part in enumerate(parts))
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=SAMPLES)
    parser.add_argument("--megabytes", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formats-") as scratch:
        folder = Path(scratch)
        path = folder / f"{given.kind}.jsonl"
        child = os.fork()  # what making it takes is not this process's: the next would begin with its memory
        if child == 0:
            grown(given.kind, path, given.megabytes * 1_000_000)
            os._exit(0)
        os.waitpid(child, 0)
        command = [
            Path(sys.executable).with_name("optiq"),
            *("ingest", "traces", path, "--perfdb", folder / "home" / "perfdb.duckdb"),
        ]
        started = time.monotonic()
        with (folder / "said").open("w+") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            first = said.readline().strip()
        print(f"{path.stat().st_size / 1e6:,.0f} MB of {given.kind}: {first}")
        print(
            f"exit code {process.returncode}, {usage.ru_utime + usage.ru_stime:.1f} CPU s, "
            f"{time.monotonic() - started:.1f} s, peak memory {usage.ru_maxrss / 1024:.0f} MB"
        )


if __name__ == "__main__":
    main()
