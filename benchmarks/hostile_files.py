"""Largest memory of verbs on small files that unpack to much, are wide, deep, or full of digits.

    python benchmarks/hostile_files.py

Every file has at most 1 MB. Each verb reads each file in a process of its own; the table says how it ended, in how many
seconds, with which peak memory, and what it said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

MOST_MB = 1_024
_VERBS = (
    ("plan",),
    ("ingest", "traces"),
    ("ingest", "priors"),
)


def _parquet(path: Path, **columns: object) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, compression="zstd")


def _text(size: int, rows: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import pyarrow as pa

        cells = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * size]))
        _parquet(path, question=cells.cast(pa.string()), model=pa.array(["m"] * rows))

    return write


def _shared(size: int, rows: int) -> Callable[[Path], None]:
    """One text that all rows share, by dictionary: a few KB."""

    def write(path: Path) -> None:
        import pyarrow as pa

        cells = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * size]))
        _parquet(path, question=cells, model=cells)

    return write


def _lists(path: Path) -> None:
    import pyarrow as pa

    one = pa.array([0] * 30_000_000, pa.int8())
    offsets = pa.array(range(0, 30_000_001, 3_000_000), pa.int32())
    _parquet(path, question=pa.array(["q"] * 10), options=pa.ListArray.from_arrays(offsets, one))


def _sheet(path: Path) -> None:
    head = '<?xml version="1.0"?>'
    main = "http://schemas.openxmlformats.org"
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 100_000))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'{head}<Types xmlns="{main}/package/2006/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'{head}<Relationships xmlns="{main}/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{main}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{main}/spreadsheetml/2006/main" '
            f'xmlns:r="{main}/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="r1"/>'
            "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{main}/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{main}/officeDocument/2006/relationships/worksheet" Target="worksheets/a.xml"/></Relationships>',
        )
        archive.writestr("xl/sharedStrings.xml", f"{head}<sst><si><t>{'x' * 30_000}</t></si></sst>")
        archive.writestr("xl/worksheets/a.xml", f"{head}<worksheet><sheetData>{rows}</sheetData></worksheet>")


def _wide_csv(path: Path) -> None:
    path.write_text("question," + ",".join(f"c{n}" for n in range(120_000)) + "\nq\n")


def _padded_csv(path: Path) -> None:
    path.write_text("question," + ",".join(f"c{n}" for n in range(1_900)) + "\n" + "q\n" * 480_000)


def _wide_lines(path: Path) -> None:
    first = json.dumps({"question": "q", **{f"c{n}": 1 for n in range(1_900)}})
    path.write_text(first + "\n" + "{}\n" * 320_000)


FILES: dict[str, Callable[[Path], None]] = {
    "one text of 6 MB, 1,000 rows.parquet": _shared(6_000_000, 1_000),
    "one text of 100 KB, 60,000 rows.parquet": _shared(100_000, 60_000),
    "zstd, 6 MB a row, 100 rows.parquet": _text(6_000_000, 100),
    "one text of 200 MB.parquet": _text(200_000_000, 1),
    "30 million numbers in lists.parquet": _lists,
    "120,000 columns.csv": _wide_csv,
    "rows cut short under 1,900 columns.csv": _padded_csv,
    "one cell of 1 MB.csv": lambda path: path.write_text("question\n" + "x" * 999_000 + "\n") and None,
    "empty records under 1,900 keys.jsonl": _wide_lines,
    "lists in lists, 300,000 deep.jsonl": lambda path: (
        path.write_text('{"question": ' + "[" * 300_000 + "]" * 300_000 + "}\n") and None
    ),
    "lists in lists, 300 deep.jsonl": lambda path: (
        path.write_text('{"question": "q", "options": ' + "[" * 300 + "]" * 300 + "}\n") and None
    ),
    "records in records, 300 deep.json": lambda path: (
        path.write_text('[{"a":' * 300 + "1" + "}]" * 300) and None
    ),
    "a number of 900,000 digits.jsonl": lambda path: (
        path.write_text('{"question": "q", "max_cost_usd": ' + "9" * 900_000 + "}\n") and None
    ),
    "numbers of 4,000 digits.csv": lambda path: (
        path.write_text("question,max_cost_usd\n" + ("q," + "9" * 4_000 + "\n") * 240) and None
    ),
    "100,000 cells that share 30 KB.xlsx": _sheet,
}


def main() -> int:
    """Print the table; 1 if a verb took more than 1 GB, broke, or said nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="files whose name holds this")
    given = parser.parse_args()
    largest, faults = 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = {**os.environ, "OPTIQ_HOME": str(folder / "home"), "OPTIQ_CONFIG": ""}
        optiq = Path(sys.executable).with_name("optiq")
        subprocess.run([optiq, "init"], env=environment, cwd=folder, check=True, capture_output=True)
        for name, make in FILES.items():
            if given.only not in name:
                continue
            path = folder / name
            child = (
                os.fork()
            )  # what making it takes is not this process's: others would begin with its memory
            if child == 0:
                make(path)
                os._exit(0)
            os.waitpid(child, 0)
            assert path.stat().st_size <= 1_000_000, (name, path.stat().st_size)
            for verb in _VERBS:
                code, seconds, peak_mb, said = _measured([str(optiq), *verb, str(path)], folder, environment)
                bad = peak_mb > MOST_MB or code not in (0, 1, 2) or "Traceback" in said or not said
                faults += bad
                largest = max(largest, peak_mb)
                line = said.replace(str(folder) + "/", "")[:110]
                row = f"{'!!' if bad else '  '} {name:42} {' '.join(verb):14} {code:3} {seconds:6.1f} s"
                print(f"{row} {peak_mb:6.0f} MB  {line}", flush=True)
            path.unlink()
    print(f"largest memory {largest:.0f} MB, {faults} faults")
    return 1 if faults else 0


def _measured(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, float, float, str]:
    started = time.monotonic()
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read(20_000)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if "Traceback" in line), lines[0] if lines else "")
    return process.returncode, time.monotonic() - started, usage.ru_maxrss / 1024, first


if __name__ == "__main__":
    sys.exit(main())
