"""What databases write into Parquet, and Polars or Python has no values of, is text as people see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from optiq.files.tables import read_table

ID = "6b6f0b3e-0000-4000-8000-000000000001"


def written(path: Path, expression: str) -> Path:
    duckdb.sql(
        f"copy (select {expression} as cell union all by name select null) to '{path}' (format parquet)"
    )
    return path


@pytest.mark.parametrize(
    ("expression", "cell"),
    [
        (f"'{ID}'::uuid", ID),
        ("""'{"A": "Oslo"}'::json""", '{"A": "Oslo"}'),
        ("interval '1 month 3 days 1500 milliseconds'", "P1M3DT1.5S"),
        ("'infinity'::timestamp", "infinity"),
        ("'-infinity'::date", "-infinity"),
        ("timestamptz 'infinity'", "infinity"),
        ("0.1::float", 0.1),
        ("'0101'::bit", "0101"),
        ("'answered'::enum ('answered')", "answered"),
    ],
)
def test_what_a_database_holds_is_text(tmp_path: Path, expression: str, cell: Any) -> None:
    assert read_table(written(tmp_path / "table.parquet", expression))["cell"].to_list() == [cell, None]


def test_days_beside_an_endless_one_are_iso_8601(tmp_path: Path) -> None:
    duckdb.sql(
        "copy (select unnest([timestamp '2026-03-01 12:00', 'infinity'::timestamp]) as at, "
        "unnest([date '2026-03-01', 'infinity'::date]) as on_day) "
        f"to '{tmp_path / 'table.parquet'}' (format parquet)"
    )
    found = read_table(tmp_path / "table.parquet")
    assert found.rows() == [("2026-03-01T12:00:00.000000", "2026-03-01"), ("infinity", "infinity")]


def test_columns_beside_an_interval_are_as_they_are(tmp_path: Path) -> None:
    duckdb.sql(
        "copy (select interval 3 day as waited, 'Who?' as question, ['a', 'b'] as options, 1 as n, "
        f"'{ID}'::uuid as id, {{'a': '{ID}'::uuid}} as nested, [interval 1 day] as several) "
        f"to '{tmp_path / 'table.parquet'}' (format parquet)"
    )
    row = read_table(tmp_path / "table.parquet").row(0, named=True)
    assert {name: row[name] for name in ("waited", "question", "options", "n", "id")} == {
        "waited": "P0M3DT0S",
        "question": "Who?",
        "options": ["a", "b"],
        "n": 1,
        "id": ID,
    }


@pytest.mark.parametrize("expression", [f"'{ID}'::uuid", "'{}'::json", "interval 3 day", "date '2026-01-01'"])
def test_a_table_without_rows_has_its_columns(tmp_path: Path, expression: str) -> None:
    path = tmp_path / "table.parquet"
    duckdb.sql(f"copy (select {expression} as cell where false) to '{path}' (format parquet)")
    assert read_table(path).columns == ["cell"]
