"""Refresh: merged once, published whole, refused with a reason."""

from __future__ import annotations

import zipfile
from typing import Any

import duckdb
import filelock
import polars as pl
import pytest

from optiq.errors import GateError, PerfDBError
from optiq.plans.plan import Plan
from warehouse import gate
from warehouse.check_result import CheckResult
from warehouse.home import Home
from warehouse.ingest import ingest_priors
from warehouse.landing import land_traces, landed
from warehouse.night import Night, NightStep
from warehouse.query import query
from warehouse.refresh import init, refresh

A = Plan.of(["smollm2:135m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
BLEND = Plan.of(["smollm2:135m", "smollm2:135m", "gemma3:270m"], [(0, 2), (1, 2)])


def rows(home: Home, statement: str) -> list[tuple[Any, ...]]:
    return query(home.perfdb, statement).rows()


def test_init_publishes_the_shipped_priors_once(home: Home) -> None:
    assert rows(home, "select count(*), count(distinct model) from priors") == [(63, 7)]
    assert rows(home, "select count(*) from snapshots") == [(1,)]
    again = init(home)
    assert not again.published
    assert rows(home, "select count(*) from snapshots") == [(1,)]


def test_refresh_without_perfdb_says_what_to_do(tmp_path: Any) -> None:
    with pytest.raises(PerfDBError, match=r"there is no PerfDB at .*optiq init") as caught:
        refresh(Home(tmp_path / "none"))
    assert not (tmp_path / "none").exists(), caught.value


def test_traces_become_executions_calls_and_statistics(home: Home, traces: Any) -> None:
    land_traces(home, traces(*[traces.execution(CHAIN, i) for i in range(3)], traces.execution(BLEND, 9)))
    report = refresh(home, full_gate=False)
    assert (report.published, report.n_executions_new, report.n_calls_new, report.n_quarantined) == (
        True,
        4,
        9,
        0,
    )
    assert rows(home, "select count(*) from executions") == [(4,)]
    assert rows(home, "select count(*) from calls") == [(9,)]
    assert landed(home) == []
    assert rows(
        home,
        "select topic, plan_key, level, n_observations from plan_statistics "
        "where n_observations > 0 and topic <> '*' order by level, plan_key",
    ) == [
        ("geography", A.key, 0, 4),
        ("geography", CHAIN.key, 1, 3),
        ("geography", BLEND.key, 1, 1),
    ]
    assert rows(home, "select expression, sink_model from plans where operations = 3") == [
        ("blend(smollm2:135m, smollm2:135m; gemma3:270m)", "gemma3:270m")
    ]


def test_a_second_refresh_changes_nothing(home: Home, traces: Any) -> None:
    frame = traces(traces.execution(CHAIN, 1))
    land_traces(home, frame)
    first = refresh(home, full_gate=False)
    content = home.perfdb.read_bytes()
    again = refresh(home, full_gate=False)
    assert (again.published, again.snapshot_id) == (False, first.snapshot_id)
    assert home.perfdb.read_bytes() == content
    # The same traces landed once more are recognised by their content.
    land_traces(home, frame)
    assert not refresh(home, full_gate=False).published
    assert landed(home) == []
    assert home.perfdb.read_bytes() == content


def test_bad_rows_are_quarantined_with_reason_file_and_row(home: Home, traces: Any) -> None:
    good, make = traces.execution(A, 1), traces.execution
    bad = [
        make(A, 2, qoa=1.5),
        make(A, 3, cost_usd=-1.0),
        make(A, 4, latency_s=0.0),
        make(A, 5, status="done"),
        make(A, 6, plan_key="nonsense"),
        make(A, 7, plan_key="2:1:b"),
        make(A, 8, execution_id=None),
        make(A, 9, cost_usd=float("inf")),
        make(A, 10, call={"node": None}),
        make(A, 11, call={"cost_usd": -1.0}),
        make(A, 12, call={"subplan_key": "9:9:x"}),
        good,
    ]
    path = land_traces(home, traces(good, *bad))
    report = refresh(home, full_gate=False)
    assert (report.n_executions_new, report.n_quarantined) == (1, len(bad))
    found = query(home.perfdb, "select * from quarantine order by row_number")
    assert found["row_number"].to_list() == list(range(2, len(bad) + 2))
    assert set(found["file"]) == {path.name}
    reasons = found["reason"].to_list()
    for part, reason in zip(
        [
            "qoa is 1.5",
            "cost_usd is -1",
            "latency_s is 0",
            "status is 'done'",
            "not a plan_key",
            "names 1 models",
            "execution_id is missing",
            "cost_usd is inf",
            "no node",
            "figure below 0",
            "plan_key",
            "given twice",
        ],
        reasons,
        strict=True,
    ):
        assert part in reason
    assert '"execution_id":"e000002"' in found["content"][0]
    # Nothing is dropped: every row is in a table or in quarantine.
    assert rows(home, "select n_rows, n_quarantined from ingested_files where kind = 'traces'") == [
        (1, len(bad))
    ]


def test_an_execution_that_is_there_already_is_quarantined(home: Home, traces: Any) -> None:
    land_traces(home, traces(traces.execution(A, 1)))
    refresh(home, full_gate=False)
    land_traces(home, traces(traces.execution(A, 1, answer="Bergen"), traces.execution(A, 2)))
    assert refresh(home, full_gate=False).n_executions_new == 1
    assert rows(home, "select reason from quarantine") == [("execution_id e000001 is in PerfDB already",)]


def test_unreadable_files_are_quarantined_whole_and_kept(home: Home, traces: Any) -> None:
    whole = land_traces(home, traces(traces.execution(A, 1)))
    content = whole.read_bytes()
    (home.landing / "traces-cut-0-1.parquet").write_bytes(content[: len(content) // 2])
    with zipfile.ZipFile(home.landing / "traces-zip-0-2.parquet", "w") as archive:
        archive.writestr("traces.parquet", content)
    damaged = bytearray(content)
    for i in range(40, 400):
        damaged[i] ^= 0xFF
    (home.landing / "traces-harmed-0-3.parquet").write_bytes(damaged)
    pl.DataFrame({"x": [1]}).write_parquet(home.landing / "traces-other-0-4.parquet")
    pl.DataFrame({"y": [1]}).write_parquet(home.landing / "mine.parquet")
    report = refresh(home, full_gate=False)
    assert report.n_executions_new == 1
    assert len(report.refused) == 5
    assert report.n_quarantined == 0  # files are no rows
    assert sorted(path.name for path in (home.landing / "refused").glob("*.parquet")) == sorted(
        report.refused
    )
    assert all(row[0] is None and row[1] for row in rows(home, "select row_number, reason from quarantine"))
    assert not refresh(home, full_gate=False).published


def test_only_one_refresh_at_a_time(home: Home) -> None:
    with filelock.FileLock(home.lock), pytest.raises(PerfDBError, match=r"another refresh .* is running"):
        refresh(home)


@pytest.mark.parametrize(
    "fault", [RuntimeError("Query interrupted"), duckdb.InterruptException("Interrupted!")]
)
def test_ctrl_c_is_no_fault_of_a_file(home: Home, traces: Any, fault: Exception) -> None:
    """DuckDB makes an error of Ctrl-C, which once set an innocent file aside."""
    land_traces(home, traces(traces.execution(CHAIN, 1)))
    before = landed(home)

    def pressed(step: NightStep, night: Night) -> None:
        if step.name == "merge":
            raise fault
        step.do(night)

    with pytest.raises(KeyboardInterrupt):
        refresh(home, run=pressed)
    assert landed(home) == before
    assert refresh(home).n_executions_new == 1


def test_a_failing_gate_publishes_nothing(home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    land_traces(home, traces(traces.execution(A, 1)))
    before = home.perfdb.read_bytes()
    bad = [CheckResult("made_up", "sql", 2, '{"x":1}')]
    monkeypatch.setattr(gate, "run_checks", lambda connection, full: bad)
    with pytest.raises(GateError, match="the check 'made_up' found 2 bad rows") as caught:
        refresh(home)
    assert caught.value.remedy
    (report,) = home.gate.glob("refused-*")
    assert str(report) in str(caught.value)
    text = report.read_text()
    assert "1 of 10 checks failed" in text
    assert '{"x":1}' in text
    assert landed(home)[0].name in text
    assert home.perfdb.read_bytes() == before
    assert len(landed(home)) == 1
    monkeypatch.undo()
    assert refresh(home, full_gate=False).n_executions_new == 1


def test_the_gate_finds_what_validation_missed(home: Home) -> None:
    connection = duckdb.connect()
    connection.execute(f"attach '{home.perfdb}' as published (read_only)")
    connection.execute("attach ':memory:' as spoilt")
    connection.execute("copy from database published to spoilt")
    connection.execute("use spoilt")
    connection.execute("set variable last_ingestion = 0")
    connection.execute("update plan_statistics set qoa = 2")
    connection.execute(
        "insert into calls (execution_id, node, model, ingestion) values ('orphan', 0, 'x', 1)"
    )
    failed = {result.name: result for result in gate.run_checks(connection, full=False) if not result.passed}
    assert set(failed) == {
        "plan_statistics_out_of_range",
        "plan_statistics.qoa: column_values_to_be_between",
        "calls_without_execution",
    }
    assert failed["plan_statistics_out_of_range"].n_bad_rows == 14


def test_the_full_gate_runs_great_expectations_and_is_recorded(home: Home, traces: Any) -> None:
    land_traces(home, traces(traces.execution(A, 1)))
    report = refresh(home, full_gate=True)
    judged = {check.name.split(".")[0] for check in report.checks if check.tool == "great_expectations"}
    assert judged == {"executions", "calls", "plan_statistics"}
    assert all(check.passed for check in report.checks)
    recorded = rows(
        home,
        f"select count(*), bool_and(passed) from quality_checks where snapshot_id = '{report.snapshot_id}'",
    )
    assert recorded == [(len(report.checks), True)]


def test_great_expectations_refuse_bad_columns(home: Home) -> None:
    from warehouse.expectations import validate

    frame = query(home.perfdb, "select * from plan_statistics").to_pandas()
    assert all(result.passed for result in validate("plan_statistics", frame))
    frame.loc[0, "qoa"] = 1.5
    frame.loc[1, "plan_key"] = "nonsense"
    failed = {
        result.name: result.example for result in validate("plan_statistics", frame) if not result.passed
    }
    assert failed == {
        "plan_statistics.qoa: column_values_to_be_between": '{"qoa": 1.5}',
        "plan_statistics.plan_key: column_values_to_match_regex": '{"plan_key": "nonsense"}',
    }


def test_readers_keep_their_snapshot_while_a_new_one_is_published(home: Home, traces: Any) -> None:
    reader = duckdb.connect(str(home.perfdb), read_only=True)
    reader.execute("select count(*) from executions").fetchall()
    land_traces(home, traces(traces.execution(A, 1)))
    refresh(home, full_gate=False)
    assert reader.execute("select count(*) from executions").fetchall() == [(0,)]
    # In the same process a new reader gets the new snapshot all the same.
    assert rows(home, "select count(*) from executions") == [(1,)]
    reader.close()


def test_earlier_snapshots_are_kept_up_to_a_number(home: Home, traces: Any) -> None:
    ids = [path.stem for path in home.snapshots.iterdir()]
    for i in range(4):
        land_traces(home, traces(traces.execution(A, i)))
        ids.append(refresh(home, full_gate=False, keep=3).snapshot_id)
    assert sorted(path.stem for path in home.snapshots.iterdir()) == ids[-3:]
    assert rows(home, "select count(*), max(snapshot_id) from snapshots") == [(5, ids[-1])]
    middle = home.snapshots / f"{ids[-2]}.duckdb"
    assert query(middle, "select count(*) as n from executions")["n"][0] == 3
    assert home.perfdb.stat().st_mode & 0o222 == 0


def test_the_same_inputs_make_the_same_snapshot_id(
    fresh_home: Home, home: Home, traces: Any, tmp_path: Any
) -> None:
    import shutil

    twin = Home(tmp_path / "twin")
    shutil.copytree(fresh_home.path, twin.path)
    frame = traces(*[traces.execution(CHAIN, i) for i in range(5)])
    for place in (home, twin):
        land_traces(place, frame)
    assert refresh(home, full_gate=False).snapshot_id == refresh(twin, full_gate=False).snapshot_id
    for table in ("executions", "calls", "plan_statistics", "model_figures", "plan_days", "model_days"):
        assert query(home.perfdb, f"from {table}").equals(query(twin.perfdb, f"from {table}"))


def test_ingested_priors_override_by_date_then_by_order(home: Home, tmp_path: Any) -> None:
    def figure() -> tuple[float, str]:
        statement = (
            "select value, provenance from model_figures "
            "where model = 'phi4:14b' and topic = '*' and task = 'open' and metric = 'qoa'"
        )
        return rows(home, statement)[0]

    old = tmp_path / "old.csv"
    old.write_text("model,task,qoa,source,as_of\nphi4:14b,open,0.9,old,2020-01-01\n")
    new = tmp_path / "new.csv"
    new.write_text(
        "model,task,qoa,source,as_of\nphi4:14b,open,0.2,new,2026-06-01\nphi4:14b,open,7,new,2026-06-01\n"
    )
    same_day = tmp_path / "same day.csv"
    same_day.write_text("model,task,qoa,source,as_of\nphi4:14b,open,0.3,later,2026-06-01\n")
    report = ingest_priors(home, [old])
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    refresh(home, full_gate=False)
    assert figure()[0] == 0.03
    report = ingest_priors(home, [new])
    assert (report.n_landed, report.n_quarantined) == (1, 1)
    assert refresh(home, full_gate=False).n_priors_new == 1
    assert figure() == (0.2, "prior: new")
    assert rows(home, "select kind, file, row_number from quarantine") == [("priors", "new.csv", 2)]
    ingest_priors(home, [same_day])
    refresh(home, full_gate=False)
    assert figure() == (0.3, "prior: later")
    assert ingest_priors(home, [old, new]).unchanged == [str(old), str(new)]
    assert not refresh(home, full_gate=False).published
