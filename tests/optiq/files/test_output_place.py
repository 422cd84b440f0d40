"""Where a result may go: what can only be a mistake is refused, and what is replaced is named."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.files.output_place import check_output, tell_replaced
from optiq.files.tables import SUFFIXES, write_table


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_here_may_be_written_again(suffix: str) -> None:
    name = f"out{suffix}"
    for _ in range(2):
        check_output(name)
        write_table(pl.DataFrame({"text": ["ä" * 5000], "n": [1]}), name)
    check_output(name)


@pytest.mark.parametrize(
    ("name", "holds", "refused"),
    [
        ("out.csv", b"PAR1\0\0", True),
        ("out.csv", b"a,b\n1,2\n", False),
        ("out.csv", "ä".encode("latin-1") * 9, True),
        ("out.csv", b"", False),
        ("out.csv", b"x" * 4095 + "ä".encode(), False),  # the look ends within a character
        ("out.jsonl", b"#!/bin/sh\n", True),
        ("out.jsonl", b' {"a": 1}\n', False),
        ("out.parquet", b"a,b\n", True),
        ("out.xlsx", b"a,b\n", True),
        ("page.html", b"plain notes", True),
        ("page.html", b"\xef\xbb\xbf <!doctype html>", False),
        ("drawn.svg", b"<svg>", False),
        ("drawn.png", b"<svg>", True),
        ("out.anything", b"\0\1", False),
    ],
)
def test_a_file_of_another_kind_than_its_name_is_nothing_that_was_written_here(
    name: str, holds: bytes, refused: bool
) -> None:
    Path(name).write_bytes(holds)
    if refused:
        with pytest.raises(InputError, match="holds something else than its name says"):
            check_output(name)
    else:
        check_output(name)
    assert Path(name).read_bytes() == holds


def test_a_file_that_is_read_or_of_a_home_or_no_file_is_refused(tmp_path: Path) -> None:
    Path("asked.csv").write_text("question\nWhy?\n")
    (tmp_path / "home" / "landing").mkdir(parents=True)
    (tmp_path / "home" / "perfdb.duckdb").touch()
    os.mkfifo("pipe.csv")
    Path("link.csv").symlink_to("notes.txt")
    Path("same.csv").symlink_to("asked.csv")
    Path("elsewhere.csv").symlink_to(tmp_path / "home" / "answers.csv")
    for name, why in {
        "./asked.csv": "is a file that this command reads",
        "same.csv": "is a file that this command reads",
        "home/landing/x.csv": "is in a home",
        "home/probes.json": "is in a home",
        "elsewhere.csv": "is in a home",
        "pipe.csv": "is no file, but a device or a pipe",
        "link.csv": "is a link that leads to",
        ".": "is a folder",
    }.items():
        with pytest.raises(InputError, match=why):
            check_output(name, "asked.csv")
    with pytest.raises(InputError, match="is no file"), replacing("pipe.csv"):
        raise AssertionError("nothing is written")
    check_output("answers.csv", "asked.csv")


def test_a_project_that_is_a_home_takes_results_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "perfdb.duckdb").touch()
    for name in ("study", "runs"):
        (tmp_path / name).mkdir()
    check_output("answers.csv")
    check_output("study/answers.csv")
    for name in ("runs/answers.csv", "perfdb.duckdb"):
        with pytest.raises(InputError, match="is in a home"):
            check_output(name)
    monkeypatch.chdir("study")
    check_output("answers.csv")
    with pytest.raises(InputError, match="is in a home"):
        check_output("../answers.csv")


def test_what_is_replaced_is_said_with_where_a_link_leads(tmp_path: Path) -> None:
    Path("there.csv").write_text("a\n")
    Path("link.csv").symlink_to("there.csv")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for name in ("new.csv", "there.csv", "link.csv"):
            tell_replaced(name)
    assert [str(one.message) for one in said] == [
        "there.csv is there and will be replaced",
        f"link.csv is there and will be replaced (it leads to {tmp_path / 'there.csv'})",
    ]
