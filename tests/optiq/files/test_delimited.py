"""Delimited text of any spreadsheet: what stands between cells is what the first line says."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from optiq.errors import InputError
from optiq.files.tables import read_table, write_table
from warehouse.ingestion.chunks import read_chunks

TABLE = {"question": ["Who, me?", "Where; there?"], "reference": ["Ann", None]}


def rows(path: Path) -> dict[str, list[str | None]]:
    """What a question file and a log of that content say: the same."""
    found = read_table(path).to_dict(as_series=False)
    [chunk] = read_chunks(path)
    assert chunk.columns == found
    return found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'question,reference\n"Who, me?",Ann\nWhere; there?,\n'),
        ("a.csv", 'question;reference\nWho, me?;Ann\n"Where; there?";\n'),
        ("a.csv", '"question";"reference"\r\n"Who, me?";"Ann"\r\n"Where; there?";""\r\n'),
        ("a.csv", '\ufeffquestion;reference\nWho, me?;Ann\n"Where; there?";\n'),
        ("a.csv", 'sep=;\nquestion;reference\nWho, me?;Ann\n"Where; there?";\n'),
        ("a.csv", '"sep=;"\nquestion;reference\nWho, me?;Ann\n"Where; there?";\n'),
        ("a.csv", 'sep=,\nquestion,reference\n"Who, me?",Ann\nWhere; there?,\n'),
        ("a.csv", '\n\nquestion;reference\nWho, me?;Ann\n\n"Where; there?";\n'),
        ("a.csv", "question\treference\nWho, me?\tAnn\nWhere; there?\t\n"),
        ("a.csv", "question|reference\nWho, me?|Ann\nWhere; there?|\n"),
        ("a.tsv", "question\treference\nWho, me?\tAnn\nWhere; there?\t\n"),
        ("a.TSV", "question\treference\nWho, me?\tAnn\nWhere; there?\t\n"),
    ],
)
def test_cells_are_told_apart_as_the_header_does(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    assert rows(path) == TABLE
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(content.encode()))
    assert rows(packed) == TABLE


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("question\nWho; me?\nWhere|there\n", ["question"]),
        ("question,options (a;b)\nWho?,a;b\n", ["question", "options (a;b)"]),
        ('"question, or task";reference\nWho?;Ann\n', ["question, or task", "reference"]),
        ("question,sep=;\nWho?,Ann\n", ["question", "sep=;"]),
    ],
)
def test_what_stands_in_cells_or_names_tells_nothing_apart(
    tmp_path: Path, content: str, columns: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert list(rows(path)) == columns


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("a.csv", "question,reference\nWho, me?,Ann\n", "Put cells that hold commas in double quotes."),
        ("a.csv", "question;reference\nWho; me?;Ann\n", "Put cells that hold semicolons in double quotes."),
        ("a.tsv", "question\treference\nWho\tme?\tAnn\n", "Put cells that hold tabs in double quotes."),
    ],
)
def test_a_row_with_too_many_cells_says_what_to_quote(
    tmp_path: Path, name: str, content: str, remedy: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match="line 2 has 3 cells, the header has 2") as told:
        read_table(path)
    assert told.value.remedy == remedy


def test_what_is_written_with_tabs_comes_back(tmp_path: Path) -> None:
    table = pl.DataFrame({**TABLE, "answer": ["=1+1", 'a\t"b"\nc']})
    write_table(table, tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_text().startswith("question\treference\tanswer\n")
    assert_frame_equal(read_table(tmp_path / "a.tsv"), table)
