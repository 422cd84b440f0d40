"""Landing: whole files or none, under names that tell equal content from different."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError, PerfDBError
from optiq.plans.plan import Plan
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.landing import land_traces, landed, trace_columns

SINGLE = Plan.of(["smollm2:135m"])


def test_a_landed_frame_comes_back_as_it_was(home: Home, traces: Any) -> None:
    frame = traces(traces.execution(SINGLE, 1))
    path = land_traces(home, frame, 3)
    assert path.name.startswith("traces-run-3-")
    assert pl.read_parquet(path).equals(frame)
    assert [file.kind for file in landed(home)] == ["traces"]
    assert [entry.name for entry in home.landing.iterdir()] == [path.name]


def test_the_same_frame_twice_is_one_file(home: Home, traces: Any) -> None:
    frame = traces(traces.execution(SINGLE, 1))
    assert land_traces(home, frame) == land_traces(home, frame)
    assert land_traces(home, traces(traces.execution(SINGLE, 2))) != land_traces(home, frame)
    assert len(landed(home)) == 2


def test_columns_may_be_left_out_but_not_invented(home: Home, traces: Any) -> None:
    frame = traces(traces.execution(SINGLE, 1))
    assert (
        pl.read_parquet(land_traces(home, frame.drop("max_cost_usd", "topics"))).width
        == len(trace_columns()) - 2
    )
    with pytest.raises(InputError, match="unknown column 'price'"):
        land_traces(home, frame.with_columns(price=1))
    with pytest.raises(InputError, match="lack the column 'plan_key'"):
        land_traces(home, frame.drop("plan_key"))
    with pytest.raises(InputError, match="do not fit their schema"):
        land_traces(home, frame.with_columns(cost_usd=pl.lit("cheap")))


def test_files_that_are_being_written_are_not_seen(home: Home) -> None:
    (home.landing / ".traces-run-0-abc.parquet.123").write_bytes(b"half")
    assert landed(home) == []


def test_a_home_that_cannot_be_made_is_named(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PerfDBError, match="cannot be used"):
        find_home(tmp_path / "file").create()
