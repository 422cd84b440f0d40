"""Landed files that are odd as files: their names, the names of their columns, what bundles say of themselves."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from optiq.plans.plan import Plan
from warehouse.connection import reading
from warehouse.home import Home
from warehouse.refresh import refresh

ONE = Plan.of(["gemma3:270m"])


def runs(traces: Any, *numbers: int) -> pl.DataFrame:
    return traces(*(traces.execution(ONE, number) for number in numbers))


def n_executions(home: Home) -> int:
    with reading(home.perfdb) as connection:
        return len(connection.table("executions"))


def land_as(home: Home, frame: pl.DataFrame, name: str, **metadata: str) -> None:
    frame.write_parquet(home.landing / name, metadata=metadata)


@pytest.mark.parametrize("name", ["traces-[ab].parquet", "traces-a*.parquet", "traces-?.parquet"])
def test_a_name_that_stands_for_others_reads_none_of_them(home: Home, traces: Any, name: str) -> None:
    land_as(home, runs(traces, 0), "traces-a.parquet")
    land_as(home, runs(traces, 1), name)
    assert not refresh(home).refused
    assert n_executions(home) == 2, "the rows of each file count once"


@pytest.mark.parametrize(
    "told",
    ["no JSON", '{"a": 1}', '[["traces-a.parquet", "id", -1]]', '[["traces-a.parquet", "id", 1]]', "[1]"],
)
def test_a_bundle_that_says_wrongly_what_is_in_it_stands_for_itself(
    home: Home, traces: Any, told: str
) -> None:
    land_as(home, runs(traces, 0, 1), "traces-bundle-x.parquet", bundle=told)
    report = refresh(home)
    assert report.refused == {}
    assert n_executions(home) == 2, "no row is lost"


def test_every_file_that_cannot_be_read_is_set_aside_with_its_own_reason(home: Home, traces: Any) -> None:
    land_as(home, runs(traces, 0), "traces-good.parquet")
    land_as(home, runs(traces, 1).with_columns(file_row_number=pl.lit(0)), "traces-a.parquet")
    land_as(home, runs(traces, 2).with_columns(started_at=pl.lit(datetime.time(12))), "traces-b.parquet")
    land_as(
        home, runs(traces, 3).with_columns(started_at=pl.lit(datetime.timedelta(days=1))), "traces-c.parquet"
    )
    for number in range(4, 14):  # more than a night is searched for
        land_as(
            home, runs(traces, number).with_columns(file_row_number=pl.lit(0)), f"traces-d{number}.parquet"
        )
    report = refresh(home)
    assert n_executions(home) == 1, "the good one is merged"
    assert len(report.refused) == 13
    assert "file_row_number" in report.refused["traces-a.parquet"]
    assert "started_at is Time" in report.refused["traces-b.parquet"]
    assert "started_at is Duration" in report.refused["traces-c.parquet"]
