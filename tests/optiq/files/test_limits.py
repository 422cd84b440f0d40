"""Small files that unpack to much, are wide, deep or full of digits are refused before they fill the memory."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.files.tables import read_table


def parquet(**columns: Any) -> Callable[[Path], Any]:
    return lambda path: pl.DataFrame(columns).write_parquet(path)


def text(content: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(content)


def sheet(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", " " * 120_000_000)


def shared(path: Path) -> None:
    """Cells that share one text, as every spreadsheet program writes them."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 5_000))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{'x' * 30_000}</t></si></sst>")
        archive.writestr("xl/worksheets/sheet1.xml", f"<worksheet><sheetData>{cells}</sheetData></worksheet>")


def keys(n: int) -> str:
    return json.dumps({f"c{number}": 1 for number in range(n)})


LONG = "x" * 120_000
TOO_MUCH = "too much for its size"
REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "one text in every row.parquet": (parquet(question=[LONG] * 1_000), "unpacks to 120,000,000, too much"),
    "in lists.parquet": (parquet(question=["q"] * 10, options=[[LONG] * 100] * 10), TOO_MUCH),
    "in records.parquet": (parquet(question=["q"] * 1_000, more=[{"a": LONG}] * 1_000), TOO_MUCH),
    "one long text.parquet": (parquet(question=["x" * 120_000_000]), TOO_MUCH),
    "numbers in lists.parquet": (parquet(options=[[0] * 500_000] * 10), "5,000,000 cells, too many"),
    "columns.parquet": (parquet(**{f"c{n}": [1] for n in range(2_001)}), "2,001 columns; 2,000 are read"),
    "columns.csv": (
        text(",".join(f"c{n}" for n in range(200_000)) + "\n"),
        "200,000 columns; 2,000 are read",
    ),
    "cells.csv": (text(",".join(f"c{n}" for n in range(2_000)) + "\n" + "q\n" * 9_000), "cells, too many"),
    "keys.jsonl": (text(keys(2_001)), "2,001 different keys; 2,000 are read"),
    "cells.jsonl": (text(keys(2_000) + "\n{}" * 9_000), "cells, too many"),
    "cells.json": (text(f"[{keys(2_000)}{', {}' * 9_000}]"), "cells, too many"),
    "deep.jsonl": (text('{"a": ' + "[" * 100 + "]" * 100 + "}"), "line 1 is nested more than 64 deep"),
    "deeper.jsonl": (text('{"a": ' + "[" * 300_000 + "]" * 300_000 + "}"), "line 1 is not valid JSON"),
    "deep.json": (text('[{"a": ' * 50 + "1" + "}]" * 50), "is nested more than 64 deep"),
    "digits.jsonl": (text('{"a": [' + "9" * 900_000 + "x"), "line 1 is not valid JSON"),
    "digits.json": (text('[{"a": ' + "9" * 900_000 + "}]"), "a number has more than 4,300 digits"),
    "sheet.xlsx": (sheet, "unpacks to 120,000,000, too much"),
    "cells that share a text.xlsx": (shared, TOO_MUCH),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_much_for_a_small_file_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 1_500_000
    with pytest.raises(InputError, match=said):
        read_table(tmp_path / name)


def test_what_is_large_and_true_is_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"question": [f"Who was number {n}?" for n in range(300_000)], "topic": "history"})
    for name, write in (("questions.parquet", frame.write_parquet), ("questions.jsonl", frame.write_ndjson)):
        write(tmp_path / name)
        assert read_table(tmp_path / name).equals(frame)
    nested = {"question": "q", "options": [{"a": [n]} for n in range(100)]}
    (tmp_path / "many.jsonl").write_text(json.dumps(nested) + "\n")
    assert read_table(tmp_path / "many.jsonl")["options"].to_list()[0][99] == {"a": [99]}
