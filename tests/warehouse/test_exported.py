"""What PerfDB has observed leaves it page by page, whole and in order, whatever the size of a page."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from optiq.files.tables import read_table, write_pieces
from warehouse.exported import exported
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.query import query
from warehouse.refresh import init, refresh

# Of the second file some come before and some after those of the first: pages go by file, then by name.
FILES = [["b1", "b2", "b4", "b7"], ["a9", "b3", "c1"], ["b5"]]


@pytest.fixture(scope="module")
def perfdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("home") / "home")
    init(home)
    for number, names in enumerate(FILES):
        rows = [
            {
                "execution_id": name,
                "question_id": name,
                "plan": {"models": ["m", "m"], "edges": [[0, 1]]},
                "started_at": "2026-11-01T00:00:00+00:00",
                "answer": None if name == "b4" else f"=1+{name}",
                "calls": [
                    {"node": node, "model": "m", "output": f"{name} {node}", "output_tokens": 3}
                    for node in range(2)
                ],
            }
            for name in names
        ]
        file = home.path.parent / f"{number}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest_traces(home, [file])
        refresh(home, full_gate=False)
    return home.perfdb


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 9, 5_000])
def test_pages_of_any_size_hold_every_execution_once_in_order(perfdb: Path, page: int) -> None:
    pages = list(exported(perfdb, page))
    n = sum(len(names) for names in FILES)
    assert [one.height for one in pages] == [page] * (n // page) + ([n % page] if n % page else [])
    together = pl.concat(pages)
    assert together["execution_id"].to_list() == [name for names in FILES for name in names]
    calls = together["calls"].explode().struct.field("output")
    assert len(calls) == query(perfdb, "select count(*) from calls").item() == 2 * n
    assert calls.to_list() == [f"{name} {node}" for names in FILES for name in names for node in (0, 1)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".json", ".xlsx"])
def test_a_file_of_pages_is_the_file_of_all(perfdb: Path, suffix: str, tmp_path: Path) -> None:
    whole, pages = tmp_path / f"whole{suffix}", tmp_path / f"pages{suffix}"
    write_pieces(exported(perfdb), whole)
    write_pieces(exported(perfdb, 3), pages)
    assert_frame_equal(read_table(whole), read_table(pages))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_every_column_of_ours_is_read_back(perfdb: Path, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"own{suffix}"
    write_pieces(exported(perfdb), file)
    report = ingest_traces(Home(tmp_path / "other"), [file])
    assert report.n_landed == sum(len(names) for names in FILES)
    assert [note.what for notes in report.notes.values() for note in notes if "not read" in note.what] == []


def test_of_no_executions_there_is_one_empty_page(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    init(home)
    (page,) = exported(home.perfdb)
    assert page.height == 0
    assert {"execution_id", "plan", "calls"} <= set(page.columns)
