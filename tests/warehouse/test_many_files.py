"""Many landed files: put together, merged some at a time, and no night lost to them."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.refresh.compare import differences
from optiq.errors import PerfDBError
from optiq.plans.plan import Plan
from warehouse import chemistry, merge
from warehouse.home import Home
from warehouse.landing import LandedFile, land_traces, landed
from warehouse.query import query
from warehouse.refresh import MOST_BLAMED, refresh
from warehouse.sources import merged_among

ONE = Plan.of(["gemma3:270m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])


@settings(max_examples=3, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_files_put_together_in_batches_are_merged_as_each_alone(
    fresh_home: Home, copy_of: Any, traces: Any, data: st.DataObject
) -> None:
    home, twin = copy_of(fresh_home), copy_of(fresh_home)
    kinds = st.sampled_from(["whole", "short", "without", "typed", "bad", "cut", "foreign"])
    for number, kind in enumerate(data.draw(st.lists(kinds, min_size=25, max_size=40))):
        plan = CHAIN if number % 3 else ONE
        row = traces.execution(plan, number)
        frame = traces(row | ({"status": "odd"} if kind == "bad" else {}))
        if kind == "short":  # by an older optiq: fewer columns, and fewer figures of a call
            few = pl.struct(pl.element().struct.field("node", "model", "cost_usd", "subplan_key"))
            frame = frame.drop("prompt", "score_date").with_columns(pl.col("calls").list.eval(few))
        elif kind == "without":
            frame = frame.drop("plan_key")
        elif kind == "typed":
            frame = frame.with_columns(pl.col("cost_usd").cast(pl.Float32), pl.lit(3).alias("qoa"))
        elif kind == "foreign":
            frame = pl.DataFrame({"x": [1]})
        for one in (home, twin):
            path = one.landing / f"traces-{kind}-{number:04d}.parquet"
            frame.write_parquet(path)
            if kind == "cut":
                path.write_bytes(path.read_bytes()[:-30])
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(merge, "BATCH_BYTES", 10_000)
        report = refresh(home)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(merge, "gather", lambda files, work: [])
        alone = refresh(twin)
    assert (report.n_executions_new, report.n_calls_new) == (alone.n_executions_new, alone.n_calls_new)
    assert set(report.refused) == set(alone.refused)
    # what a row was is quoted in the types that its batch has in common
    assert not [found for found in differences(home.path, twin.path) if not found.startswith("quarantine")]
    where = "select file, row_number from quarantine order by all"
    assert query(home.perfdb, where).equals(query(twin.perfdb, where))


def test_an_execution_in_several_files_is_merged_once(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        land_traces(home, traces(traces.execution(ONE, number // 2, answer=str(number))), number)
    monkeypatch.setattr(merge, "BATCH_BYTES", 1)
    assert refresh(home).n_executions_new == 10
    reasons = query(home.perfdb, "select reason from quarantine order by 1")["reason"].to_list()
    assert reasons == [f"execution_id e{number:06d} is given twice" for number in range(10)]


def test_a_fault_of_many_files_does_not_take_a_night_for_each(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        land_traces(home, traces(traces.execution(ONE, number)), number)
    made: list[int] = []

    def breaks(*_: Any) -> bool:
        made.append(1)
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(merge, "_merge_batch", breaks)
    report = refresh(home)
    assert len(report.refused) == 30
    assert len(made) <= MOST_BLAMED * 7
    assert sum("ours" in reason for reason in report.refused.values()) == 30
    monkeypatch.undo()
    assert not landed(home)
    assert len(list((home.landing / "refused").glob("*.parquet"))) == 30


def test_a_night_that_needs_more_memory_gets_it_and_no_file_is_blamed(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_traces(home, traces(traces.execution(ONE, 1)))
    real, said = chemistry.recompute_chemistry, []

    def hungry(connection: duckdb.DuckDBPyConnection) -> bool:
        limit = connection.execute("select current_setting('memory_limit')").fetchall()[0][0]
        if limit.startswith("95"):
            raise duckdb.OutOfMemoryException("failed to allocate")
        return real(connection)

    monkeypatch.setattr(chemistry, "recompute_chemistry", hungry)
    report = refresh(home, memory_mb=100, on_step=said.append)  # DuckDB says 95.3 MiB
    assert report.n_executions_new == 1
    assert not report.refused
    assert "again with 200 MB" in said


def test_a_night_that_needs_more_memory_than_there_is_says_so(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_traces(home, traces(traces.execution(ONE, 1)))

    def hungry(connection: duckdb.DuckDBPyConnection) -> bool:
        raise duckdb.OutOfMemoryException("failed to allocate")

    monkeypatch.setattr(chemistry, "recompute_chemistry", hungry)
    with pytest.raises(PerfDBError, match=r"more than .* MB of memory"):
        refresh(home)
    assert len(landed(home)) == 1
    assert query(home.perfdb, "select count(*) as n from executions")["n"][0] == 0


def test_only_files_of_what_is_new_are_looked_up(home: Home, traces: Any) -> None:
    path = land_traces(home, traces(traces.execution(ONE, 1)))
    known = landed(home)
    refresh(home)
    with duckdb.connect(str(home.perfdb), read_only=True) as connection:
        other = LandedFile(path, "traces", "0" * 64)
        assert merged_among(connection, [*known, other]) == {known[0].file_id}
