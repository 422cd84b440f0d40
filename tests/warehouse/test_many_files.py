"""Many landed files: put together, merged some at a time, and no night lost to them."""

from __future__ import annotations

import shutil
from pathlib import Path
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
from warehouse import refresh as refreshing
from warehouse.executed import executed_plans
from warehouse.home import Home
from warehouse.landing import LandedFile, land_traces, landed
from warehouse.query import query
from warehouse.refresh import refresh
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


def test_a_home_whose_path_is_a_pattern_reads_no_other(fresh_home: Home, tmp_path: Path, traces: Any) -> None:
    ours, other = Home(tmp_path / "home [1]*"), Home(tmp_path / "home 1 of others")
    for home, answer in ((ours, "ours"), (other, "of others")):
        shutil.copytree(fresh_home.path, home.path)
        for name in ("traces-a.parquet", "traces-[b]*?.parquet", "traces-b of others.parquet"):
            row = traces.execution(ONE, len(name), answer=answer, question=f"{answer}?")
            (land_traces(home, traces(row))).rename(home.landing / name)
    assert executed_plans(ours, ["ours?", "of others?"]) == {("ours?", ONE.key)}
    assert not refresh(ours).refused
    assert query(ours.perfdb, "select answer, count(*) from executions group by 1").rows() == [("ours", 3)]


def test_a_home_that_duckdb_cannot_write_says_so(tmp_path: Path) -> None:
    with pytest.raises(PerfDBError, match="cannot be a home"):
        Home(tmp_path / "what?").create()
    assert not (tmp_path / "what?").exists()


def test_an_execution_in_several_files_is_merged_once(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        land_traces(home, traces(traces.execution(ONE, number // 2, answer=str(number))), number)
    monkeypatch.setattr(merge, "BATCH_BYTES", 1)
    assert refresh(home).n_executions_new == 10
    reasons = query(home.perfdb, "select reason from quarantine order by 1")["reason"].to_list()
    assert reasons == [f"execution_id e{number:06d} is given twice" for number in range(10)]


def test_each_file_that_breaks_a_night_is_found_among_good_ones(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {0, 3, 4, 5, 6, 9, 12, 13, 14, 17}
    for number in range(18):
        answer = "bad" if number in bad else "good"
        land_traces(home, traces(traces.execution(ONE, number, answer=answer)), number)
    by_name = {file.name: file for file in landed(home)}
    at_fault = {
        name for name, file in by_name.items() if pl.read_parquet(file.path)["answer"].to_list() == ["bad"]
    }
    real = merge._merge_batch

    def breaks(connection: duckdb.DuckDBPyConnection, step: Any) -> None:
        if connection.execute("select exists (from landed_traces where answer = 'bad')").fetchall()[0][0]:
            raise ZeroDivisionError("ours")
        real(connection, step)

    monkeypatch.setattr(merge, "_merge_batch", breaks)
    report = refresh(home)
    assert report.refused.keys() == at_fault
    assert set(report.refused.values()) == {"it cannot be merged: ZeroDivisionError: ours"}
    assert query(home.perfdb, "select answer, count(*) from executions group by 1").rows() == [("good", 8)]


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
    monkeypatch.setattr(refreshing, "MOST_TRIES", 10)
    report = refresh(home)
    assert len(report.refused) == 30
    assert len(made) <= 20
    assert sum("ours" in reason for reason in report.refused.values()) == 30
    assert sum("not tried" in reason for reason in report.refused.values()) > 15
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
